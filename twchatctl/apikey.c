/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * apikey.c - twchatctl apikey create, list, revoke.
 * Must never print a key again after it was made: nobody has it any more.
 * Called by main.c.
 */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "ctl.h"
#include "domain/account.h"
#include "store/setting.h"
#include "util/text.h"

static int make(ctl_t *ctl, const char *name, const char *role, const char *days)
{
    int parsed = role ? twc_role_parse(role) : TWC_ROLE_ADMIN;
    apr_int64_t life = 0;
    const char *key;
    int code;

    if (twc_text_blank(name))
        return ctl_usage(ctl, "a key wants a name that tells who uses it");
    if (parsed < TWC_ROLE_VIEWER)
        return ctl_usage(ctl, "\"%s\" is no role of a key: viewer, agent, admin or super_admin", role);
    code = days ? ctl_number(ctl, "--days", days, 1, 3650, &life) : CTL_OK;
    if (code == CTL_OK)
        code = ctl_open(ctl, false);
    if (code != CTL_OK)
        return code;
    if (twc_account_key_create(&ctl->ctx, name, (twc_role_e)parsed, apr_time_from_sec(life * 86400), &key) != APR_SUCCESS)
        return ctl_fail(ctl);
    printf("%s\n", key);
    fprintf(stderr, "Keep it now: it is not stored and cannot be shown again.\n");
    return CTL_OK;
}

static const char *text(const json_t *row, const char *key)
{
    return json_string_value(json_object_get(row, key));
}

static int list(ctl_t *ctl, bool as_json)
{
    const char *json;
    json_t *rows, *row;
    size_t i;
    int code = ctl_open(ctl, false);

    if (code != CTL_OK)
        return code;
    if (twc_apikey_list(&ctl->ctx, &json) != APR_SUCCESS)
        return ctl_fail(ctl);
    if (as_json) {
        printf("%s\n", json);
        return CTL_OK;
    }
    rows = json_loads(json, 0, NULL);
    printf("%6s  %-14s  %-11s  %-19s  %-19s  %-19s  %s\n", "id", "key", "role", "created", "last used", "revoked", "name");
    json_array_foreach(rows, i, row)
        printf("%6" JSON_INTEGER_FORMAT "  %-14s  %-11s  %-19s  %-19s  %-19s  %s\n", json_integer_value(json_object_get(row, "id")),
               text(row, "prefix"), text(row, "role"), ctl_when(ctl->pool, text(row, "created_at")),
               ctl_when(ctl->pool, text(row, "last_used_at")), ctl_when(ctl->pool, text(row, "revoked_at")), text(row, "name"));
    json_decref(rows);
    return CTL_OK;
}

static int withdraw(ctl_t *ctl, const char *which)
{
    int code = ctl_open(ctl, false);

    if (code != CTL_OK)
        return code;
    if (twc_apikey_revoke(&ctl->ctx, which) != APR_SUCCESS)
        return ctl_fail(ctl);
    printf("Key %s is revoked; running servers notice within five seconds.\n", which);
    return CTL_OK;
}

static int run(ctl_t *ctl, int argc, const char *const *argv)
{
    bool json = false;
    const char *role = NULL, *days = NULL;
    const ctl_option_t options[] = { { "json", false, .flag = &json }, { "role", true, .text = &role }, { "days", true, .text = &days }, { NULL } };
    apr_array_header_t *words;
    int code = ctl_options(ctl, argc, argv, options, &words);
    const char *verb = words->nelts > 0 ? APR_ARRAY_IDX(words, 0, const char *) : "";
    const char *what = words->nelts > 1 ? APR_ARRAY_IDX(words, 1, const char *) : NULL;

    if (code != CTL_OK)
        return code;
    if (strcmp(verb, "create") == 0 && words->nelts == 2)
        return make(ctl, what, role, days);
    if (strcmp(verb, "list") == 0 && words->nelts == 1)
        return list(ctl, json);
    if (strcmp(verb, "revoke") == 0 && words->nelts == 2)
        return withdraw(ctl, what);
    return ctl_usage(ctl, "say what: create NAME, list, or revoke ID");
}

const ctl_command_t ctl_apikey = {
    "apikey", "create NAME [--role ROLE] [--days N] | list [--json] | revoke ID", "Keys that programs sign in with",
    "A program sends its key as \"X-API-Key: KEY\" or \"Authorization: Bearer KEY\".\n"
    "\n"
    "  create NAME   make a key for the program of this name; prints the key, this once\n"
    "    --role ROLE what it may do: viewer, agent, admin (the default) or super_admin\n"
    "    --days N    until it expires by itself; without, until it is revoked\n"
    "  list          who has one, and when it was used last (UTC)\n"
    "  revoke ID     it is refused from now on; ID is its number, or its first characters as listed\n",
    run
};
