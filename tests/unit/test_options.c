/* SPDX-License-Identifier: MIT */
#include "base/clock.h"
#include "options.h"
#include "tests/unit/support.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define FORWARD_RULE                                                                                         \
    "up to 16 of tcp://HOST:PORT, or dns+tcp://NAME:PORT for all addresses of a name, each once"
#define LISTEN_RULE "up to 16 of HOST:PORT, as 127.0.0.1:8080 or [::]:8080, and unix:/PATH"

static struct options options;
static char error[OPTIONS_ERROR_BYTES];

/* Reads a command line: arguments divided by single spaces. */
static enum options_result read_line(const char *line)
{
    static char words[2048], program[] = "headcam";
    char *arguments[32] = {program};
    int count = 1;
    snprintf(words, sizeof(words), "%s", line);
    for (char *word = words; *word;) {
        arguments[count++] = word;
        word += strcspn(word, " ");
        if (*word)
            *word++ = '\0';
    }
    strcpy(error, "none");
    return options_read(count, arguments, &options, error);
}

static void assert_error(const char *line, const char *expected)
{
    assert_int_equal(read_line(line), OPTIONS_ERROR);
    assert_string_equal(error, expected);
}

static void assert_listen(size_t index, const char *host, const char *port)
{
    assert_true(index < options.listen_count);
    assert_string_equal(options.listen[index].tcp.host, host);
    assert_string_equal(options.listen[index].tcp.port, port);
}

TEST(without_arguments_everything_has_its_default)
{
    assert_int_equal(read_line(""), OPTIONS_RUN);
    assert_int_equal(options.listen_count, 1);
    assert_listen(0, "127.0.0.1", "8080");
    assert_int_equal(options.listen_source, OPTIONS_DEFAULT);
    assert_int_equal(options.listen_mode, 0660);
    assert_null(options.tls_cert);
    assert_null(options.tls_key);
    assert_string_equal(options.ingest[0].text, "ipc:///run/headcam/ingest.sock");
    assert_int_equal(options.ingest_count, 1);
    assert_int_equal(options.forward_count, 0);
    assert_int_equal(options.max_edges, 32);
    assert_null(options.curve_key);
    assert_int_equal(options.socket_mode, 0660);
    assert_null(options.default_name);
    assert_int_equal(options.jpeg.quality, 80);
    assert_int_equal(options.jpeg.subsampling, JPEG_420);
    assert_int_equal(options.max_streams, 64);
    assert_int_equal(options.max_variants, 8);
    assert_int_equal(options.max_viewers, 1000);
    assert_int_equal(options.max_snapshots, 1000);
    assert_int_equal(options.max_frame_bytes, 128 * 1024 * 1024);
    assert_int_equal(options.max_exact_bytes, 1024 * 1024 * 1024);
    assert_int_equal(options.no_signal_after_ns, 3 * NS_PER_S);
    assert_int_equal(options.stuck_after_ns, 30 * NS_PER_S);
    assert_int_equal(options.forget_after_ns, 60 * NS_PER_S);
    assert_int_equal(options.log_level, LOG_INFO);
    assert_null(options.auth_file);
    assert_int_equal(options.login_failures, 20);
    assert_int_equal(options.login_recovery_ns, 3 * NS_PER_S);
    assert_int_equal(options.login_addresses, 4096);
    assert_int_equal(options.max_logins, 256);
    assert_int_equal(options.allow_origins.count, 0);
    assert_int_equal(options.trusted_proxies.count, 0);
}

TEST(there_is_an_encoding_thread_for_each_core)
{
    assert_int_equal(read_line(""), OPTIONS_RUN);
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    assert_int_equal(options.encode_threads, cores > 64 ? 64 : cores);
}

