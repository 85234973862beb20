/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * record.c - records of a spool file, in memory.
 * Must never take for whole what is not, whatever the bytes are.
 * Called by spool.c and reader.c.
 */
#include <string.h>

#include <openssl/sha.h>

#include "spool/record.h"

static const char magic[] = "TWC1 ";
#define MAGIC_LEN (sizeof(magic) - 1)
#define SUM_AT    (MAGIC_LEN + 8 + 1)

static void hex(char *out, const unsigned char *bytes, int count)
{
    static const char digits[] = "0123456789abcdef";

    for (int i = 0; i < count; i++) {
        *out++ = digits[bytes[i] >> 4];
        *out++ = digits[bytes[i] & 15];
    }
}

static void make_head(char *out, const char *data, apr_size_t len)
{
    unsigned char sum[SHA256_DIGEST_LENGTH];
    unsigned char size[4] = { (unsigned char)(len >> 24), (unsigned char)(len >> 16), (unsigned char)(len >> 8),
                              (unsigned char)len };

    SHA256((const unsigned char *)data, len, sum);
    memcpy(out, magic, MAGIC_LEN);
    hex(out + MAGIC_LEN, size, 4);
    out[SUM_AT - 1] = ' ';
    hex(out + SUM_AT, sum, SHA256_DIGEST_LENGTH);
    out[TWC_RECORD_HEAD - 1] = '\n';
}

void twc_record_write(char *out, twc_str_t payload)
{
    make_head(out, payload.data, payload.len);
    memcpy(out + TWC_RECORD_HEAD, payload.data, payload.len);
    out[TWC_RECORD_HEAD + payload.len] = '\n';
}

static bool read_length(const char *digits, apr_size_t *len)
{
    *len = 0;
    for (int i = 0; i < 8; i++) {
        const char c = digits[i];
        if (c >= '0' && c <= '9')
            *len = *len * 16 + (apr_size_t)(c - '0');
        else if (c >= 'a' && c <= 'f')
            *len = *len * 16 + (apr_size_t)(c - 'a' + 10);
        else
            return false;
    }
    return *len <= TWC_RECORD_MAX;
}

twc_record_e twc_record_read(const char *data, apr_size_t len, twc_str_t *payload)
{
    char head[TWC_RECORD_HEAD];
    apr_size_t size;

    if (memcmp(data, magic, len < MAGIC_LEN ? len : MAGIC_LEN) != 0)
        return TWC_RECORD_BAD;
    if (len < TWC_RECORD_HEAD)
        return TWC_RECORD_SHORT;
    if (!read_length(data + MAGIC_LEN, &size))
        return TWC_RECORD_BAD;
    if (len < TWC_RECORD_SIZE(size))
        return TWC_RECORD_SHORT;
    make_head(head, data + TWC_RECORD_HEAD, size);
    if (memcmp(head, data, TWC_RECORD_HEAD) != 0 || data[TWC_RECORD_HEAD + size] != '\n')
        return TWC_RECORD_BAD;
    *payload = (twc_str_t){ data + TWC_RECORD_HEAD, size };
    return TWC_RECORD_GOOD;
}

apr_size_t twc_record_find(const char *data, apr_size_t len, apr_size_t from)
{
    twc_str_t payload;

    while (from < len) {
        const char *p = memmem(data + from, len - from, magic, MAGIC_LEN);
        if (!p)
            break;
        from = (apr_size_t)(p - data);
        if (twc_record_read(p, len - from, &payload) == TWC_RECORD_GOOD)
            return from;
        from++;
    }
    return len;
}
