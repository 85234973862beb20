/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * json.h - answers taken apart. For programs with a database.
 */
#ifndef TESTS_UNIT_JSON_H
#define TESTS_UNIT_JSON_H

#include <cmocka.h>
#include <jansson.h>

#include "database.h"

/* The caller's to release. */
static inline json_t *parse(const char *json)
{
    json_error_t error;
    json_t *root = json_loads(json, 0, &error);

    if (!root)
        fail_msg("%s in %s", error.text, json);
    return root;
}

/* The keys of an object are these, in this order. */
static inline void assert_keys(json_t *object, const char *keys)
{
    const char *key, *all = "";
    json_t *value;

    json_object_foreach(object, key, value)
        all = apr_pstrcat(pool, all, *all ? " " : "", key, NULL);
    assert_string_equal(all, keys);
}

/* NULL for what is no string. */
static inline const char *text(json_t *object, const char *key)
{
    return json_string_value(json_object_get(object, key));
}

#endif