TEST(every_flag_is_read_with_a_space)
{
    assert_int_equal(
        read_line(
            "--listen 0.0.0.0:80 --ingest tcp://*:5555 --curve-key none --socket-mode 600 --default front "
            "--quality 1 --subsampling 4:4:4 --encode-threads 64 --max-streams 1 "
            "--max-variants 32 --max-viewers 0 --max-snapshots 7"),
        OPTIONS_RUN);
    assert_listen(0, "0.0.0.0", "80");
    assert_string_equal(options.ingest[0].text, "tcp://*:5555");
    assert_int_equal(options.socket_mode, 0600);
    assert_string_equal(options.default_name, "front");
    assert_int_equal(options.jpeg.quality, 1);
    assert_int_equal(options.jpeg.subsampling, JPEG_444);
    assert_int_equal(options.encode_threads, 64);
    assert_int_equal(options.max_streams, 1);
    assert_int_equal(options.max_variants, 32);
    assert_int_equal(options.max_viewers, 0);
    assert_int_equal(options.max_snapshots, 7);
    assert_int_equal(read_line("--max-frame-bytes 4294967296 --no-signal-after 0.5 --stuck-after 1.25 "
                               "--forget-after 86400 --log-level debug"),
                     OPTIONS_RUN);
    assert_int_equal(options.max_frame_bytes, UINT64_C(4294967296));
    assert_int_equal(options.no_signal_after_ns, 500 * NS_PER_MS);
    assert_int_equal(options.stuck_after_ns, 1250 * NS_PER_MS);
    assert_int_equal(options.forget_after_ns, 86400 * NS_PER_S);
    assert_int_equal(options.log_level, LOG_DEBUG);
    assert_int_equal(read_line("--auth-file /etc/auth --login-failures 1 --login-recovery 0.1 "
                               "--login-addresses 1000000 --max-logins 10000 --allow-origin * "
                               "--trusted-proxy unix,::1 --trusted-proxy 10.0.0.0/8"),
                     OPTIONS_RUN);
    assert_string_equal(options.auth_file, "/etc/auth");
    assert_int_equal(options.login_failures, 1);
    assert_int_equal(options.login_recovery_ns, 100 * NS_PER_MS);
    assert_int_equal(options.login_addresses, 1000000);
    assert_int_equal(options.max_logins, 10000);
    assert_true(text_item_is(&options.allow_origins.items[0], "*"));
    assert_int_equal(options.trusted_proxies.count, 3);
    assert_true(text_item_is(&options.trusted_proxies.items[2], "10.0.0.0/8"));
}

TEST(endpoints_are_told_apart)
{
    assert_int_equal(read_line("--ingest ipc:///a,tcp://[::1]:5555 --ingest tcp://localhost:* "
                               "--forward tcp://127.0.0.1:1 --forward dns+tcp://localhost:2 --max-edges 256"),
                     OPTIONS_RUN);
    assert_int_equal(options.ingest_count, 3);
    assert_false(options.ingest[0].is_tcp);
    assert_true(options.ingest[1].is_tcp);
    assert_string_equal(options.ingest[1].tcp.host, "::1");
    assert_string_equal(options.ingest[2].tcp.port, "0");
    assert_int_equal(options.forward_count, 2);
    assert_true(options.forward[0].is_numeric);
    assert_false(options.forward[0].is_every_address);
    assert_false(options.forward[1].is_numeric);
    assert_true(options.forward[1].is_every_address);
    assert_int_equal(options.max_edges, 256);
}

