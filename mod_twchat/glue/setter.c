/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * setter.c - reads what was written behind a directive's name.
 * Must never put a value anywhere but where the table says, nor take half a line.
 * Called through the table of directives, while httpd reads its configuration and for defaults.
 */
#include <apr_lib.h>
#include <http_core.h>

#include "glue/check.h"
#include "glue/config.h"
#include "glue/module.h"
#include "glue/secret.h"
#include "glue/setter.h"
#include "store/user.h"
#include "util/phone.h"

#define REGISTRATIONS 10                /* a minute, where nothing else is said */

const char **twc_value_text(void *base, apr_size_t offset)
{
    return (const char **)((char *)base + offset);
}

apr_array_header_t **twc_value_list(void *base, apr_size_t offset)
{
    return (apr_array_header_t **)((char *)base + offset);
}

apr_int64_t *twc_value_number(void *base, apr_size_t offset)
{
    return (apr_int64_t *)((char *)base + offset);
}

static const char *takes(cmd_parms *cmd, int argc, int lo, int hi)
{
    if (argc >= lo && (argc <= hi || hi < 0))
        return NULL;
    if (lo == hi)
        return apr_psprintf(cmd->pool, "%s takes %d value%s: %s", cmd->cmd->name, lo, lo == 1 ? "" : "s", cmd->cmd->errmsg);
    if (hi > 0)
        return apr_psprintf(cmd->pool, "%s takes %d%s%d values: %s", cmd->cmd->name, lo, hi == lo + 1 ? " or " : " to ", hi,
                            cmd->cmd->errmsg);
    return apr_psprintf(cmd->pool, "%s takes %d or more values: %s", cmd->cmd->name, lo, cmd->cmd->errmsg);
}

static const char *checked(cmd_parms *cmd, const twc_directive_t *d, const char *word)
{
    const char *wrong = d->check ? d->check(cmd->pool, word) : NULL;

    return wrong ? apr_pstrcat(cmd->pool, cmd->cmd->name, ": ", wrong, NULL) : NULL;
}

const char *twc_set_text(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv)
{
    const char *wrong = takes(cmd, argc, 1, 1);

    if (!wrong)
        wrong = checked(cmd, d, argv[0]);
    if (!wrong)
        *twc_value_text(base, d->offset) = argv[0];
    return wrong;
}

/* URLs are joined with paths, so they carry no slash at the end. */
const char *twc_set_url(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv)
{
    const char *wrong = twc_set_text(cmd, d, base, argc, argv);

    if (!wrong) {
        char *url = apr_pstrdup(cmd->pool, argv[0]);
        for (size_t len = strlen(url); len && url[len - 1] == '/'; len--)
            url[len - 1] = '\0';
        *twc_value_text(base, d->offset) = url;
    }
    return wrong;
}

const char *twc_set_address(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv)
{
    const char *wrong = twc_set_text(cmd, d, base, argc, argv);

    if (!wrong)
        *twc_value_text(base, d->offset) = twc_phone_canonical(cmd->pool, argv[0], false);
    return wrong;
}

const char *twc_set_path(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv)
{
    const char *wrong = takes(cmd, argc, 1, 1);

    if (!wrong && !(*argv[0] && (*twc_value_text(base, d->offset) = ap_server_root_relative(cmd->pool, argv[0]))))
        wrong = apr_psprintf(cmd->pool, "%s: '%s' is no path", cmd->cmd->name, argv[0]);
    return wrong;
}

/* A directory, or "off". */
const char *twc_set_spool(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv)
{
    if (argc == 1 && ap_cstr_casecmp(argv[0], "off") == 0)
        return twc_set_text(cmd, d, base, argc, argv);
    return twc_set_path(cmd, d, base, argc, argv);
}

const char *twc_set_list(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv)
{
    apr_array_header_t *list = apr_array_make(cmd->pool, argc, sizeof(const char *));
    const char *wrong = takes(cmd, argc, 1, d->hi ? (int)d->hi : -1);

    for (int i = 0; i < argc && !wrong; i++) {
        wrong = checked(cmd, d, argv[i]);
        APR_ARRAY_PUSH(list, const char *) = argv[i];
    }
    if (!wrong)
        *twc_value_list(base, d->offset) = list;
    return wrong;
}

