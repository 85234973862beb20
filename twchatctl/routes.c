/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * routes.c - twchatctl routes.
 * Must never know a route of its own: the server answers by the same table.
 * Called by main.c.
 */
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "ctl.h"
#include "routes.h"

static const struct { unsigned bit; const char *name; } methods[] = {
    { TWC_GET, "GET" }, { TWC_POST, "POST" }, { TWC_PUT, "PUT" }, { TWC_PATCH, "PATCH" }, { TWC_DELETE, "DELETE" },
};

#define METHODS (sizeof(methods) / sizeof(methods[0]))

static const char *const body_names[] = {
    [TWC_BODY_NONE] = "none", [TWC_BODY_JSON] = "json", [TWC_BODY_LENIENT] = "json-lenient",
    [TWC_BODY_OPTIONAL] = "json-optional", [TWC_BODY_WEBHOOK] = "webhook",
};

static const char *methods_text(apr_pool_t *pool, unsigned bits)
{
    const char *text = "";

    for (size_t i = 0; i < METHODS; i++)
        if (bits & methods[i].bit)
            text = apr_pstrcat(pool, text, *text ? "," : "", methods[i].name, NULL);
    return text;
}

static json_t *route_json(const ctl_t *ctl, const twc_mount_t *mount, const twc_route_t *route)
{
    json_t *list = json_array();

    for (size_t i = 0; i < METHODS; i++)
        if (route->methods & methods[i].bit)
            json_array_append_new(list, json_string(methods[i].name));
    return json_pack("{s:o, s:s, s:s, s:s, s:s, s:s}", "methods", list, "path", twc_mount_url_path(ctl->pool, mount, route),
                     "interface", twc_interfaces[route->interface].name, "access", twc_access_name(route->access),
                     "body", body_names[route->body], "doc", route->doc);
}

static void print_json(const ctl_t *ctl, const twc_mount_t *mount, int only)
{
    json_t *list = json_array();

    for (int i = 0; i < twc_routes_count; i++)
        if (only < 0 || (int)twc_routes[i].interface == only)
            json_array_append_new(list, route_json(ctl, mount, &twc_routes[i]));
    json_dumpf(list, stdout, JSON_INDENT(2));
    putchar('\n');
    json_decref(list);
}

static void print_table(const ctl_t *ctl, const twc_mount_t *mount, int only)
{
    for (int i = 0; i < twc_routes_count; i++) {
        const twc_route_t *route = &twc_routes[i];

        if (only >= 0 && (int)route->interface != only)
            continue;
        printf("%-9s %-42s %-9s %-15s %s\n", methods_text(ctl->pool, route->methods),
               twc_mount_url_path(ctl->pool, mount, route), twc_access_name(route->access),
               twc_interfaces[route->interface].name, route->doc);
    }
}

static int run(ctl_t *ctl, int argc, const char *const *argv)
{
    bool json = false;
    const char *name = NULL;
    const ctl_option_t options[] = {
        { "json", false, .flag = &json }, { "interface", true, .text = &name }, { NULL }
    };
    twc_mount_t mount = { .path = "/" };
    apr_array_header_t *words;
    int only = -1, code = ctl_options(ctl, argc, argv, options, &words);

    if (code != CTL_OK)
        return code;
    if (words->nelts > 0)
        return ctl_usage(ctl, "\"%s\" is too much", APR_ARRAY_IDX(words, 0, const char *));
    if (name && (only = twc_interface_parse(name)) < 0)
        return ctl_usage(ctl, "there is no interface \"%s\"", name);
    for (int i = 0; i < TWC_IF_COUNT; i++)
        twc_mount_add(&mount, i);
    if (json)
        print_json(ctl, &mount, only);
    else
        print_table(ctl, &mount, only);
    return CTL_OK;
}

#define EXPLAIN(access_, word_, meaning_) "  " word_ ": " meaning_ "\n"

const ctl_command_t ctl_routes = {
    "routes", "[--json] [--interface NAME]", "All HTTP routes, and who may call them",
    "Paths are those of a mount at / that carries all interfaces, as in the sample configuration.\n"
    "Who may call a route:\n"
    TWC_ACCESSES(EXPLAIN)
    "\n"
    "  --json             for programs\n"
    "  --interface NAME   only flask-chat, whatsapp-inbox, appointment-bot, ai-messaging, sms-store or native\n",
    run
};
