/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * call.c - calls as text and back.
 * Must never lose a byte that decides what a call means.
 * Called by webhook/, work/replay.c and twchatctl.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "domain/call.h"

static twc_str_t value_text(apr_pool_t *pool, const json_t *value)
{
    const char *text;

    if (json_is_string(value))
        return (twc_str_t){ apr_pstrmemdup(pool, json_string_value(value), json_string_length(value)),
                            json_string_length(value) };
    if (json_is_integer(value))
        text = apr_psprintf(pool, "%" APR_INT64_T_FMT, (apr_int64_t)json_integer_value(value));
    else if (json_is_real(value))
        text = apr_psprintf(pool, "%.15g", json_real_value(value));
    else if (json_is_boolean(value))
        text = json_is_true(value) ? "true" : "false";
    else
        return (twc_str_t){ NULL, 0 };
    return (twc_str_t){ text, strlen(text) };
}

const twc_form_t *twc_call_form_of_json(apr_pool_t *pool, json_t *object)
{
    twc_pair_t *pairs = apr_palloc(pool, (json_object_size(object) + 1) * sizeof(*pairs));
    twc_form_t *form = apr_pcalloc(pool, sizeof(*form));
    const char *name;
    json_t *value;

    json_object_foreach(object, name, value) {
        twc_str_t text = value_text(pool, value);
        if (!text.data)
            continue;
        pairs[form->count].name = (twc_str_t){ apr_pstrdup(pool, name), strlen(name) };
        pairs[form->count++].value = text;
    }
    form->pairs = pairs;
    return form;
}

/* A GET's parameters came in the URL; a body without a type is a form. */
static bool is_form(const twc_call_t *call)
{
    return strcmp(call->method, "GET") == 0 || !call->content_type
           || strncasecmp(call->content_type, "application/x-www-form-urlencoded", 33) == 0;
}

apr_status_t twc_call_form(apr_pool_t *pool, const twc_call_t *call, const twc_form_t **form)
{
    const char *raw = call->raw ? call->raw : "", *twice;
    json_t *json;

    if (is_form(call))
        return twc_form_parse(pool, raw, strlen(raw), form) == APR_SUCCESS ? APR_SUCCESS : APR_EINVAL;
    json = twc_json_object(pool, (twc_str_t){ raw, strlen(raw) }, &twice);
    if (!json)
        return APR_EINVAL;
    *form = twc_call_form_of_json(pool, json);
    json_decref(json);
    return APR_SUCCESS;
}

/* ---- as text ------------------------------------------------------------------------------ */

/* The fields that are text, by their names in the text. */
static const struct {
    const char *name;
    size_t offset;
    bool required;
} fields[] = {
    { "interface", offsetof(twc_call_t, interface), true },
    { "kind", offsetof(twc_call_t, kind), true },
    { "method", offsetof(twc_call_t, method), true },
    { "url", offsetof(twc_call_t, url), true },
    { "remote_addr", offsetof(twc_call_t, remote_addr), false },
    { "content_type", offsetof(twc_call_t, content_type), false },
    { "raw", offsetof(twc_call_t, raw), true },
    { "note", offsetof(twc_call_t, note), false },
};
#define FIELDS (sizeof(fields) / sizeof(fields[0]))

static const char **field(twc_call_t *call, size_t i)
{
    return (const char **)((char *)call + fields[i].offset);
}

twc_str_t twc_call_encode(apr_pool_t *pool, const twc_call_t *call)
{
    twc_call_t copy = *call;
    json_t *object = json_object();
    char *text;
    twc_str_t encoded = { NULL, 0 };

    json_object_set_new(object, "received_at", json_integer(call->received_at));
    for (size_t i = 0; i < FIELDS; i++)
        if (*field(&copy, i))
            json_object_set_new(object, fields[i].name, json_string(*field(&copy, i)));
    text = json_dumps(object, JSON_COMPACT);
    json_decref(object);
    if (text)
        encoded = (twc_str_t){ apr_pstrdup(pool, text), strlen(text) };
    free(text);
    return encoded;
}

apr_status_t twc_call_decode(apr_pool_t *pool, twc_str_t text, twc_call_t **call)
{
    json_t *object = json_loadb(text.data, text.len, 0, NULL);
    twc_call_t *c = apr_pcalloc(pool, sizeof(*c));
    apr_status_t rv = APR_SUCCESS;

    c->received_at = json_integer_value(json_object_get(object, "received_at"));
    for (size_t i = 0; i < FIELDS; i++) {
        const char *value = json_string_value(json_object_get(object, fields[i].name));
        if (value)
            *field(c, i) = apr_pstrdup(pool, value);
        else if (fields[i].required)
            rv = APR_EINVAL;
    }
    json_decref(object);
    if (c->received_at <= 0)
        rv = APR_EINVAL;
    *call = c;
    return rv;
}