/* "*" says it all, so it stands alone. */
const char *twc_set_origins(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv)
{
    for (int i = 0; i < argc && argc > 1; i++)
        if (strcmp(argv[i], "*") == 0)
            return apr_pstrcat(cmd->pool, cmd->cmd->name, ": * goes with nothing beside it", NULL);
    return twc_set_list(cmd, d, base, argc, argv);
}

static const char *out_of_range(cmd_parms *cmd, const char *word, const char *lo, const char *hi)
{
    return apr_psprintf(cmd->pool, "%s: '%s' is not between %s and %s", cmd->cmd->name, word, lo, hi);
}

static const char *read_int(cmd_parms *cmd, const twc_directive_t *d, const char *word, apr_int64_t *value)
{
    char *end;

    errno = 0;
    *value = apr_strtoi64(word, &end, 10);
    if (errno || end == word || *end || *value < d->lo || *value > d->hi)
        return out_of_range(cmd, word, apr_psprintf(cmd->pool, "%" APR_INT64_T_FMT, d->lo),
                            apr_psprintf(cmd->pool, "%" APR_INT64_T_FMT, d->hi));
    return NULL;
}

const char *twc_set_int(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv)
{
    const char *wrong = takes(cmd, argc, 1, 1);

    return wrong ? wrong : read_int(cmd, d, argv[0], twc_value_number(base, d->offset));
}

const char *twc_set_size(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv)
{
    const char *wrong = takes(cmd, argc, 1, 1);
    static const char units[] = "KMG";
    apr_int64_t value;
    const char *unit;
    char *end;

    if (wrong)
        return wrong;
    errno = 0;
    value = apr_strtoi64(argv[0], &end, 10);
    unit = *end ? strchr(units, apr_toupper(*end)) : NULL;
    if (unit && !errno && value >= 0 && value < APR_INT64_MAX >> 30) {
        value <<= 10 * (unit - units + 1);
        end++;
    }
    if (errno || end == argv[0] || *end || value < d->lo || value > d->hi)
        return out_of_range(cmd, argv[0], apr_psprintf(cmd->pool, "%" APR_INT64_T_FMT, d->lo),
                            apr_psprintf(cmd->pool, "%" APR_INT64_T_FMT " bytes (K, M and G may follow)", d->hi));
    *twc_value_number(base, d->offset) = value;
    return NULL;
}

/* httpd knows ms, s, mi and h; retention wants days too. */
static const char *read_time(cmd_parms *cmd, const twc_directive_t *d, const char *word, apr_int64_t *value)
{
    apr_interval_time_t t = 0;
    char *end;
    apr_int64_t days = apr_strtoi64(word, &end, 10);
    bool good;

    if (end != word && (strcmp(end, "d") == 0 || strcmp(end, "days") == 0)) {
        good = days >= 0 && days < 100000;
        if (good)
            t = apr_time_from_sec(days * 86400);
    }
    else
        good = apr_isdigit(*word) && ap_timeout_parameter_parse(word, &t, "s") == APR_SUCCESS;
    if (!good || t < d->lo || t > d->hi)
        return apr_psprintf(cmd->pool, "%s: '%s' is no time between %" APR_INT64_T_FMT " ms and %" APR_INT64_T_FMT
                            " s; write 500ms, 5s, 10min, 2h or 30d", cmd->cmd->name, word, d->lo / 1000, d->hi / 1000000);
    *value = t;
    return NULL;
}

const char *twc_set_time(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv)
{
    const char *wrong = takes(cmd, argc, 1, 1);

    return wrong ? wrong : read_time(cmd, d, argv[0], twc_value_number(base, d->offset));
}

const char *twc_set_send_time(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv)
{
    twc_settings_t *set = base;

    if (cmd->directive)                 /* NULL: the default */
        set->send_times_at = apr_psprintf(cmd->pool, "line %d of %s", cmd->directive->line_num, cmd->directive->filename);
    return twc_set_time(cmd, d, base, argc, argv);
}

const char *twc_set_word(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv)
{
    const char *wrong = takes(cmd, argc, 1, 1);
    char *list = apr_pstrdup(cmd->pool, d->words), *last, *word;
    int i = 0;

    if (wrong)
        return wrong;
    for (word = apr_strtok(list, "|", &last); word; word = apr_strtok(NULL, "|", &last), i++)
        if (ap_cstr_casecmp(word, argv[0]) == 0) {
            *twc_value_number(base, d->offset) = i;
            return NULL;
        }
    return apr_psprintf(cmd->pool, "%s: '%s' is none of %s", cmd->cmd->name, argv[0], d->words);
}

