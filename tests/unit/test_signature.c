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

#include "tsv.h"
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

/* Form, other body or GET, as the table writes it. */
static twc_signed_t signed_as(const char *url, const char *sent)
{
    twc_signed_t what = { .url = url };

    if (strncmp(sent, "form:", 5) == 0)
        what.form = parse(apr_pstrdup(pool, sent + 5));
    else if (strncmp(sent, "json:", 5) == 0)
        what.body = (twc_str_t){ sent + 5, strlen(sent + 5) };
    return what;
}

/* tests/http/test_031_vectors.py holds Twilio's own library and the tests' Python to the same rows. */
static void the_table(void **state)
{
    static const struct { const char *word; twc_sig_verdict_e verdict; } verdicts[] = {
        { "ok", TWC_SIG_OK }, { "mismatch", TWC_SIG_MISMATCH }, { "body-hash", TWC_SIG_BODY_HASH } };
    const char *tokens[] = { NULL, "other", "12345" };
    int rows = 0;
    tsv_t t;

    tsv_open(&t, TEST_DATA "/signatures.tsv");
    for (; tsv_next(&t, 6); rows++) {
        const char *received = strcmp(t.column[1], "=") == 0 ? t.column[0] : t.column[1];
        twc_signed_t theirs = signed_as(t.column[0], t.column[2]), ours = signed_as(received, t.column[2]);
        char out[TWC_SIGNATURE_LEN + 1];
        size_t v = 0;
        while (v < 2 && strcmp(t.column[4], verdicts[v].word) != 0)
            v++;
        twc_signature_make(pool, "12345", theirs.url, theirs.form, out);
        if (strcmp(out, t.column[3]) != 0)
            fail_msg("%s %s: made %s", t.column[0], t.column[2], out);
        if (twc_signature_check(pool, tokens, 3, t.column[3], &ours) != verdicts[v].verdict)
            fail_msg("%s for %s %s is not %s", received, t.column[0], t.column[2], verdicts[v].word);
    }
    assert_true(rows > 40);
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

    assert_int_equal(check("http://h/", "a=1", NULL), TWC_SIG_MISSING);
    assert_int_equal(check("http://h/", "a=1", ""), TWC_SIG_MISSING);
    assert_int_equal(check("http://h/", "a=1", apr_pstrcat(pool, right, ", ", right, NULL)), TWC_SIG_REPEATED);
    assert_int_equal(check("http://h/", "a=1", "short="), TWC_SIG_MALFORMED);
    assert_int_equal(check("http://h/", "a=1", apr_pstrmemdup(pool, right, 27)), TWC_SIG_MALFORMED);
    assert_int_equal(check("http://h/", "a=1", apr_pstrcat(pool, right, "=", NULL)), TWC_SIG_MALFORMED);
    assert_int_equal(check("http://h/", "a=1", apr_pstrcat(pool, " ", right, NULL)), TWC_SIG_MALFORMED);
    assert_int_equal(check("http://h/", "a=1", "AAAAAAAAAAAAAAAAAAAAAAAAAAA-"), TWC_SIG_MALFORMED);
    assert_int_equal(check("http://h/", "a=1", "AAAAAAAAAA_AAAAAAAAAAAAAAAA="), TWC_SIG_MALFORMED);
    for (int i = 0; i < TWC_SIGNATURE_LEN - 1; i++) {
        char was = wrong[i];
        wrong[i] = was == 'A' ? 'B' : 'A';
        assert_int_equal(check("http://h/", "a=1", wrong), TWC_SIG_MISMATCH);
        wrong[i] = was;
    }
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

static void reasons_are_told_apart(void **state)
{
    for (twc_sig_verdict_e a = TWC_SIG_OK; a <= TWC_SIG_NO_TOKEN; a++) {
        assert_true(strlen(twc_signature_reason(a)) > 5);
        for (twc_sig_verdict_e b = TWC_SIG_OK; b < a; b++)
            assert_string_not_equal(twc_signature_reason(a), twc_signature_reason(b));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_table),
        cmocka_unit_test(order_and_repetition_do_not_matter),
        cmocka_unit_test(ports_may_come_and_go),
        cmocka_unit_test(refusals),
        cmocka_unit_test(a_body_is_vouched_for_by_its_hash),
        cmocka_unit_test(reasons_are_told_apart),
    };
    int failed;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
