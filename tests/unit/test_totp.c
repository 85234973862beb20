/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_totp.c - codes as RFC 6238 has them, recovery codes, the seal.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>

#include "util/totp.h"

static apr_pool_t *pool;
static const unsigned char secret[] = "12345678901234567890";      /* RFC 6238, appendix B */

/* The appendix has eight digits; six are its last. */
static void the_vectors(void **state)
{
    static const struct { apr_int64_t seconds; const char *code; } vectors[] = {
        { 59, "287082" }, { 1111111109, "081804" }, { 1111111111, "050471" }, { 1234567890, "005924" }, { 2000000000, "279037" },
        { 20000000000, "353130" },
    };

    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        assert_string_equal(twc_totp_code(pool, secret, vectors[i].seconds / 30), vectors[i].code);
        assert_int_equal(twc_totp_step(secret, vectors[i].code, apr_time_from_sec(vectors[i].seconds), 0), vectors[i].seconds / 30);
    }
}

static void the_steps_beside_and_no_others(void **state)
{
    apr_time_t now = apr_time_from_sec(1234567890);
    apr_int64_t present = 1234567890 / 30;

    for (apr_int64_t step = present - 3; step <= present + 3; step++)
        assert_int_equal(twc_totp_step(secret, twc_totp_code(pool, secret, step), now, 0),
                         step >= present - 1 && step <= present + 1 ? step : 0);
    assert_int_equal(twc_totp_step(secret, twc_totp_code(pool, secret, present), now, present), 0);
    assert_int_equal(twc_totp_step(secret, "005 924", now, 0), present);
}

static void what_is_no_code(void **state)
{
    static const char *const codes[] = { "", " ", "5924", "0059240", "00592a", "-05924", "00592\xd9\xa4" };

    for (size_t i = 0; i < sizeof(codes) / sizeof(codes[0]); i++)
        assert_int_equal(twc_totp_step(secret, codes[i], apr_time_from_sec(1234567890), 0), 0);
}

static void how_it_is_handed_over(void **state)
{
    assert_string_equal(twc_totp_base32(pool, secret), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    assert_string_equal(twc_totp_url(pool, secret, "A & B", "ana@example.com"),
                        "otpauth://totp/A%20%26%20B:ana%40example.com?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&issuer=A%20%26%20B");
}

static void recovery_codes_as_people_type_them(void **state)
{
    const char *code, *other;

    assert_int_equal(twc_recovery_generate(pool, &code), APR_SUCCESS);
    assert_int_equal(twc_recovery_generate(pool, &other), APR_SUCCESS);
    assert_int_equal(strlen(code), 14);
    assert_string_not_equal(code, other);
    assert_string_equal(twc_recovery_hash(pool, "abcd-efgh-jkmn"), twc_recovery_hash(pool, " ABCDEFGH jkmn "));
    assert_string_not_equal(twc_recovery_hash(pool, code), twc_recovery_hash(pool, other));
}

static void a_seal_opens_with_its_key_and_label_alone(void **state)
{
    twc_str_t plain = { "0123456789", 10 }, sealed, again, opened;

    assert_int_equal(twc_seal(pool, "key", "totp 1", plain, &sealed), APR_SUCCESS);
    assert_int_equal(twc_seal(pool, "key", "totp 1", plain, &again), APR_SUCCESS);
    assert_int_equal(sealed.len, again.len);
    assert_memory_not_equal(sealed.data, again.data, sealed.len);
    assert_int_equal(twc_unseal(pool, "key", "totp 1", sealed, &opened), APR_SUCCESS);
    assert_int_equal(opened.len, 10);
    assert_memory_equal(opened.data, "0123456789", 10);
    assert_int_equal(twc_unseal(pool, "other", "totp 1", sealed, &opened), APR_EACCES);
    assert_int_equal(twc_unseal(pool, "key", "totp 2", sealed, &opened), APR_EACCES);
    for (apr_size_t i = 0; i < sealed.len; i++) {
        char *bent = apr_pstrmemdup(pool, sealed.data, sealed.len);
        bent[i] ^= 1;
        assert_int_equal(twc_unseal(pool, "key", "totp 1", (twc_str_t){ bent, sealed.len }, &opened), APR_EACCES);
        assert_int_equal(twc_unseal(pool, "key", "totp 1", (twc_str_t){ sealed.data, i }, &opened), APR_EACCES);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_vectors), cmocka_unit_test(the_steps_beside_and_no_others), cmocka_unit_test(what_is_no_code),
        cmocka_unit_test(how_it_is_handed_over), cmocka_unit_test(recovery_codes_as_people_type_them),
        cmocka_unit_test(a_seal_opens_with_its_key_and_label_alone),
    };
    int failed;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
