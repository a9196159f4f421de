/* SPDX-License-Identifier: MIT */
#include "options.h"

#include "base/clock.h"
#include "base/roff.h"
#include "base/version.h"
#include "http/forwarded.h"
#include "http/origins.h"
#include "stream/hub.h"
#include "stream/name.h"

#include <ctype.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* More than a few take longer to wake than they save. */
enum { DEFAULT_ENCODE_THREADS = 4, MAX_ENCODE_THREADS = 64, RULE_BYTES = 128 };

struct option;

/* Reads a value. False: it is not what option->rule says. */
typedef bool reader(const struct option *option, const char *text, void *field);

struct option {
    const char *name;     /* "max-viewers"; in the environment HEADCAM_MAX_VIEWERS */
    const char *argument; /* for the help: "N" */
    const char *standard; /* the default, read like any value; NULL: set by code */
    const char *help;
    const char *rule; /* what a value must be, for errors */
    reader *read;
    size_t field;       /* offset in struct options */
    double least, most; /* for numbers */
};

/* ---- readers ---- */

static bool read_string(const struct option *option, const char *text, void *field)
{
    (void)option;
    if (!text[0])
        return false;
    *(const char **)field = text;
    return true;
}

/* Whether a value of an option that may be repeated is the first from where values come now: it takes the
   place of those from elsewhere. */
static bool is_first(const struct options *options, enum options_source *source)
{
    bool is_new = *source != options->source;
    *source = options->source;
    return is_new;
}

static bool read_listen(const struct option *option, const char *text, void *field)
{
    (void)option;
    struct options *options = field;
    if (is_first(options, &options->listen_source))
        options->listen_count = 0;
    while (text) {
        struct text_item item = text_list_next(&text);
        if (options->listen_count == OPTIONS_LISTEN_MOST ||
            !listen_address_read(item.text, item.length, &options->listen[options->listen_count++]))
            return false;
    }
    return true;
}

static bool read_ingest(const struct option *option, const char *text, void *field)
{
    (void)option;
    struct options *options = field;
    if (is_first(options, &options->ingest_source))
        options->ingest_count = 0;
    while (text) {
        struct text_item item = text_list_next(&text);
        if (options->ingest_count == OPTIONS_INGEST_MOST ||
            !endpoint_read(item.text, item.length, &options->ingest[options->ingest_count++]))
            return false;
    }
    return true;
}

/* An edge twice would get everything twice. */
static bool is_other_target(const struct options *options, const struct target *target)
{
    for (const struct target *other = options->forward; other < target; other++)
        if (strcmp(other->text, target->text) == 0)
            return false;
    return true;
}

static bool read_forward(const struct option *option, const char *text, void *field)
{
    (void)option;
    struct options *options = field;
    if (is_first(options, &options->forward_source))
        options->forward_count = 0;
    while (text) {
        struct text_item item = text_list_next(&text);
        struct target *target = &options->forward[options->forward_count];
        if (options->forward_count == OPTIONS_FORWARD_MOST || !target_read(item.text, item.length, target) ||
            !is_other_target(options, target))
            return false;
        options->forward_count++;
    }
    return true;
}

static bool read_edge_keys(const struct option *option, const char *text, void *field)
{
    (void)option;
    struct options *options = field;
    if (is_first(options, &options->curve_edge_source))
        options->curve_edge.count = 0;
    return text[0] && text_list_add(&options->curve_edge, text);
}

static bool read_number(const struct option *option, const char *text, double *value)
{
    if (!isdigit((unsigned char)text[0]))
        return false;
    char *end;
    errno = 0;
    *value = strtod(text, &end);
    return errno == 0 && *end == '\0' && *value >= option->least && *value <= option->most;
}

static bool read_whole(const struct option *option, const char *text, double *value)
{
    return strspn(text, "0123456789") == strlen(text) && read_number(option, text, value);
}

static bool read_int(const struct option *option, const char *text, void *field)
{
    double value;
    if (!read_whole(option, text, &value))
        return false;
    *(int *)field = (int)value;
    return true;
}

static bool read_size(const struct option *option, const char *text, void *field)
{
    double value;
    if (!read_whole(option, text, &value))
        return false;
    *(size_t *)field = (size_t)value;
    return true;
}