TEST(tcp_beyond_this_machine_needs_keys)
{
    assert_error("--ingest tcp://0.0.0.0:5555",
                 "--ingest tcp://0.0.0.0:5555 would take frames from everybody who reaches it; give "
                 "--curve-key FILE and --curve-allow FILE, or --curve-key none if that is meant");
    assert_error(
        "--forward tcp://edge.example:5555",
        "--forward tcp://edge.example:5555 would send frames in the clear; give --curve-key FILE and "
        "--curve-edge FILE, or --curve-key none if that is meant");
    assert_error("--ingest tcp://127.0.0.1:1 --curve-key k",
                 "--ingest tcp://127.0.0.1:1 with --curve-key needs --curve-allow FILE, the public keys of "
                 "those who may send there");
    assert_error(
        "--forward tcp://a:1,tcp://b:1,tcp://c:1 --curve-key k --curve-edge a --curve-edge b",
        "--forward with --curve-key needs --curve-edge FILE, the public key of the edge: one for all, "
        "or one for each of 3");
    assert_error("--curve-allow a", "--curve-allow and --curve-edge are of no use without --curve-key FILE");
    static const char *const good[] = {
        "--ingest tcp://0.0.0.0:5555 --curve-key none",
        "--ingest tcp://0.0.0.0:5555 --curve-key k --curve-allow a",
        "--ingest tcp://127.9.9.9:5555,tcp://[::1]:1,tcp://localhost:2",
        "--forward tcp://127.0.0.1:5555",
        "--forward tcp://edge:5555 --curve-key none",
        "--forward tcp://edge:5555 --curve-key k --curve-edge a",
        "--forward tcp://a:1,tcp://b:1 --curve-key k --curve-edge a,b",
    };
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        assert_int_equal(read_line(good[i]), OPTIONS_RUN);
}

TEST(every_flag_is_read_with_an_equals_sign)
{
    assert_int_equal(read_line("--listen=[::1]:0 --ingest=ipc:///a=b --quality=100 --subsampling=4:2:2 "
                               "--log-level=error"),
                     OPTIONS_RUN);
    assert_listen(0, "::1", "0");
    assert_string_equal(options.ingest[0].text, "ipc:///a=b");
    assert_int_equal(options.jpeg.quality, 100);
    assert_int_equal(options.jpeg.subsampling, JPEG_422);
    assert_int_equal(options.log_level, LOG_ERROR);
}

TEST(a_key_belongs_to_a_certificate)
{
    assert_int_equal(read_line("--tls-key b --tls-cert a"), OPTIONS_RUN);
    assert_string_equal(options.tls_cert, "a");
    assert_string_equal(options.tls_key, "b");
    assert_int_equal(read_line("--tls-cert a"), OPTIONS_RUN);
    assert_null(options.tls_key);
    assert_int_equal(read_line("--tls-key b"), OPTIONS_ERROR);
    assert_string_equal(error, "--tls-key is of no use without --tls-cert FILE");
}

TEST(the_last_of_several_counts)
{
    assert_int_equal(read_line("--quality 10 --quality=20"), OPTIONS_RUN);
    assert_int_equal(options.jpeg.quality, 20);
}

TEST(the_environment_sets_what_no_flag_sets)
{
    setenv("HEADCAM_QUALITY", "33", 1);
    setenv("HEADCAM_MAX_VIEWERS", "5", 1);
    setenv("HEADCAM_NO_SIGNAL_AFTER", "1.5", 1);
    setenv("HEADCAM_LISTEN", "[::]:9000", 1);
    assert_int_equal(read_line("--quality 44"), OPTIONS_RUN);
    assert_int_equal(options.jpeg.quality, 44);
    assert_int_equal(options.max_viewers, 5);
    assert_int_equal(options.no_signal_after_ns, 1500 * NS_PER_MS);
    assert_int_equal(options.listen_count, 1);
    assert_listen(0, "::", "9000");
    assert_int_equal(options.listen_source, OPTIONS_ENVIRONMENT);
    unsetenv("HEADCAM_QUALITY");
    unsetenv("HEADCAM_MAX_VIEWERS");
    unsetenv("HEADCAM_NO_SIGNAL_AFTER");
    unsetenv("HEADCAM_LISTEN");
}

TEST(addresses_add_up_when_they_are_repeated_or_divided_by_commas)
{
    assert_int_equal(read_line("--listen a:1 --listen=b:2,[::1]:3 --listen-mode 600 --listen unix:/x"),
                     OPTIONS_RUN);
    assert_int_equal(options.listen_count, 4);
    assert_listen(0, "a", "1");
    assert_listen(1, "b", "2");
    assert_listen(2, "::1", "3");
    assert_string_equal(options.listen[3].path, "/x");
    assert_int_equal(options.listen_source, OPTIONS_ARGUMENT);
    assert_int_equal(options.listen_mode, 0600);
}

