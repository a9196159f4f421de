/* SPDX-License-Identifier: MIT */
#include "access/passwd.h"

#include "access/auth_file.h"
#include "access/secret.h"
#include "stream/name.h"

#include <bsd/readpassphrase.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, MIN_ARGUMENTS = 2, MOST_ARGUMENTS = 3 };

static const char USAGE[] =
    "usage: headcam passwd user NAME [streams=NAME,NAME...]    asks for a password\n"
    "       headcam passwd token NAME [streams=NAME,NAME...]   makes a token, and shows it once\n\n"
    "Prints a line for --auth-file, which holds no secret:\n\n"
    "  headcam passwd user alice >>/etc/headcam/auth\n"
    "  chmod 640 /etc/headcam/auth\n\n"
    "Without a terminal the password is the first line of standard input. With streams= only those\n"
    "streams can be seen. A running server reads the file again on SIGHUP.\n";

static int fail(int code, const char *text)
{
    fprintf(stderr, "headcam: %s\n", text);
    return code;
}

/* Reads one without showing it. False: the terminal, or the input, is at its end. */
static bool ask(const char *prompt, char password[SECRET_BYTES + 1])
{
    /* One byte more than there may be tells that it was cut. */
    bool is_terminal = isatty(STDIN_FILENO);
    return readpassphrase(is_terminal ? prompt : "", password, SECRET_BYTES + 1,
                          is_terminal ? RPP_REQUIRE_TTY : RPP_STDIN) != NULL;
}

/* NULL, or what is wrong with a password. */
static const char *password_flaw(const char *password)
{
    if (!password[0])
        return "the password is empty; nothing was made";
    if (strlen(password) >= SECRET_BYTES)
        return "the password is longer than 511 bytes; nothing was made";
    for (const char *c = password; *c; c++)
        if ((unsigned char)*c < 0x20 || *c == 0x7f)
            return "the password has a control character, which no browser sends; nothing was made";
    return NULL;
}

static int make_user(const char *name, const char *streams)
{
    char password[SECRET_BYTES + 1] = "", again[SECRET_BYTES + 1] = "", hash[CRYPT_OUTPUT_SIZE];
    const char *flaw = "the password cannot be read here; nothing was made";
    if (ask("Password: ", password))
        flaw = password_flaw(password);
    if (!flaw && isatty(STDIN_FILENO) && (!ask("Again: ", again) || strcmp(password, again) != 0))
        flaw = "the two passwords differ; nothing was made";
    if (!flaw && !secret_hash_password(password, hash))
        flaw = "crypt() cannot make a yescrypt hash";
    secret_wipe(password, sizeof(password));
    secret_wipe(again, sizeof(again));
    if (flaw)
        return fail(EXIT_FAILED, flaw);
    printf("user %s %s%s%s\n", name, hash, streams[0] ? " " : "", streams);
    return EXIT_OK;
}

static int make_token(const char *name, const char *streams)
{
    char token[SECRET_TOKEN_BYTES], hex[2 * SECRET_DIGEST_BYTES + 1];
    uint8_t digest[SECRET_DIGEST_BYTES];
    secret_new_token(token);
    secret_token_digest(token, digest);
    sodium_bin2hex(hex, sizeof(hex), digest, sizeof(digest));
    fprintf(stderr, "the token, which is shown only now: %s\n", token);
    secret_wipe(token, sizeof(token));
    printf("token %s %s%s%s\n", name, hex, streams[0] ? " " : "", streams);
    return EXIT_OK;
}

int passwd_main(int count, char *const arguments[])
{
    if (count == 1 && (strcmp(arguments[0], "--help") == 0 || strcmp(arguments[0], "-h") == 0)) {
        fputs(USAGE, stdout);
        return EXIT_OK;
    }
    bool is_user = count > 0 && strcmp(arguments[0], "user") == 0;
    if (count < MIN_ARGUMENTS || count > MOST_ARGUMENTS || (!is_user && strcmp(arguments[0], "token") != 0)) {
        fputs(USAGE, stderr);
        return EXIT_USAGE;
    }
    if (!auth_name_is_valid(arguments[1]))
        return fail(EXIT_USAGE, "the name must be " AUTH_NAME_RULE);
    const char *streams = count == MOST_ARGUMENTS ? arguments[2] : "";
    if (count == MOST_ARGUMENTS && !auth_streams_of(streams))
        return fail(EXIT_USAGE, "only streams=NAME,NAME may follow, with names of " NAME_RULE);
    if (sodium_init() < 0)
        return fail(EXIT_FAILED, "the system gives no random numbers");
    int code = is_user ? make_user(arguments[1], streams) : make_token(arguments[1], streams);
    if (code == EXIT_OK && fflush(stdout) != 0)
        return fail(EXIT_FAILED, "the line could not be written; nothing was made");
    return code;
}