const char *twc_set_api_key(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv)
{
    const char *wrong = takes(cmd, argc, 2, 2);

    if (!wrong)
        wrong = twc_check_key_sid(cmd->pool, argv[0]);
    if (!wrong)
        wrong = twc_secret_check(cmd->pool, argv[1]);
    if (wrong)
        return apr_pstrcat(cmd->pool, cmd->cmd->name, ": ", wrong, NULL);
    *twc_value_text(base, d->offset) = argv[0];
    *twc_value_text(base, d->offset2) = argv[1];
    return NULL;
}

const char *twc_set_answers(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv)
{
    static const twc_directive_t window = { .lo = apr_time_from_sec(1), .hi = apr_time_from_sec(7 * 86400) };
    const char *wrong = takes(cmd, argc, 2, 2);

    if (!wrong)
        wrong = read_int(cmd, d, argv[0], twc_value_number(base, d->offset));
    return wrong ? wrong : read_time(cmd, &window, argv[1], twc_value_number(base, d->offset2));
}

/* Two times: the first short, the second long. */
const char *twc_set_lives(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv)
{
    const char *wrong = takes(cmd, argc, 2, 2);

    if (!wrong)
        wrong = read_time(cmd, d, argv[0], twc_value_number(base, d->offset));
    return wrong ? wrong : read_time(cmd, d, argv[1], twc_value_number(base, d->offset2));
}

/* One number for both, or two. */
const char *twc_set_two(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv)
{
    const char *wrong = takes(cmd, argc, 1, 2);

    if (!wrong)
        wrong = read_int(cmd, d, argv[0], twc_value_number(base, d->offset));
    return wrong ? wrong : read_int(cmd, d, argv[argc - 1], twc_value_number(base, d->offset2));
}

/* off, or on and how many a minute from one address. */
const char *twc_set_registration(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv)
{
    const char *wrong = takes(cmd, argc, 1, 2);

    if (!wrong)
        wrong = twc_set_word(cmd, d, base, 1, argv);
    if (wrong)
        return wrong;
    *twc_value_number(base, d->offset2) = REGISTRATIONS;
    return argc == 2 ? read_int(cmd, d, argv[1], twc_value_number(base, d->offset2)) : NULL;
}

/* "off", or a rate and how many may gather. */
const char *twc_set_api_rate(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv)
{
    if (argc == 1 && ap_cstr_casecmp(argv[0], "off") == 0) {
        *twc_value_number(base, d->offset) = *twc_value_number(base, d->offset2) = 0;
        return NULL;
    }
    return twc_set_two(cmd, d, base, argc, argv);
}

/* off, map, or create and the role that accounts begin with. */
const char *twc_set_trust(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv)
{
    const char *wrong = takes(cmd, argc, 1, 2);
    int role = argc == 2 ? twc_role_parse(argv[1]) : TWC_ROLE_NONE;

    if (!wrong)
        wrong = twc_set_word(cmd, d, base, 1, argv);
    if (wrong)
        return wrong;
    if (argc == 2 && *twc_value_number(base, d->offset) != TWC_TRUST_CREATE)
        return apr_psprintf(cmd->pool, "%s: a role goes with create alone", cmd->cmd->name);
    if (role < TWC_ROLE_NONE)
        return apr_psprintf(cmd->pool, "%s: '%s' is none of none, viewer, agent, admin, super_admin", cmd->cmd->name, argv[1]);
    *twc_value_number(base, d->offset2) = role;
    return NULL;
}

static const char *read_rate(cmd_parms *cmd, const char *kind, const char *word)
{
    char *end;
    double rate = strtod(word, &end);

    if (twc_sender_kind_parse(kind) < 0)
        return apr_psprintf(cmd->pool, "%s: '%s' is no kind of sender: longcode-us, longcode, tollfree, shortcode, "
                            "alphanumeric, service, whatsapp, rcs", cmd->cmd->name, kind);
    if (end == word || *end || !(rate >= 0.01 && rate <= 10000))
        return out_of_range(cmd, word, "0.01", "10000 a second");
    return NULL;
}