TEST(addresses_in_arguments_replace_those_in_the_environment)
{
    setenv("HEADCAM_LISTEN", "a:1,b:2", 1);
    assert_int_equal(read_line(""), OPTIONS_RUN);
    assert_int_equal(options.listen_count, 2);
    assert_listen(1, "b", "2");
    assert_int_equal(read_line("--listen c:3"), OPTIONS_RUN);
    assert_int_equal(options.listen_count, 1);
    assert_listen(0, "c", "3");
    unsetenv("HEADCAM_LISTEN");
}

TEST(there_may_be_sixteen_addresses)
{
    char line[300] = "--listen a:0";
    for (int i = 1; i < OPTIONS_LISTEN_MOST; i++)
        strcat(line, ",a:0");
    assert_int_equal(read_line(line), OPTIONS_RUN);
    assert_int_equal(options.listen_count, OPTIONS_LISTEN_MOST);
    strcat(line, " --listen=b:0");
    assert_error(line, "--listen must be " LISTEN_RULE ", not 'b:0'");
}

static void assert_origins(const char *const *expected, size_t count)
{
    assert_int_equal(options.allow_origins.count, count);
    for (size_t i = 0; i < count; i++)
        assert_true(text_item_is(&options.allow_origins.items[i], expected[i]));
}

TEST(a_list_grows_with_each_flag)
{
    assert_int_equal(read_line("--allow-origin http://a --quality 5 --allow-origin=http://b,http://c"),
                     OPTIONS_RUN);
    assert_origins((const char *const[]){"http://a", "http://b", "http://c"}, 3);
}

TEST(flags_of_a_list_take_the_place_of_its_variable)
{
    setenv("HEADCAM_ALLOW_ORIGIN", "http://x,http://y", 1);
    assert_int_equal(read_line(""), OPTIONS_RUN);
    assert_origins((const char *const[]){"http://x", "http://y"}, 2);
    assert_int_equal(read_line("--allow-origin http://a --allow-origin http://b"), OPTIONS_RUN);
    assert_origins((const char *const[]){"http://a", "http://b"}, 2);
    unsetenv("HEADCAM_ALLOW_ORIGIN");
}

TEST(an_empty_variable_counts_as_unset)
{
    setenv("HEADCAM_QUALITY", "", 1);
    assert_int_equal(read_line(""), OPTIONS_RUN);
    assert_int_equal(options.jpeg.quality, 80);
    unsetenv("HEADCAM_QUALITY");
}

TEST(a_bad_variable_is_named)
{
    setenv("HEADCAM_STUCK_AFTER", "soon", 1);
    assert_error("", "HEADCAM_STUCK_AFTER must be 1 to 3600, not 'soon'");
    unsetenv("HEADCAM_STUCK_AFTER");
}

