/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * user.c - twchatctl user and session: who may sign in, and where they are signed in.
 * Must never take a password from the command line, where everybody on the machine can read it.
 * Called by main.c.
 */
#include <stdio.h>
#include <string.h>
#include <termios.h>
#include <unistd.h>

#include <apr_encode.h>
#include <apr_general.h>
#include <jansson.h>

#include "ctl.h"
#include "domain/account.h"
#include "domain/factor.h"
#include "domain/signin.h"

#define GENERATED_BYTES 12              /* 16 characters */

/* ---- passwords ------------------------------------------------------------------------ */

static const char *read_line(const ctl_t *ctl, bool hidden)
{
    struct termios before, after;
    bool quiet = hidden && tcgetattr(STDIN_FILENO, &before) == 0;
    char line[1024];
    char *got;

    if (quiet) {
        after = before;
        after.c_lflag &= ~(tcflag_t)ECHO;
        tcsetattr(STDIN_FILENO, TCSANOW, &after);
    }
    got = fgets(line, sizeof(line), stdin);
    if (quiet) {
        tcsetattr(STDIN_FILENO, TCSANOW, &before);
        fputc('\n', stderr);
    }
    if (!got)
        return NULL;
    line[strcspn(line, "\r\n")] = '\0';
    return apr_pstrdup(ctl->pool, line);
}

static int generate(const ctl_t *ctl, const char **password)
{
    unsigned char bytes[GENERATED_BYTES];

    if (apr_generate_random_bytes(bytes, sizeof(bytes)) != APR_SUCCESS) {
        ctl_say(ctl, "the system has no random numbers to give");
        return CTL_FAILED;
    }
    *password = apr_pencode_base64_binary(ctl->pool, bytes, sizeof(bytes), APR_ENCODE_BASE64URL | APR_ENCODE_NOPADDING, NULL);
    return CTL_OK;
}

/* From a terminal twice, from anywhere else once, or made up. */
static int ask_password(const ctl_t *ctl, bool make, const char **password)
{
    const char *again;

    if (make)
        return generate(ctl, password);
    if (!isatty(STDIN_FILENO)) {
        *password = read_line(ctl, false);
        return *password ? CTL_OK : ctl_usage(ctl, "the password is read from standard input, which is empty; or say --generate");
    }
    fprintf(stderr, "New password: ");
    *password = read_line(ctl, true);
    fprintf(stderr, "Once more: ");
    again = read_line(ctl, true);
    if (*password && again && strcmp(*password, again) == 0)
        return CTL_OK;
    ctl_say(ctl, "the two are not the same");
    return CTL_FAILED;
}

/* ---- accounts ---------------------------------------------------------------------------- */

typedef struct options_t {
    const char *role, *email, *full_name;
    bool make, none, json;
} options_t;

static int parse_role(const ctl_t *ctl, const char *text, twc_role_e *role)
{
    int parsed = twc_role_parse(text);

    if (parsed < TWC_ROLE_NONE)
        return ctl_usage(ctl, "\"%s\" is no role: none, viewer, agent, admin or super_admin", text);
    *role = (twc_role_e)parsed;
    return CTL_OK;
}

static int add(ctl_t *ctl, const char *name, const options_t *o)
{
    twc_account_draft_t draft = { .username = name, .email = o->email, .full_name = o->full_name };
    int code = parse_role(ctl, o->role ? o->role : "agent", &draft.role);
    apr_int64_t id;

    if (code == CTL_OK && !o->none)
        code = ask_password(ctl, o->make, &draft.password);
    if (code == CTL_OK)
        code = ctl_open(ctl, false);
    if (code != CTL_OK)
        return code;
    if (twc_account_create(&ctl->ctx, &draft, &id) != APR_SUCCESS)
        return ctl_fail(ctl);
    if (o->make)
        printf("%s\n", draft.password);
    fprintf(stderr, "%s has an account now, as %s.\n", name, twc_role_name(draft.role));
    return CTL_OK;
}

static const char *text(const json_t *row, const char *key)
{
    const char *value = json_string_value(json_object_get(row, key));

    return value ? value : "-";
}

static void print_users(const ctl_t *ctl, const json_t *users)
{
    const json_t *row;
    size_t i;

    printf("%6s  %-24s  %-11s  %-8s  %-6s  %-19s  %s\n", "id", "user name", "role", "state", "factor", "last sign-in", "e-mail");
    json_array_foreach(users, i, row)
        printf("%6" JSON_INTEGER_FORMAT "  %-24s  %-11s  %-8s  %-6s  %-19s  %s\n", json_integer_value(json_object_get(row, "id")),
               text(row, "username"), text(row, "role"), json_is_true(json_object_get(row, "is_active")) ? "active" : "disabled",
               json_is_true(json_object_get(row, "second_factor")) ? "yes" : "no",
               ctl_when(ctl->pool, json_string_value(json_object_get(row, "last_signin_at"))), text(row, "email"));
}