static bool read_seconds(const struct option *option, const char *text, void *field)
{
    double value;
    if (text[strspn(text, "0123456789.")] != '\0' || !read_number(option, text, &value))
        return false;
    *(uint64_t *)field = (uint64_t)(value * (double)NS_PER_S);
    return true;
}

static bool read_mode(const struct option *option, const char *text, void *field)
{
    (void)option;
    size_t length = strlen(text);
    if (length == 0 || length > 4 || strspn(text, "01234567") != length || strtol(text, NULL, 8) > 0777)
        return false;
    *(mode_t *)field = (mode_t)strtol(text, NULL, 8);
    return true;
}

static bool read_name(const struct option *option, const char *text, void *field)
{
    return name_is_valid(text, strlen(text)) && read_string(option, text, field);
}

static bool read_subsampling(const struct option *option, const char *text, void *field)
{
    (void)option;
    return jpeg_subsampling_from_name(text, field);
}

static bool read_level(const struct option *option, const char *text, void *field)
{
    (void)option;
    return log_level_from_name(text, field);
}

/* Adds to a list of which each item must be valid. */
static bool read_list(const struct options *options, struct text_list *list, enum options_source *source,
                      bool (*is_valid)(const struct text_item *item), const char *text)
{
    if (is_first(options, source))
        list->count = 0;
    size_t before = list->count;
    if (!text_list_add(list, text))
        return false;
    for (size_t i = before; i < list->count; i++)
        if (!is_valid(&list->items[i]))
            return false;
    return true;
}

static bool read_origins(const struct option *option, const char *text, void *field)
{
    (void)option;
    struct options *options = field;
    return read_list(options, &options->allow_origins, &options->allow_origins_source, origin_is_valid, text);
}

static bool read_proxies(const struct option *option, const char *text, void *field)
{
    (void)option;
    struct options *options = field;
    return read_list(options, &options->trusted_proxies, &options->trusted_proxies_source, forwarded_is_valid,
                     text);
}

/* ---- the table ---- */

#define FIELD(member) offsetof(struct options, member)