TEST(each_bad_value_gives_one_line_that_tells_the_rule)
{
    static const struct {
        const char *line, *error;
    } bad[] = {
        {"--listen 8080", "--listen must be " LISTEN_RULE ", not '8080'"},
        {"--listen :8080", "--listen must be " LISTEN_RULE ", not ':8080'"},
        {"--listen host:", "--listen must be " LISTEN_RULE ", not 'host:'"},
        {"--listen host:65536", "--listen must be " LISTEN_RULE ", not 'host:65536'"},
        {"--listen host:-1", "--listen must be " LISTEN_RULE ", not 'host:-1'"},
        {"--listen host:http", "--listen must be " LISTEN_RULE ", not 'host:http'"},
        {"--listen ::1:8080", "--listen must be " LISTEN_RULE ", not '::1:8080'"},
        {"--listen [::1:8080", "--listen must be " LISTEN_RULE ", not '[::1:8080'"},
        {"--listen a:1,", "--listen must be " LISTEN_RULE ", not 'a:1,'"},
        {"--listen a:1,,b:2", "--listen must be " LISTEN_RULE ", not 'a:1,,b:2'"},
        {"--listen unix:x", "--listen must be " LISTEN_RULE ", not 'unix:x'"},
        {"--listen-mode 1777", "--listen-mode must be an octal mode up to 0777, not '1777'"},
        {"--listen []:8080", "--listen must be " LISTEN_RULE ", not '[]:8080'"},
        {"--ingest=", "--ingest must be up to 16 of ipc:///PATH or tcp://HOST:PORT, not ''"},
        {"--ingest tcp://host",
         "--ingest must be up to 16 of ipc:///PATH or tcp://HOST:PORT, not 'tcp://host'"},
        {"--ingest inproc://a",
         "--ingest must be up to 16 of ipc:///PATH or tcp://HOST:PORT, not 'inproc://a'"},
        {"--forward ipc:///a", "--forward must be " FORWARD_RULE ", not 'ipc:///a'"},
        {"--forward tcp://a:0", "--forward must be " FORWARD_RULE ", not 'tcp://a:0'"},
        {"--forward tcp://a:1,tcp://a:1", "--forward must be " FORWARD_RULE ", not 'tcp://a:1,tcp://a:1'"},
        {"--max-edges 0", "--max-edges must be 1 to 256, not '0'"},
        {"--socket-mode 0778", "--socket-mode must be an octal mode up to 0777, not '0778'"},
        {"--socket-mode 1777", "--socket-mode must be an octal mode up to 0777, not '1777'"},
        {"--socket-mode 00777", "--socket-mode must be an octal mode up to 0777, not '00777'"},
        {"--socket-mode rw", "--socket-mode must be an octal mode up to 0777, not 'rw'"},
        {"--default a/b", "--default must be 1 to 64 characters of A-Z a-z 0-9 . _ -, not 'a/b'"},
        {"--default=", "--default must be 1 to 64 characters of A-Z a-z 0-9 . _ -, not ''"},
        {"--quality 0", "--quality must be 1 to 100, not '0'"},
        {"--quality 101", "--quality must be 1 to 100, not '101'"},
        {"--quality 80.5", "--quality must be 1 to 100, not '80.5'"},
        {"--quality -1", "--quality must be 1 to 100, not '-1'"},
        {"--quality=", "--quality must be 1 to 100, not ''"},
        {"--quality 9999999999999999999999", "--quality must be 1 to 100, not '9999999999999999999999'"},
        {"--subsampling 420", "--subsampling must be 4:2:0, 4:2:2 or 4:4:4, not '420'"},
        {"--encode-threads 0", "--encode-threads must be 1 to 64, not '0'"},
        {"--encode-threads 65", "--encode-threads must be 1 to 64, not '65'"},
        {"--max-streams 0", "--max-streams must be 1 to 4096, not '0'"},
        {"--max-streams 4097", "--max-streams must be 1 to 4096, not '4097'"},
        {"--max-variants 33", "--max-variants must be 0 to 32, not '33'"},
        {"--max-viewers 100001", "--max-viewers must be 0 to 100000, not '100001'"},
        {"--max-snapshots many", "--max-snapshots must be 0 to 100000, not 'many'"},
        {"--max-frame-bytes 65535", "--max-frame-bytes must be 65536 to 4294967296, not '65535'"},
        {"--max-frame-bytes 4294967297", "--max-frame-bytes must be 65536 to 4294967296, not '4294967297'"},
        {"--max-frame-bytes 1e6", "--max-frame-bytes must be 65536 to 4294967296, not '1e6'"},
        {"--no-signal-after 0.4", "--no-signal-after must be 0.5 to 3600, not '0.4'"},
        {"--no-signal-after 1.2.3", "--no-signal-after must be 0.5 to 3600, not '1.2.3'"},
        {"--no-signal-after nan", "--no-signal-after must be 0.5 to 3600, not 'nan'"},
        {"--no-signal-after 0x10", "--no-signal-after must be 0.5 to 3600, not '0x10'"},
        {"--stuck-after 0.9", "--stuck-after must be 1 to 3600, not '0.9'"},
        {"--forget-after 1", "--forget-after must be 2 to 86400, not '1'"},
        {"--auth-file=", "--auth-file must be a file, or none, not ''"},
        {"--login-failures 0", "--login-failures must be 1 to 1000, not '0'"},
        {"--login-recovery 0", "--login-recovery must be 0.1 to 3600, not '0'"},
        {"--login-addresses 0", "--login-addresses must be 1 to 1000000, not '0'"},
        {"--max-logins 0", "--max-logins must be 1 to 10000, not '0'"},
        {"--allow-origin example.org", "--allow-origin must be * or up to 32 origins, as "
                                       "http://localhost:3000 or https://example.org, not 'example.org'"},
        {"--allow-origin http://a,", "--allow-origin must be * or up to 32 origins, as "
                                     "http://localhost:3000 or https://example.org, not 'http://a,'"},
        {"--trusted-proxy 10.0.0.0/33", "--trusted-proxy must be up to 32 of an IP address, a network, as "
                                        "10.0.0.0/8, and unix, not '10.0.0.0/33'"},
        {"--log-level loud", "--log-level must be error, warn, info or debug, not 'loud'"},
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_error(bad[i].line, bad[i].error);
}

TEST(unknown_arguments_are_named)
{
    assert_error("--qualities 5", "unknown argument '--qualities'; --help lists the flags");
    assert_error("--qualit 5", "unknown argument '--qualit'; --help lists the flags");
    assert_error("quality 5", "unknown argument 'quality'; --help lists the flags");
    assert_error("-q 5", "unknown argument '-q'; --help lists the flags");
    assert_error("--", "unknown argument '--'; --help lists the flags");
    assert_error("--=5", "unknown argument '--=5'; --help lists the flags");
}

TEST(a_flag_without_its_value_is_told)
{
    assert_error("--quality", "--quality needs a value: 1 to 100");
    assert_error("--quality 5 --default", "--default needs a value: 1 to 64 characters of A-Z a-z 0-9 . _ -");
}

TEST(a_long_bad_value_is_cut)
{
    char line[600] = "--quality ";
    memset(line + strlen(line), 'x', 400);
    assert_int_equal(read_line(line), OPTIONS_ERROR);
    assert_true(strlen(error) < 200);
    assert_null(strchr(error, '\n'));
}

TEST(help_and_version_win_over_everything)
{
    assert_int_equal(read_line("--help"), OPTIONS_HELP);
    assert_int_equal(read_line("-h"), OPTIONS_HELP);
    assert_int_equal(read_line("--version"), OPTIONS_VERSION);
    assert_int_equal(read_line("--help=man"), OPTIONS_MAN);
    assert_error("--help=html", "unknown argument '--help=html'; --help lists the flags");
    assert_int_equal(read_line("--quality 0 --nonsense --help"), OPTIONS_HELP);
}

/* What a function prints, for free(). */
static char *printed_by(void (*print)(void))
{
    char path[] = "/tmp/headcam-help-XXXXXX";
    int file = mkstemp(path), saved = dup(STDOUT_FILENO);
    fflush(stdout);
    dup2(file, STDOUT_FILENO);
    print();
    fflush(stdout);
    dup2(saved, STDOUT_FILENO);
    close(file);
    close(saved);
    size_t length;
    char *text = read_whole_file(path, &length);
    unlink(path);
    return text;
}

TEST(the_help_lists_every_flag_with_its_default)
{
    char *help = printed_by(options_print_help);
    const char *const lines[] = {
        "--listen HOST:PORT",
        "--listen-mode MODE",
        "[127.0.0.1:8080]",
        "--ingest ENDPOINT",
        "--socket-mode MODE",
        "--default NAME",
        "--forward ENDPOINT",
        "--max-edges N",
        "headcam keygen FILE",
        "--curve-key FILE",
        "--curve-allow FILE",
        "--curve-edge FILE",
        "--quality N",
        "--subsampling S",
        "--encode-threads N",
        "--max-streams N",
        "--max-variants N",
        "--max-viewers N",
        "--max-snapshots N",
        "--max-frame-bytes N",
        "--max-exact-bytes N",
        "--no-signal-after S",
        "--stuck-after S",
        "--forget-after S",
        "--auth-file FILE",
        "--login-failures N",
        "--login-recovery S",
        "--login-addresses N",
        "--max-logins N",
        "--allow-origin ORIGIN",
        "--trusted-proxy ADDRESS",
        "--log-level LEVEL",
        "--help                ",
        "--version             ",
    };
    for (size_t i = 0; i < COUNT(lines); i++)
        assert_non_null(strstr(help, lines[i]));
    free(help);
}

TEST(the_manual_page_tells_each_flag_with_variable_rule_and_default)
{
    char *page = printed_by(options_print_man);
    assert_non_null(strstr(page, ".TP\n"
                                 "\\fB\\-\\-max\\-streams\\fR \\fIN\\fR, \\fBHEADCAM_MAX_STREAMS\\fR\n"
                                 "Streams that may be announced.\n"
                                 "Must be 1 to 4096.\n"
                                 "Default: 64.\n"));
    /* One that says by itself what is allowed, and one without a default. */
    assert_non_null(strstr(page, ".TP\n"
                                 "\\fB\\-\\-quality\\fR \\fIN\\fR, \\fBHEADCAM_QUALITY\\fR\n"
                                 "JPEG quality, 1 to 100.\n"
                                 "Default: 80.\n"));
    assert_non_null(strstr(page, "HEADCAM_ENCODE_THREADS\\fR\n"
                                 "Threads that share in encoding a frame (one a core, up to 4).\n"
                                 "Must be 1 to 64.\n"
                                 ".TP\n"));
    free(page);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(without_arguments_everything_has_its_default),
        cmocka_unit_test(there_is_an_encoding_thread_for_each_core),
        cmocka_unit_test(every_flag_is_read_with_a_space),
        cmocka_unit_test(every_flag_is_read_with_an_equals_sign),
        cmocka_unit_test(endpoints_are_told_apart),
        cmocka_unit_test(tcp_beyond_this_machine_needs_keys),
        cmocka_unit_test(a_key_belongs_to_a_certificate),
        cmocka_unit_test(the_last_of_several_counts),
        cmocka_unit_test(the_environment_sets_what_no_flag_sets),
        cmocka_unit_test(addresses_add_up_when_they_are_repeated_or_divided_by_commas),
        cmocka_unit_test(addresses_in_arguments_replace_those_in_the_environment),
        cmocka_unit_test(there_may_be_sixteen_addresses),
        cmocka_unit_test(a_list_grows_with_each_flag),
        cmocka_unit_test(flags_of_a_list_take_the_place_of_its_variable),
        cmocka_unit_test(an_empty_variable_counts_as_unset),
        cmocka_unit_test(a_bad_variable_is_named),
        cmocka_unit_test(each_bad_value_gives_one_line_that_tells_the_rule),
        cmocka_unit_test(unknown_arguments_are_named),
        cmocka_unit_test(a_flag_without_its_value_is_told),
        cmocka_unit_test(a_long_bad_value_is_cut),
        cmocka_unit_test(help_and_version_win_over_everything),
        cmocka_unit_test(the_help_lists_every_flag_with_its_default),
        cmocka_unit_test(the_manual_page_tells_each_flag_with_variable_rule_and_default),
    };
    return cmocka_run_group_tests_name("options", tests, NULL, NULL);
}
