/* SPDX-License-Identifier: MIT */
#include "curve/keygen.h"

#include "curve/keys.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>
#include <zmq.h>

enum { EXIT_OK = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, CONTENT_BYTES = 512 };

static const char USAGE[] =
    "usage: headcam keygen FILE\n\n"
    "Makes the CURVE keys of a headcam that sends to others, or takes frames from them, by tcp://:\n\n"
    "  FILE        the secret key, for --curve-key on this machine; it stays here\n"
    "  FILE.pub    the public key, for the other side: --curve-edge of who sends here,\n"
    "              --curve-allow of who takes frames from here\n\n"
    "Files that are there already stay as they are.\n";

static int fail(const char *path)
{
    fprintf(stderr, "headcam: cannot write %s: %s; nothing was made\n", path, strerror(errno));
    return EXIT_FAILED;
}

static bool write_all(int fd, const char *text)
{
    size_t length = strlen(text);
    return write(fd, text, length) == (ssize_t)length && fsync(fd) == 0;
}

/* A new file. False, with errno: it is there already, or cannot be made; then there is none of it. */
static bool make_file(const char *path, mode_t mode, const char *text)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
    if (fd < 0)
        return false;
    bool is_made = write_all(fd, text);
    int reason = errno;
    if (close(fd) != 0 && is_made) {
        is_made = false;
        reason = errno;
    }
    if (!is_made)
        unlink(path);
    errno = reason;
    return is_made;
}

static int make_files(const char *path, const struct key_pair *pair)
{
    char public_path[PATH_MAX], content[CONTENT_BYTES];
    if (snprintf(public_path, sizeof(public_path), "%s.pub", path) >= (int)sizeof(public_path)) {
        errno = ENAMETOOLONG;
        return fail(path);
    }
    snprintf(content, sizeof(content),
             "# A secret CURVE key, for --curve-key. Who has it passes for this headcam.\n"
             "curve\n"
             "    public-key = \"%s\"\n"
             "    secret-key = \"%s\"\n",
             pair->public_key, pair->secret_key);
    bool is_made = make_file(path, 0600, content);
    explicit_bzero(content, sizeof(content));
    if (!is_made)
        return fail(path);
    snprintf(content, sizeof(content),
             "# A public CURVE key, for --curve-allow or --curve-edge of another headcam.\n"
             "curve\n"
             "    public-key = \"%s\"\n",
             pair->public_key);
    if (!make_file(public_path, 0644, content)) {
        int reason = errno;
        unlink(path);
        errno = reason;
        return fail(public_path);
    }
    printf("the secret key is in %s, the public one in %s\n", path, public_path);
    return EXIT_OK;
}

int keygen_main(int count, char *const arguments[])
{
    if (count == 1 && (strcmp(arguments[0], "--help") == 0 || strcmp(arguments[0], "-h") == 0)) {
        fputs(USAGE, stdout);
        return EXIT_OK;
    }
    if (count != 1 || arguments[0][0] == '-' || !arguments[0][0]) {
        fputs(USAGE, stderr);
        return EXIT_USAGE;
    }
    struct key_pair pair;
    if (zmq_curve_keypair(pair.public_key, pair.secret_key) != 0) {
        fputs("headcam: this libzmq was built without CURVE\n", stderr);
        return EXIT_FAILED;
    }
    int code = make_files(arguments[0], &pair);
    explicit_bzero(&pair, sizeof(pair));
    return code;
}