static const struct option table[] = {
    {"listen", "HOST:PORT", "127.0.0.1:8080",
     "where to serve HTTP, or unix:/PATH; several with commas, or repeated",
     "up to 16 of HOST:PORT, as 127.0.0.1:8080 or [::]:8080, and unix:/PATH", read_listen, 0, 0, 0},
    {"listen-mode", "MODE", "0660", "the mode of the file of unix:/PATH", "an octal mode up to 0777",
     read_mode, FIELD(listen_mode), 0, 0},
    {"tls-cert", "FILE", NULL, "serve HTTPS, with this certificate and its chain (PEM); not on unix:/PATH",
     "a file", read_string, FIELD(tls_cert), 0, 0},
    {"tls-key", "FILE", NULL, "the certificate's key (in the file of --tls-cert)", "a file", read_string,
     FIELD(tls_key), 0, 0},
    {"ingest", "ENDPOINT", "ipc:///run/headcam/ingest.sock", "where agents, or headcams by tcp://, connect",
     "up to 16 of " ENDPOINT_RULE, read_ingest, 0, 0, 0},
    {"socket-mode", "MODE", "0660", "the mode of the ingest socket's file", "an octal mode up to 0777",
     read_mode, FIELD(socket_mode), 0, 0},
    {"forward", "ENDPOINT", NULL,
     "send another headcam what its viewers want: tcp://HOST:PORT; may be repeated",
     "up to 16 of " TARGET_RULE ", each once", read_forward, 0, 0, 0},
    {"max-edges", "N", "32", "headcams that may be forwarded to at a time", "1 to 256", read_size,
     FIELD(max_edges), 1, 256},
    {"curve-key", "FILE", NULL, "secret key for tcp://, by 'headcam keygen'; none: in the clear is meant",
     "a file, or none", read_string, FIELD(curve_key), 0, 0},
    {"curve-allow", "FILE", NULL, "public keys of the headcams that may send to --ingest tcp://", "a file",
     read_string, FIELD(curve_allow), 0, 0},
    {"curve-edge", "FILE", NULL, "public key of the headcam at --forward; one for all, or for each in order",
     "up to 32 files", read_edge_keys, 0, 0, 0},
    {"default", "NAME", NULL, "the stream of /stream and /snapshot (the first announced)", NAME_RULE,
     read_name, FIELD(default_name), 0, 0},
    {"quality", "N", "80", "JPEG quality, 1 to 100", "1 to 100", read_int, FIELD(jpeg.quality), 1, 100},
    {"subsampling", "S", "4:2:0", "chroma subsampling: 4:2:0, 4:2:2 or 4:4:4", "4:2:0, 4:2:2 or 4:4:4",
     read_subsampling, FIELD(jpeg.subsampling), 0, 0},
    {"encode-threads", "N", NULL, "threads that share in encoding a frame (one a core, up to 4)", "1 to 64",
     read_int, FIELD(encode_threads), 1, MAX_ENCODE_THREADS},
    {"max-streams", "N", "64", "streams that may be announced", "1 to 4096", read_size, FIELD(max_streams), 1,
     4096},
    {"max-variants", "N", "8", "sizes and qualities of a stream that may be watched at a time", "0 to 32",
     read_size, FIELD(max_variants), 0, HUB_VARIANTS_MAX},
    {"max-viewers", "N", "1000", "clients that may stream at a time", "0 to 100000", read_size,
     FIELD(max_viewers), 0, 100000},
    {"max-snapshots", "N", "1000", "snapshot requests that may wait or be read at a time", "0 to 100000",
     read_size, FIELD(max_snapshots), 0, 100000},
    {"max-frame-bytes", "N", "134217728", "the largest frame an agent may send (128 MiB)",
     "65536 to 4294967296", read_size, FIELD(max_frame_bytes), 65536, 4294967296},
    {"max-exact-bytes", "N", "1073741824", "memory for snapshots with format=png or raw (1 GiB)",
     "1048576 to 1099511627776", read_size, FIELD(max_exact_bytes), 1048576, 1099511627776},
    {"no-signal-after", "S", "3", "seconds without a frame until a picture says so", "0.5 to 3600",
     read_seconds, FIELD(no_signal_after_ns), 0.5, 3600},
    {"stuck-after", "S", "30", "seconds until a client that reads nothing is closed", "1 to 3600",
     read_seconds, FIELD(stuck_after_ns), 1, 3600},
    {"idle-after", "S", "30", "seconds that a connection has to shake hands and ask, each time", "1 to 3600",
     read_seconds, FIELD(idle_after_ns), 1, 3600},
    {"forget-after", "S", "60", "seconds until a stream without an agent leaves the list", "2 to 86400",
     read_seconds, FIELD(forget_after_ns), 2, 86400},
    {"auth-file", "FILE", NULL, "users and tokens that may look, by 'headcam passwd'; none: everybody",
     "a file, or none", read_string, FIELD(auth_file), 0, 0},
    {"login-failures", "N", "20", "logins of an address that may fail at once", "1 to 1000", read_size,
     FIELD(login_failures), 1, 1000},
    {"login-recovery", "S", "3", "seconds until one more may fail", "0.1 to 3600", read_seconds,
     FIELD(login_recovery_ns), 0.1, 3600},
    {"login-addresses", "N", "4096", "addresses whose failed logins are remembered", "1 to 1000000",
     read_size, FIELD(login_addresses), 1, 1000000},
    {"max-logins", "N", "256", "passwords that may wait to be checked", "1 to 10000", read_size,
     FIELD(max_logins), 1, 10000},
    {"allow-origin", "ORIGIN", NULL,
     "pages whose scripts may read, * for all; several with commas, or repeated", ORIGIN_RULE, read_origins,
     0, 0, 0},
    {"trusted-proxy", "ADDRESS", NULL,
     "proxies whose X-Forwarded-For is believed, or unix; several with commas, or repeated", FORWARDED_RULE,
     read_proxies, 0, 0, 0},
    {"log-level", "LEVEL", "info", "what is logged: error, warn, info or debug", "error, warn, info or debug",
     read_level, FIELD(log_level), 0, 0},
};

enum { OPTION_COUNT = sizeof(table) / sizeof(table[0]) };

static void *field_of(struct options *options, const struct option *option)
{
    return (char *)options + option->field;
}

static const struct option *find_option(const char *name, size_t length)
{
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (strlen(table[i].name) == length && strncmp(table[i].name, name, length) == 0)
            return &table[i];
    return NULL;
}

