/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_signature.c - X-Twilio-Signature: Twilio's own example, orders, duplicates, ports, bodies.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <apr_general.h>

#include "twilio/signature.h"

static apr_pool_t *pool;

static const twc_form_t *parse(const char *text)
{
    const twc_form_t *form;

    assert_int_equal(twc_form_parse(pool, text, strlen(text), &form), APR_SUCCESS);
    return form;
}

static const char *made(const char *url, const char *form)
{
    char *out = apr_palloc(pool, TWC_SIGNATURE_LEN + 1);

    twc_signature_make(pool, "12345", url, form ? parse(form) : NULL, out);
    return out;
}

static twc_sig_verdict_e check(const char *url, const char *form, const char *header)
{
    const char *tokens[] = { NULL, "other", "12345" };
    twc_signed_t what = { .url = url, .form = form ? parse(form) : NULL };

    return twc_signature_check(pool, tokens, 3, header, &what);
}

/* Made by Twilio's Python library, but for the first, which is Twilio's own example. */
static const struct { const char *url, *form, *signature; } vectors[] = {
    { "https://example.com/myapp.php?foo=1&bar=2",
      "CallSid=CA1234567890ABCDE&Caller=%2B14158675310&Digits=1234&From=%2B14158675310&To=%2B18005551212",
      "L/OH5YylLD5NRKLltdqwSvS0BnU=" },
    { "https://h.example/p",
      "Body=Za%C5%BC%C3%B3%C5%82%C4%87+%F0%9F%91%8D&From=%2B48601&Empty=", "SHe3KklFpOUJsvw7lZLkw1zS+aY=" },
    { "https://h.example/p?a=b%2Fc&d=%7e",
      "a=1+2%2B3&B=x&b=y&_=z&0=n", "r/kbxzK0SMGMPffcGf7aK1uxSXc=" },
    { "http://127.0.0.1:8080/twilio/inbound",
      "MediaUrl1=u1&MediaUrl10=u10&MediaUrl2=u2&Body=a%3Db%26c", "PcWxAjdRtpJNnAQa6/M4yuYI/Zg=" },
    { "https://H.Example/P",
      "x=%0A%0D%09", "YXwfeBcQeh9Rozs3nCX4fNOy/HU=" },
    { "https://h.example/p?x=1",
      "", "e5Qo8AIOoyto6cDa8wlt8wEM7Cg=" },
};

static void vectors_agree(void **state)
{
    for (size_t i = 0; i < sizeof(vectors) / sizeof(vectors[0]); i++) {
        assert_string_equal(made(vectors[i].url, vectors[i].form), vectors[i].signature);
        assert_int_equal(check(vectors[i].url, vectors[i].form, vectors[i].signature), TWC_SIG_OK);
    }
}

static void order_and_repetition_do_not_matter(void **state)
{
    assert_string_equal(made("http://h/", "b=2&a=1&b=2"), made("http://h/", "a=1&b=2"));
    assert_string_equal(made("http://h/", "a=2&a=1"), made("http://h/", "a=1&a=2"));
    assert_string_equal(made("http://h/", "MediaUrl10=x&MediaUrl1=y"), made("http://h/", "MediaUrl1=y&MediaUrl10=x"));
    assert_string_not_equal(made("http://h/", "a=1&a=2"), made("http://h/", "a=1"));
    assert_string_not_equal(made("http://h/a%2fb", NULL), made("http://h/a/b", NULL));
}

static void ports_may_come_and_go(void **state)
{
    assert_int_equal(check("https://h:8443/p", "a=1", made("https://h/p", "a=1")), TWC_SIG_OK);
    assert_int_equal(check("https://h/p?x=:1", "a=1", made("https://h:443/p?x=:1", "a=1")), TWC_SIG_OK);
    assert_int_equal(check("http://h?x", "a=1", made("http://h:80?x", "a=1")), TWC_SIG_OK);
    assert_int_equal(check("https://[::1]:8443/p", "a=1", made("https://[::1]/p", "a=1")), TWC_SIG_OK);
    assert_int_equal(check("https://[::1]/p", "a=1", made("https://[::1]:443/p", "a=1")), TWC_SIG_OK);
    assert_int_equal(check("https://h:8443/p", "a=1", made("https://h:9999/p", "a=1")), TWC_SIG_MISMATCH);
    assert_int_equal(check("https://h/p", "a=1", made("http://h/p", "a=1")), TWC_SIG_MISMATCH);
}

static void refusals(void **state)
{
    const char *right = made("http://h/", "a=1");
    char *wrong = apr_pstrdup(pool, right);
    const char *none[] = { NULL };
    twc_signed_t what = { .url = "http://h/", .form = parse("a=1") };

    wrong[3] = wrong[3] == 'A' ? 'B' : 'A';
    assert_int_equal(check("http://h/", "a=1", NULL), TWC_SIG_MISSING);
    assert_int_equal(check("http://h/", "a=1", ""), TWC_SIG_MISSING);
    assert_int_equal(check("http://h/", "a=1", apr_pstrcat(pool, right, ", ", right, NULL)), TWC_SIG_REPEATED);
    assert_int_equal(check("http://h/", "a=1", "short="), TWC_SIG_MALFORMED);
    assert_int_equal(check("http://h/", "a=1", apr_pstrmemdup(pool, right, 27)), TWC_SIG_MALFORMED);
    assert_int_equal(check("http://h/", "a=1", wrong), TWC_SIG_MISMATCH);
    assert_int_equal(check("http://h/", "a=2", right), TWC_SIG_MISMATCH);
    assert_int_equal(twc_signature_check(pool, none, 1, right, &what), TWC_SIG_NO_TOKEN);
}

static void a_body_is_vouched_for_by_its_hash(void **state)
{
    static const char hash[] = "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a";     /* of {} */
    const char *url = apr_pstrcat(pool, "https://h/p?bodySHA256=", hash, NULL), *tokens[] = { "12345" };
    twc_signed_t what = { .url = url, .body = { "{}", 2 } };

    assert_int_equal(twc_signature_check(pool, tokens, 1, made(url, NULL), &what), TWC_SIG_OK);
    what.body = (twc_str_t){ "{ }", 3 };
    assert_int_equal(twc_signature_check(pool, tokens, 1, made(url, NULL), &what), TWC_SIG_BODY_HASH);
    what = (twc_signed_t){ .url = "https://h/p", .body = { "{}", 2 } };
    assert_int_equal(twc_signature_check(pool, tokens, 1, made("https://h/p", NULL), &what), TWC_SIG_BODY_HASH);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(vectors_agree),
        cmocka_unit_test(order_and_repetition_do_not_matter),
        cmocka_unit_test(ports_may_come_and_go),
        cmocka_unit_test(refusals),
        cmocka_unit_test(a_body_is_vouched_for_by_its_hash),
    };
    int failed;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
