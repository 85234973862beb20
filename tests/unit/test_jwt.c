/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_jwt.c - tokens: whom to believe, and whom not.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>

#include "util/jwt.h"

#define SECRET "0123456789abcdef0123456789abcdef"
#define NOW    apr_time_from_sec(1800000000)

static apr_pool_t *pool;
static twc_ctx_t ctx;
static const twc_jwt_t good = { .type = TWC_JWT_ACCESS, .user_id = 7, .username = "ana", .signin = "s-1", .id = "j-1",
                                .issued_at = NOW, .expires_at = NOW + apr_time_from_sec(60) };

static const char *make(twc_jwt_t jwt, const char *secret)
{
    const char *token;

    assert_int_equal(twc_jwt_make(&ctx, secret, &jwt, &token), APR_SUCCESS);
    return token;
}

static apr_status_t read_at(const char *token, twc_jwt_type_e type, apr_time_t now, twc_jwt_t *jwt)
{
    const char *const secrets[] = { SECRET, "another secret of thirty-two chars" };

    return twc_jwt_read(pool, secrets, 2, token, type, now, jwt);
}

static void what_was_said_is_read(void **state)
{
    twc_jwt_t jwt;

    assert_int_equal(read_at(make(good, SECRET), TWC_JWT_ACCESS, NOW, &jwt), APR_SUCCESS);
    assert_int_equal(jwt.user_id, 7);
    assert_string_equal(jwt.username, "ana");
    assert_string_equal(jwt.signin, "s-1");
    assert_string_equal(jwt.id, "j-1");
    assert_true(jwt.expires_at == good.expires_at && jwt.issued_at == good.issued_at);
    assert_int_equal(read_at(make(good, "another secret of thirty-two chars"), TWC_JWT_ACCESS, NOW, &jwt), APR_SUCCESS);
}

static void who_is_not_believed(void **state)
{
    const char *token = make(good, SECRET);
    twc_jwt_t jwt;

    assert_int_equal(read_at(make(good, "a third one nobody configured, as long"), TWC_JWT_ACCESS, NOW, &jwt), APR_EACCES);
    assert_int_equal(read_at(token, TWC_JWT_REFRESH, NOW, &jwt), APR_EACCES);
    assert_int_equal(read_at(token, TWC_JWT_ACCESS, good.expires_at, &jwt), APR_TIMEUP);
    for (apr_size_t i = 0; i < strlen(token); i++) {
        char *bent = apr_pstrdup(pool, token);
        bent[i] = bent[i] == 'A' ? 'B' : 'A';
        assert_int_not_equal(read_at(bent, TWC_JWT_ACCESS, NOW, &jwt) == APR_SUCCESS && i + 1 < strlen(token), 1);
        assert_int_equal(read_at(apr_pstrmemdup(pool, token, i), TWC_JWT_ACCESS, NOW, &jwt), APR_EACCES);
    }
}

static void what_looks_like_a_token(void **state)
{
    assert_true(twc_jwt_looks("a.b.c"));
    assert_false(twc_jwt_looks(""));
    assert_false(twc_jwt_looks("twk_abc"));
    assert_false(twc_jwt_looks("a.b"));
    assert_false(twc_jwt_looks(".b.c"));
    assert_false(twc_jwt_looks("a.b.c.d"));
    assert_false(twc_jwt_looks("a.b.c="));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_was_said_is_read), cmocka_unit_test(who_is_not_believed), cmocka_unit_test(what_looks_like_a_token),
    };
    int failed;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    twc_ctx_init(&ctx, pool, NULL, NULL);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