static void set_defaults(struct options *options)
{
    memset(options, 0, sizeof(*options));
    for (size_t i = 0; i < OPTION_COUNT; i++)
        if (table[i].standard)
            table[i].read(&table[i], table[i].standard, field_of(options, &table[i]));
    long cores = sysconf(_SC_NPROCESSORS_ONLN);
    options->encode_threads = cores < 1                        ? 1
                              : cores > DEFAULT_ENCODE_THREADS ? DEFAULT_ENCODE_THREADS
                                                               : (int)cores;
}

static void environment_name(const struct option *option, char *name, size_t room)
{
    snprintf(name, room, "HEADCAM_%s", option->name);
    for (char *c = name; *c; c++)
        *c = (char)(*c == '-' ? '_' : toupper((unsigned char)*c));
}

static bool set(struct options *options, const struct option *option, const char *source, const char *text,
                char error[OPTIONS_ERROR_BYTES])
{
    if (option->read(option, text, field_of(options, option)))
        return true;
    snprintf(error, OPTIONS_ERROR_BYTES, "%s must be %s, not '%.100s'", source, option->rule, text);
    return false;
}

static bool read_environment(struct options *options, char error[OPTIONS_ERROR_BYTES])
{
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char name[64];
        environment_name(&table[i], name, sizeof(name));
        const char *text = getenv(name);
        if (text && text[0] && !set(options, &table[i], name, text, error))
            return false;
    }
    return true;
}

bool options_have_key(const struct options *options)
{
    return options->curve_key && strcmp(options->curve_key, OPTIONS_NO_KEY) != 0;
}

__attribute__((format(printf, 2, 3))) static bool is_wrong(char error[OPTIONS_ERROR_BYTES],
                                                           const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(error, OPTIONS_ERROR_BYTES, format, arguments);
    va_end(arguments);
    return false;
}

/* Beyond this machine frames are taken from those who have a key, unless that was said not to matter. */
static bool check_ingest(const struct options *options, char error[OPTIONS_ERROR_BYTES])
{
    for (size_t i = 0; i < options->ingest_count; i++) {
        const struct endpoint *endpoint = &options->ingest[i];
        if (!endpoint->is_tcp)
            continue;
        if (!options->curve_key && !host_port_is_loopback(&endpoint->tcp))
            return is_wrong(
                error,
                "--ingest %.200s would take frames from everybody who reaches it; give --curve-key "
                "FILE and --curve-allow FILE, or --curve-key none if that is meant",
                endpoint->text);
        if (options_have_key(options) && !options->curve_allow)
            return is_wrong(error,
                            "--ingest %.200s with --curve-key needs --curve-allow FILE, the public keys of "
                            "those who may send there",
                            endpoint->text);
    }
    return true;
}

static bool check_forward(const struct options *options, char error[OPTIONS_ERROR_BYTES])
{
    for (size_t i = 0; i < options->forward_count; i++) {
        const struct target *target = &options->forward[i];
        if (!options->curve_key && !host_port_is_loopback(&target->tcp))
            return is_wrong(error,
                            "--forward %.200s would send frames in the clear; give --curve-key FILE and "
                            "--curve-edge FILE, or --curve-key none if that is meant",
                            target->text);
    }
    size_t edge_keys = options->curve_edge.count;
    if (options_have_key(options) && options->forward_count > 0 && edge_keys != 1 &&
        edge_keys != options->forward_count)
        return is_wrong(error,
                        "--forward with --curve-key needs --curve-edge FILE, the public key of the edge: one "
                        "for all, or one for each of %zu",
                        options->forward_count);
    return true;
}

/* Keys that would not be used are a mistake. */
static bool check_keys(const struct options *options, char error[OPTIONS_ERROR_BYTES])
{
    bool has_others = options->curve_allow || options->curve_edge.count > 0;
    return options_have_key(options) || !has_others ||
           is_wrong(error, "--curve-allow and --curve-edge are of no use without --curve-key FILE");
}