static int list(ctl_t *ctl, bool as_json)
{
    const char *json;
    json_t *answer;
    int code = ctl_open(ctl, false);

    if (code != CTL_OK)
        return code;
    if (twc_user_page_json(&ctl->ctx, NULL, NULL, 100000, &json) != APR_SUCCESS)
        return ctl_fail(ctl);
    answer = json_loads(json, 0, NULL);
    if (as_json)
        json_dumpf(json_object_get(answer, "users"), stdout, JSON_INDENT(2));
    else
        print_users(ctl, json_object_get(answer, "users"));
    if (as_json)
        putchar('\n');
    json_decref(answer);
    return CTL_OK;
}

static int open_user(ctl_t *ctl, const char *name, twc_user_t **user)
{
    int code = ctl_open(ctl, false);

    if (code != CTL_OK)
        return code;
    return twc_user_by_name(&ctl->ctx, name, user) == APR_SUCCESS ? CTL_OK : ctl_fail(ctl);
}

static int set_active(ctl_t *ctl, const char *name, bool active)
{
    twc_user_t *user;
    int code = open_user(ctl, name, &user);

    if (code != CTL_OK)
        return code;
    if (twc_account_set_active(&ctl->ctx, user->id, active, 0) != APR_SUCCESS)
        return ctl_fail(ctl);
    printf(active ? "%s may sign in again.\n" : "%s is disabled and signed out everywhere.\n", user->username);
    return CTL_OK;
}

static int set_password(ctl_t *ctl, const char *name, const options_t *o)
{
    const char *password;
    twc_user_t *user;
    int code = open_user(ctl, name, &user);

    if (code == CTL_OK)
        code = ask_password(ctl, o->make, &password);
    if (code != CTL_OK)
        return code;
    if (twc_account_reset_password(&ctl->ctx, user->id, password) != APR_SUCCESS)
        return ctl_fail(ctl);
    if (o->make)
        printf("%s\n", password);
    fprintf(stderr, "%s has a new password and is signed out everywhere.\n", user->username);
    return CTL_OK;
}

static int set_role(ctl_t *ctl, const char *name, const char *word)
{
    twc_user_t *user;
    twc_role_e role = TWC_ROLE_NONE;
    int code = parse_role(ctl, word, &role);

    if (code == CTL_OK)
        code = open_user(ctl, name, &user);
    if (code != CTL_OK)
        return code;
    if (twc_account_set_role(&ctl->ctx, user->id, role, 0) != APR_SUCCESS)
        return ctl_fail(ctl);
    printf("%s is %s now.\n", user->username, twc_role_name(role));
    return CTL_OK;
}

static int reset_factor(ctl_t *ctl, const char *name)
{
    twc_user_t *user;
    int code = open_user(ctl, name, &user);

    if (code != CTL_OK)
        return code;
    if (twc_factor_off(&ctl->ctx, user->id, NULL) != APR_SUCCESS)
        return ctl_fail(ctl);
    printf("%s has no second factor any more.\n", user->username);
    return CTL_OK;
}

static int delete(ctl_t *ctl, const char *name)
{
    twc_user_t *user;
    int code = open_user(ctl, name, &user);

    if (code != CTL_OK)
        return code;
    if (twc_account_delete(&ctl->ctx, user->id, 0) != APR_SUCCESS)
        return ctl_fail(ctl);
    printf("%s is gone; what they did stays in the audit log.\n", user->username);
    return CTL_OK;
}

static int run(ctl_t *ctl, int argc, const char *const *argv)
{
    options_t o = { NULL };
    const ctl_option_t options[] = {
        { "role", true, .text = &o.role }, { "email", true, .text = &o.email }, { "full-name", true, .text = &o.full_name },
        { "generate", false, .flag = &o.make }, { "no-password", false, .flag = &o.none }, { "json", false, .flag = &o.json }, { NULL }
    };
    apr_array_header_t *words;
    int code = ctl_options(ctl, argc, argv, options, &words);
    const char *verb = words->nelts > 0 ? APR_ARRAY_IDX(words, 0, const char *) : "";
    const char *name = words->nelts > 1 ? APR_ARRAY_IDX(words, 1, const char *) : NULL;

    if (code != CTL_OK)
        return code;
    if (strcmp(verb, "list") == 0 && words->nelts == 1)
        return list(ctl, o.json);
    if (strcmp(verb, "role") == 0 && words->nelts == 3)
        return set_role(ctl, name, APR_ARRAY_IDX(words, 2, const char *));
    if (words->nelts != 2)
        return ctl_usage(ctl, "say what: add NAME, list, disable NAME, enable NAME, passwd NAME, role NAME ROLE, factor-reset NAME or delete NAME");
    if (strcmp(verb, "add") == 0)
        return add(ctl, name, &o);
    if (strcmp(verb, "disable") == 0 || strcmp(verb, "enable") == 0)
        return set_active(ctl, name, *verb == 'e');
    if (strcmp(verb, "passwd") == 0)
        return set_password(ctl, name, &o);
    if (strcmp(verb, "factor-reset") == 0)
        return reset_factor(ctl, name);
    if (strcmp(verb, "delete") == 0)
        return delete(ctl, name);
    return ctl_usage(ctl, "\"%s\" is nothing that can be done with a user", verb);
}

