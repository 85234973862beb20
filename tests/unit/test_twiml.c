/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * test_twiml.c - answers are XML, whatever the text says.
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

#include "twilio/twiml.h"

static apr_pool_t *pool;

#define HEAD "<?xml version=\"1.0\" encoding=\"UTF-8\"?><Response>"

static void messages(void **state)
{
    static const struct { const char *text, *callback, *xml; } rows[] = {
        { "hi", NULL, HEAD "<Message>hi</Message></Response>" },
        { "", NULL, HEAD "<Message></Message></Response>" },
        { "a<b>&\"c\" ]]>", NULL, HEAD "<Message>a&lt;b&gt;&amp;&quot;c&quot; ]]&gt;</Message></Response>" },
        { "</Message><Redirect>x", NULL, HEAD "<Message>&lt;/Message&gt;&lt;Redirect&gt;x</Message></Response>" },
        { "bell\x07 esc\x1b\r\nżó👍", NULL, HEAD "<Message>bell esc&#13;\nżó👍</Message></Response>" },
        { "x", "https://h/p?a=1&b=\"2'", HEAD "<Message statusCallback=\"https://h/p?a=1&amp;b=&quot;2'\""
                                              " action=\"https://h/p?a=1&amp;b=&quot;2'\">x</Message></Response>" } };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_string_equal(twc_twiml_message(pool, rows[i].text, rows[i].callback), rows[i].xml);
    assert_string_equal(TWC_TWIML_EMPTY, HEAD "</Response>");
}

static void voice(void **state)
{
    assert_string_equal(twc_twiml_voice_refusal(pool, "Text & don't <call>."),
                        HEAD "<Say>Text &amp; don't &lt;call&gt;.</Say><Hangup/></Response>");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages),
        cmocka_unit_test(voice),
    };
    int failed;

    apr_initialize();
    apr_pool_create(&pool, NULL);
    failed = cmocka_run_group_tests(tests, NULL, NULL);
    apr_terminate();
    return failed;
}