enum options_result options_read(int argc, char *const argv[], struct options *options,
                                 char error[OPTIONS_ERROR_BYTES])
{
    set_defaults(options);
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0)
            return OPTIONS_HELP;
        if (strcmp(argv[i], "--help=man") == 0)
            return OPTIONS_MAN;
        if (strcmp(argv[i], "--version") == 0)
            return OPTIONS_VERSION;
    }
    options->source = OPTIONS_ENVIRONMENT;
    if (!read_environment(options, error))
        return OPTIONS_ERROR;
    options->source = OPTIONS_ARGUMENT;
    for (int i = 1; i < argc; i++) {
        const char *argument = argv[i];
        const char *value = strchr(argument, '=');
        size_t length = value ? (size_t)(value - argument) : strlen(argument);
        const struct option *option =
            strncmp(argument, "--", 2) == 0 && length > 2 ? find_option(argument + 2, length - 2) : NULL;
        if (!option) {
            snprintf(error, OPTIONS_ERROR_BYTES, "unknown argument '%.100s'; --help lists the flags",
                     argument);
            return OPTIONS_ERROR;
        }
        if (value) {
            value++;
        } else if (++i < argc) {
            value = argv[i];
        } else {
            snprintf(error, OPTIONS_ERROR_BYTES, "%s needs a value: %s", argument, option->rule);
            return OPTIONS_ERROR;
        }
        char source[64];
        snprintf(source, sizeof(source), "--%s", option->name);
        if (!set(options, option, source, value, error))
            return OPTIONS_ERROR;
    }
    if (options->tls_key && !options->tls_cert) {
        snprintf(error, OPTIONS_ERROR_BYTES, "--tls-key is of no use without --tls-cert FILE");
        return OPTIONS_ERROR;
    }
    return check_ingest(options, error) && check_forward(options, error) && check_keys(options, error)
               ? OPTIONS_RUN
               : OPTIONS_ERROR;
}

void options_print_help(void)
{
    printf("headcam " HEADCAM_VERSION ": the camera on a headless simulator.\n"
           "Takes frames from agents, serves them as MJPEG and snapshots.\n\n"
           "usage: headcam [--FLAG VALUE]...\n"
           "       headcam passwd user|token NAME          prints a line for --auth-file\n"
           "       headcam keygen FILE                     makes keys for tcp://\n"
           "       headcam healthcheck [--FLAG VALUE]...   asks a server with the same flags\n\n");
    for (size_t i = 0; i < OPTION_COUNT; i++) {
        char left[64];
        snprintf(left, sizeof(left), "--%s %s", table[i].name, table[i].argument);
        printf("  %-22s %s", left, table[i].help);
        if (table[i].standard)
            printf(" [%s]", table[i].standard);
        printf("\n");
    }
    printf("  %-22s %s\n  %-22s %s\n\n", "--help", "this text", "--version", "the version");
    printf("Every flag can be given in the environment too, the flag winning: HEADCAM_LISTEN,\n"
           "HEADCAM_MAX_VIEWERS and so on.\n\n"
           "Try it:  headcam --ingest ipc:///tmp/headcam.sock\n"
           "         headcam-agent testcard --endpoint ipc:///tmp/headcam.sock\n"
           "         then open http://127.0.0.1:8080/\n");
}

static void append_font(struct bytes *page, char font, const char *text)
{
    const char begin[] = {'\\', 'f', font};
    bytes_append(page, begin, sizeof(begin));
    roff_append(page, text);
    bytes_append(page, "\\fR", 3);
}

/* A sentence, on a line of its own as roff likes it. */
static void append_sentence(struct bytes *page, const char *begin, const char *text)
{
    bytes_append(page, begin, strlen(begin));
    roff_append(page, text);
    bytes_append(page, ".\n", 2);
}

/* One option: its flag and variable, what it is for, what it may be, and its default. */
static void append_man(struct bytes *page, const struct option *option)
{
    char flag[64], variable[64], help[256];
    snprintf(flag, sizeof(flag), "--%s", option->name);
    environment_name(option, variable, sizeof(variable));
    snprintf(help, sizeof(help), "%s", option->help);
    help[0] = (char)toupper((unsigned char)help[0]);

    bytes_append(page, ".TP\n", 4);
    append_font(page, 'B', flag);
    bytes_append(page, " ", 1);
    append_font(page, 'I', option->argument);
    bytes_append(page, ", ", 2);
    append_font(page, 'B', variable);
    bytes_append(page, "\n", 1);
    append_sentence(page, "", help);
    if (!strstr(option->help, option->rule)) /* it may name what is allowed by itself */
        append_sentence(page, "Must be ", option->rule);
    if (option->standard)
        append_sentence(page, "Default: ", option->standard);
}

void options_print_man(void)
{
    struct bytes page = {0};
    for (size_t i = 0; i < OPTION_COUNT; i++)
        append_man(&page, &table[i]);
    fwrite(page.data, 1, page.length, stdout);
    bytes_fini(&page);
}