const ctl_command_t ctl_user = {
    "user", "add NAME [--role ROLE] [...] | list | passwd NAME | role NAME ROLE | ...", "People who may sign in",
    "  add NAME             make an account; the password is asked for, or read from standard input\n"
    "    --role ROLE        none, viewer (reads), agent (answers; the default), admin (manages), super_admin (accounts, keys)\n"
    "    --email ADDRESS    they may sign in with it as well\n"
    "    --full-name TEXT   how others see them\n"
    "    --generate         make a password up and print it, this once\n"
    "    --no-password      they are signed in by Apache alone\n"
    "  list [--json]        who there is\n"
    "  passwd NAME [--generate]   a new password; they are signed out everywhere\n"
    "  role NAME ROLE       what they may do, from the next request on\n"
    "  disable NAME         keep the account, but let nobody in; signed out everywhere\n"
    "  enable NAME          let them in again\n"
    "  factor-reset NAME    they lost their second factor: sign in without one and set up another\n"
    "  delete NAME          remove the account\n",
    run
};

/* ---- sessions -------------------------------------------------------------------------------- */

static int list_sessions(ctl_t *ctl, const char *name)
{
    const char *json;
    twc_user_t *user;
    json_t *rows, *row;
    size_t i;
    int code = open_user(ctl, name, &user);

    if (code != CTL_OK)
        return code;
    if (twc_signin_page_json(&ctl->ctx, user->id, 0, &json) != APR_SUCCESS)
        return ctl_fail(ctl);
    rows = json_loads(json, 0, NULL);
    printf("%8s  %-6s  %-19s  %-19s  %-15s  %s\n", "id", "kind", "since", "last used", "address", "device");
    json_array_foreach(rows, i, row)
        printf("%8" JSON_INTEGER_FORMAT "  %-6s  %-19s  %-19s  %-15s  %s\n", json_integer_value(json_object_get(row, "id")), text(row, "kind"),
               ctl_when(ctl->pool, text(row, "created_at")), ctl_when(ctl->pool, text(row, "last_used_at")), text(row, "ip_address"),
               text(row, "device_info"));
    json_decref(rows);
    return CTL_OK;
}

static int revoke_sessions(ctl_t *ctl, const char *name, const char *which)
{
    apr_int64_t id = 0;
    twc_user_t *user;
    int code = which ? ctl_number(ctl, "ID", which, 1, APR_INT64_MAX, &id) : CTL_OK;

    if (code == CTL_OK)
        code = open_user(ctl, name, &user);
    if (code != CTL_OK)
        return code;
    if ((id ? twc_signin_leave(&ctl->ctx, user->id, id, "revoked") : twc_signin_leave_all(&ctl->ctx, user->id, "revoked")) != APR_SUCCESS)
        return ctl_fail(ctl);
    printf(id ? "%s is signed out there.\n" : "%s is signed out everywhere.\n", user->username);
    return CTL_OK;
}

static int run_session(ctl_t *ctl, int argc, const char *const *argv)
{
    const ctl_option_t options[] = { { NULL } };
    apr_array_header_t *words;
    int code = ctl_options(ctl, argc, argv, options, &words);
    const char *verb = words->nelts > 0 ? APR_ARRAY_IDX(words, 0, const char *) : "";

    if (code != CTL_OK)
        return code;
    if (strcmp(verb, "list") == 0 && words->nelts == 2)
        return list_sessions(ctl, APR_ARRAY_IDX(words, 1, const char *));
    if (strcmp(verb, "revoke") == 0 && (words->nelts == 2 || words->nelts == 3))
        return revoke_sessions(ctl, APR_ARRAY_IDX(words, 1, const char *), words->nelts == 3 ? APR_ARRAY_IDX(words, 2, const char *) : NULL);
    return ctl_usage(ctl, "say what: list USER, or revoke USER [ID]");
}

const ctl_command_t ctl_session = {
    "session", "list USER | revoke USER [ID]", "Where people are signed in",
    "  list USER          browsers (cookie) and programs (token) that are signed in as USER\n"
    "  revoke USER [ID]   sign USER out there, or everywhere; every server notices with the next request\n",
    run_session
};
