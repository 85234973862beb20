/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * fields.c - fields of a request, and the list of what is wrong with them.
 * Must never repeat a password in an answer.
 * Called by the endpoints of ai-messaging and appointment-bot.
 */
#include <httpd.h>

#include "glue/fields.h"

static apr_status_t release(void *json)
{
    json_decref(json);
    return APR_SUCCESS;
}

static bool is_secret(const char *name)
{
    return name && (strstr(name, "password") || strstr(name, "token") || strcmp(name, "code") == 0);
}

static apr_status_t add(twc_req_t *q, const char *where, const char *name, const char *type, const char *message, json_t *input)
{
    if (!q->invalid) {
        q->invalid = json_array();
        apr_pool_cleanup_register(q->r->pool, q->invalid, release, apr_pool_cleanup_null);
    }
    json_array_append_new(q->invalid, json_pack("{s:s, s:[s, s*], s:s, s:o}", "type", type, "loc", where, name, "msg", message,
                                                "input", input ? input : json_null()));
    return name ? twc_problem_field(q->ctx, apr_pstrdup(q->r->pool, name), "invalid", "%s: %s", name, message)
        : twc_problem(q->ctx, APR_EINVAL, "invalid", "%s: %s", where, message);
}

apr_status_t twc_fields_wrong(twc_req_t *q, const char *where, const char *name, const char *type, const char *message)
{
    json_t *input = name && !is_secret(name) && strcmp(where, "body") == 0 ? json_incref(json_object_get(q->json, name)) : NULL;

    return add(q, where, name, type, message, input);
}

static apr_status_t read_bool(twc_req_t *q, const twc_field_t *field, const json_t *value)
{
    if (!json_is_boolean(value))
        return twc_fields_wrong(q, "body", field->name, "bool_type", "Input should be a valid boolean");
    *(int *)field->value = json_is_true(value);
    return APR_SUCCESS;
}

static apr_status_t read_int(twc_req_t *q, const twc_field_t *field, const json_t *value)
{
    if (!json_is_integer(value))
        return twc_fields_wrong(q, "body", field->name, "int_type", "Input should be a valid integer");
    *(apr_int64_t *)field->value = json_integer_value(value);
    return APR_SUCCESS;
}

static apr_status_t read_text(twc_req_t *q, const twc_field_t *field, const json_t *value)
{
    if (!json_is_string(value))
        return twc_fields_wrong(q, "body", field->name, "string_type", "Input should be a valid string");
    return twc_req_text(q, field->name, field->value);
}

static apr_status_t read_field(twc_req_t *q, const twc_field_t *field)
{
    json_t *value = json_object_get(q->json, field->name);

    if (!value || json_is_null(value))
        return field->required ? add(q, "body", field->name, "missing", "Field required", NULL) : APR_SUCCESS;
    switch (field->type) {
    case TWC_FIELD_BOOL:
        return read_bool(q, field, value);
    case TWC_FIELD_INT:
        return read_int(q, field, value);
    default:
        return read_text(q, field, value);
    }
}

apr_status_t twc_fields_read(twc_req_t *q, const twc_field_t *fields)
{
    apr_status_t rv = APR_SUCCESS;

    for (; fields->name; fields++)
        if (read_field(q, fields) != APR_SUCCESS)
            rv = APR_EINVAL;
    return rv;
}

static bool is_integer(const char *text)
{
    apr_size_t sign = *text == '-' || *text == '+', len = strlen(text + sign);

    return len && strspn(text + sign, "0123456789") == len;
}

apr_status_t twc_fields_id(twc_req_t *q, const char *name, apr_int64_t *id)
{
    const char *text = twc_req_param(q, name);

    if (!is_integer(text))
        return add(q, "path", name, "int_parsing", "Input should be a valid integer, unable to parse string as an integer", json_string(text));
    *id = strlen(text) <= 18 && apr_atoi64(text) > 0 ? apr_atoi64(text) : 0;
    return APR_SUCCESS;
}

apr_status_t twc_fields_query(twc_req_t *q, const char *name, int def, int lo, int hi, int *value)
{
    const char *text = twc_req_query(q, name);
    apr_int64_t given;

    *value = def;
    if (!text || !*text)
        return APR_SUCCESS;
    if (!is_integer(text))
        return add(q, "query", name, "int_parsing", "Input should be a valid integer, unable to parse string as an integer", json_string(text));
    given = strlen(text) <= 18 ? apr_atoi64(text) : *text == '-' ? lo : hi;
    *value = given < lo ? lo : given > hi ? hi : (int)given;
    return APR_SUCCESS;
}