/* Rates add up: each line names the kinds it changes. */
const char *twc_set_rates(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv)
{
    apr_array_header_t **list = twc_value_list(base, d->offset);

    if (argc < 2 || argc % 2)
        return apr_psprintf(cmd->pool, "%s takes pairs of a kind and a rate: %s", cmd->cmd->name, cmd->cmd->errmsg);
    if (!*list)
        *list = apr_array_make(cmd->pool, 16, sizeof(const char *));
    for (int i = 0; i < argc; i += 2) {
        const char *wrong = read_rate(cmd, argv[i], argv[i + 1]);
        if (wrong)
            return wrong;
        APR_ARRAY_PUSH(*list, const char *) = argv[i];
        APR_ARRAY_PUSH(*list, const char *) = argv[i + 1];
    }
    return NULL;
}

/* One word for all senders, or for those that are named; lines add up. */
const char *twc_set_confirm(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv)
{
    apr_array_header_t **list = twc_value_list(base, d->offset);
    const char *wrong = takes(cmd, argc, 1, -1);
    bool on = !wrong && ap_cstr_casecmp(argv[0], "on") == 0;

    if (!wrong && !on && ap_cstr_casecmp(argv[0], "off") != 0)
        wrong = apr_psprintf(cmd->pool, "%s: '%s' is none of off|on", cmd->cmd->name, argv[0]);
    for (int i = 1; i < argc && !wrong; i++)
        wrong = checked(cmd, d, argv[i]);
    if (wrong)
        return wrong;
    if (!*list)
        *list = apr_array_make(cmd->pool, 4, sizeof(twc_confirm_t));
    if (argc == 1)
        APR_ARRAY_PUSH(*list, twc_confirm_t) = (twc_confirm_t){ NULL, on };
    for (int i = 1; i < argc; i++) {
        const char *address = twc_phone_canonical(cmd->pool, argv[i], false);
        APR_ARRAY_PUSH(*list, twc_confirm_t) = (twc_confirm_t){ address ? address : argv[i], on };
    }
    return NULL;
}

/* Routes are found below a path, so the section must name one. */
static const char *check_place(cmd_parms *cmd)
{
    const ap_directive_t *section = cmd->directive->parent;

    if (!cmd->path || !section || ap_cstr_casecmp(section->directive, "<Location") != 0 || *cmd->path != '/'
        || ap_strchr_c(section->args, '~') || strpbrk(cmd->path, "*?["))
        return apr_pstrcat(cmd->pool, cmd->cmd->name, " belongs into a <Location \"/path\">, without patterns", NULL);
    return NULL;
}

const char *twc_set_mount(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv)
{
    twc_mount_t *mount = apr_pcalloc(cmd->pool, sizeof(*mount));
    twc_server_conf_t *server = ap_get_module_config(cmd->server->module_config, &twchat_module);
    const char *wrong = takes(cmd, argc, 1, -1);
    char *path;

    if (!wrong)
        wrong = check_place(cmd);
    if (!wrong && ((twc_dir_conf_t *)base)->mount)
        wrong = apr_pstrcat(cmd->pool, cmd->cmd->name, " is written once in a section, with all the names", NULL);
    if (wrong)
        return wrong;
    mount->path = path = apr_pstrdup(cmd->pool, cmd->path);
    for (size_t len = strlen(path); len > 1 && path[len - 1] == '/'; len--)
        path[len - 1] = '\0';
    for (int i = 0; i < argc; i++) {
        int which = twc_interface_parse(argv[i]);
        if (which < 0)
            return apr_psprintf(cmd->pool, "%s: '%s' is none of flask-chat, whatsapp-inbox, appointment-bot, "
                                "ai-messaging, sms-store, native", cmd->cmd->name, argv[i]);
        if (!twc_mount_add(mount, which))
            return apr_psprintf(cmd->pool, "%s: '%s' is named twice", cmd->cmd->name, argv[i]);
    }
    ((twc_dir_conf_t *)base)->mount = mount;
    APR_ARRAY_PUSH(server->mounts, const twc_mount_t *) = mount;
    return NULL;
}

/* One of the words needs somebody who really wants it: start-up tells about it. */
const char *twc_set_risky(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv)
{
    twc_server_conf_t *server = ap_get_module_config(cmd->server->module_config, &twchat_module);
    const char *wrong = twc_set_word(cmd, d, base, argc, argv);

    if (!wrong && *twc_value_number(base, d->offset) == d->risk)
        APR_ARRAY_PUSH(server->notes, const char *) =
            apr_psprintf(cmd->pool, "%s %s%s%s: %s", cmd->cmd->name, argv[0], cmd->path ? " in " : "",
                         cmd->path ? cmd->path : "", d->warning);
    return wrong;
}
