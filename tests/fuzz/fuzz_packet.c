/* SPDX-License-Identifier: MIT */
/* Input: one byte that tells what follows: a message of an edge, or the text of a file of keys. */
#include "curve/keys.h"
#include "forward/packet.h"
#include "tests/fuzz/fuzz.h"

#include <string.h>

static void run_packet(const uint8_t *data, size_t size)
{
    struct packet packet;
    packet_read(data, size, &packet);
    fuzz_check(memchr(packet.name, '\0', sizeof(packet.name)) != NULL);
    fuzz_check(memchr(packet.reason, '\0', sizeof(packet.reason)) != NULL);
    bool has_name = packet.kind != PACKET_OTHER && packet.kind != PACKET_HELLO;
    fuzz_check(!has_name || name_is_valid(packet.name, strlen(packet.name)));
}

static void run_keys(const uint8_t *data, size_t size)
{
    struct key_list list = {0};
    char secret_key[KEYS_TEXT_BYTES], error[KEYS_ERROR_BYTES] = "";
    bool is_good = keys_parse((const char *)data, size, &list, secret_key, error);
    fuzz_check(is_good == (error[0] == '\0'));
    fuzz_check(list.count <= KEYS_MOST && memchr(secret_key, '\0', sizeof(secret_key)) != NULL);
    keys_fini(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0)
        return 0;
    if (data[0] % 2)
        run_keys(data + 1, size - 1);
    else
        run_packet(data + 1, size - 1);
    return 0;
}

void fuzz_seeds(void (*add)(const void *data, size_t size))
{
#define SEED(text) add(text, sizeof(text) - 1)
    SEED("\0\1@");
    SEED("\0\1front/");
    SEED("\0\0front/");
    SEED("\0\2\5front\xe8\3\0\0");
    SEED("\0\4\5front\1\0\0\0\0\0\0\0\2\0\0\0\0\0\0\0");
    SEED("\0\5\5front\1\0\0\0\0\0\0\0\0taken by \xc3\xb6thers");
    SEED("\1# a comment\ncurve\n    public-key = \"Yne@$w-vo<fVvi]a<NY6T1ed:M$fCG*[IaLV{hID\"\n"
         "    secret-key = \"D:)Q[IlAW!ahhC2ac:9*A}h:p?([4%wOTJ%JR%cs\"\n");
}
