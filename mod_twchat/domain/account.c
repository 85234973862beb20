/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * account.c - the rules about accounts.
 * Must never keep a password longer than the call, nor leave a change without its line in the audit log.
 * Called by the endpoints of every interface that has accounts, by glue/principal.c and by twchatctl.
 */
#include <string.h>

#include <apr_lib.h>

#include "domain/account.h"
#include "domain/change.h"
#include "domain/guess.h"
#include "store/audit.h"
#include "store/db.h"
#include "store/setting.h"
#include "store/signin.h"
#include "util/password.h"
#include "util/phone.h"
#include "util/text.h"
#include "util/hasher.h"

#define NAME_MAX_CHARS 150
#define KEY_NAME_MAX_CHARS 200
#define EMAIL_MAX      254
#define TEXT_MAX_CHARS 2000
#define PROOFS_MAX     10
#define EDITS_MAX      3               /* fields, role, active */

/* ---- what may be said of oneself -------------------------------------------------------- */

static apr_status_t check_username(twc_ctx_t *ctx, const char *name)
{
    apr_size_t len = name ? strlen(name) : 0;

    if (len >= 1 && len <= NAME_MAX_CHARS && apr_isalnum(*name)
        && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789._@+-") == len)
        return APR_SUCCESS;
    return twc_problem_field(ctx, "username", "username_invalid", "A user name has 1 to %d letters, digits or . _ @ + -, without "
                             "accents, and begins with a letter or a digit.", NAME_MAX_CHARS);
}

/* An address as it is mailed to: something, one @, something; no blanks, nothing beyond ASCII. */
static apr_status_t check_email(twc_ctx_t *ctx, const char *email)
{
    const char *at = strchr(email, '@');
    bool fine = at && at > email && at[1] && !strchr(at + 1, '@') && strlen(email) <= EMAIL_MAX;

    for (const char *p = email; *p && fine; p++)
        fine = (unsigned char)*p > ' ' && (unsigned char)*p < 0x7f && !strchr("<>()[]\\,;:\"", *p);
    return fine ? APR_SUCCESS : twc_problem_field(ctx, "email", "email_invalid", "This is no e-mail address.");
}

/* also: as twc_text_is_plain has it. */
static apr_status_t check_plain(twc_ctx_t *ctx, const char *field, const char *text, const char *also)
{
    return twc_text_is_plain(text, also) ? APR_SUCCESS
        : twc_problem_field(ctx, field, "text_invalid", "Characters that cannot be seen, or turn the direction of writing, do not belong here.");
}

static apr_status_t check_length(twc_ctx_t *ctx, const char *field, const char *text)
{
    return twc_text_chars(text) <= TEXT_MAX_CHARS ? APR_SUCCESS
        : twc_problem_field(ctx, field, "text_too_long", "At most %d characters.", TEXT_MAX_CHARS);
}

static apr_status_t check_name(twc_ctx_t *ctx, const char *field, const char *name)
{
    TWC_TRY(check_plain(ctx, field, name, ""));
    return check_length(ctx, field, name);
}

static apr_status_t check_text(twc_ctx_t *ctx, const char *field, const char *text)
{
    TWC_TRY(check_plain(ctx, field, text, "\n\t"));
    return check_length(ctx, field, text);
}

/* Like user names: nothing that looks like the letters of a role that is there. */
static apr_status_t check_role_name(twc_ctx_t *ctx, const char *name)
{
    apr_size_t len = strlen(name);

    if (len >= 1 && len <= NAME_MAX_CHARS && apr_isalnum(*name)
        && strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789 ._-") == len)
        return APR_SUCCESS;
    return twc_problem_field(ctx, "name", "name_invalid", "A role's name has 1 to %d letters, digits, blanks or . _ -, without accents, "
                             "and begins with a letter or a digit.", NAME_MAX_CHARS);
}

/* canonical: out, E.164; "" stays "". */
static apr_status_t check_phone(twc_ctx_t *ctx, const char *text, const char **canonical)
{
    *canonical = *text ? twc_phone_canonical(ctx->pool, text, true) : text;
    if (!*text || (*canonical && twc_phone_is_e164(*canonical)))
        return APR_SUCCESS;
    return twc_problem_field(ctx, "phone_number", "phone_invalid", "This is no phone number: write it with its country code, "
                             "like +14155552671.");
}

/* What a password is judged by. */
typedef struct owner_t {
    const char *username, *email;       /* email may be NULL */
    twc_role_e role;
} owner_t;

/* fit: out, it is as good as accounts with a role must have it; those without have a minimum of their own. */
static apr_status_t check_password(twc_ctx_t *ctx, const char *field, const char *password, const owner_t *owner, bool *fit)
{
    const char *const about[] = { owner->username, owner->email, NULL };
    const char *weakness = twc_password_weakness(ctx->pool, password, ctx->conf->password_min, about);

    *fit = weakness == NULL;
    if (owner->role == TWC_ROLE_NONE)
        weakness = twc_password_weakness(ctx->pool, password, ctx->conf->password_min_registered, NULL);
    return weakness ? twc_problem_field(ctx, field, "password_weak", "%s", weakness) : APR_SUCCESS;
}

/* ---- making ------------------------------------------------------------------------------------- */

typedef struct making_t {
    const twc_account_draft_t *asked;
    twc_user_draft_t row;
    apr_int64_t id;
} making_t;

static apr_status_t insert(twc_ctx_t *ctx, void *baton)
{
    making_t *making = baton;
    const char *after;

    TWC_TRY(twc_user_insert(ctx, &making->row, &making->id));
    TWC_TRY(twc_user_row_json(ctx, making->id, &after));
    return twc_audit(ctx, making->asked->audited_as ? making->asked->audited_as : "user.created", "user", twc_change_id(ctx, making->id),
                     NULL, after);
}

static const char *or_null(const char *text)
{
    return text && *text ? text : NULL;
}

static apr_status_t check_draft(twc_ctx_t *ctx, const twc_account_draft_t *draft, twc_user_draft_t *row)
{
    *row = (twc_user_draft_t){ .username = draft->username, .email = or_null(draft->email), .full_name = or_null(draft->full_name),
                               .role = draft->role, .inactive = draft->inactive, .origin = draft->origin };
    TWC_TRY(check_username(ctx, draft->username));
    if (row->email)
        TWC_TRY(check_email(ctx, row->email));
    if (row->full_name)
        TWC_TRY(check_name(ctx, "full_name", row->full_name));
    if (or_null(draft->phone_number))
        TWC_TRY(check_phone(ctx, draft->phone_number, &row->phone_number));
    return draft->password ? check_password(ctx, "password", draft->password, &(owner_t){ row->username, row->email, row->role },
                                            &row->password_fit) : APR_SUCCESS;
}

apr_status_t twc_account_create(twc_ctx_t *ctx, const twc_account_draft_t *draft, apr_int64_t *id)
{
    making_t making = { .asked = draft };

    TWC_TRY(check_draft(ctx, draft, &making.row));
    if (draft->password)
        TWC_TRY(twc_hasher_hash(ctx->hasher, ctx, draft->password, &making.row.password_hash));
    TWC_TRY(twc_change_repeat(ctx, insert, &making));
    *id = making.id;
    return APR_SUCCESS;
}

apr_status_t twc_account_register(twc_ctx_t *ctx, const twc_account_draft_t *draft, const char *address, apr_int64_t *id)
{
    twc_attempt_t attempt = { .keys = { apr_pstrcat(ctx->pool, "register ", twc_attempt_address(ctx->pool, address), NULL) },
                              .max = ctx->conf->registrations, .window = TWC_GUESS_WINDOW };

    TWC_TRY(twc_guess_begin(ctx, &attempt));
    TWC_TRY(twc_attempt_fail(ctx, &attempt));
    return twc_account_create(ctx, draft, id);
}

/* ---- one's own ------------------------------------------------------------------------------------ */

static apr_status_t apply_fields(twc_ctx_t *ctx, const twc_change_t *change)
{
    return twc_user_update(ctx, change->id, change->fields);
}

static bool is_oneself(const twc_ctx_t *ctx, apr_int64_t id)
{
    return ctx->actor && strcmp(ctx->actor->kind, "user") == 0 && ctx->actor->id == id;
}

/* fields: in and out, what is stored of them. */
static apr_status_t plan_fields(twc_ctx_t *ctx, apr_int64_t id, twc_user_change_t *fields, twc_change_t *change)
{
    *change = (twc_change_t){ .id = id, .action = "user.updated", .apply = apply_fields, .fields = fields };
    fields->email_confirmed = !is_oneself(ctx, id);
    if (fields->full_name)
        TWC_TRY(check_name(ctx, "full_name", fields->full_name));
    if (fields->bio)
        TWC_TRY(check_text(ctx, "bio", fields->bio));
    if (fields->email && *fields->email)
        TWC_TRY(check_email(ctx, fields->email));
    return fields->phone_number ? check_phone(ctx, fields->phone_number, &fields->phone_number) : APR_SUCCESS;
}

apr_status_t twc_account_change(twc_ctx_t *ctx, apr_int64_t id, const twc_user_change_t *asked)
{
    twc_user_change_t fields = *asked;
    twc_change_t change;

    TWC_TRY(plan_fields(ctx, id, &fields, &change));
    return twc_change_run(ctx, &change, 1);
}

static apr_status_t apply_password(twc_ctx_t *ctx, const twc_change_t *change)
{
    return twc_user_set_password(ctx, change->id, change->text, change->on);
}

static apr_status_t set_password(twc_ctx_t *ctx, const twc_user_t *user, const char *field, const char *fresh, apr_int64_t keep,
                                 const char *action)
{
    twc_change_t change = { .id = user->id, .action = action, .apply = apply_password, .ends = "password", .keep = keep };

    TWC_TRY(check_password(ctx, field, fresh, &(owner_t){ user->username, user->email, user->role }, &change.on));
    TWC_TRY(twc_hasher_hash(ctx->hasher, ctx, fresh, &change.text));
    return twc_change_run(ctx, &change, 1);
}

static apr_status_t match(twc_ctx_t *ctx, const twc_user_t *user, const char *password)
{
    bool matches;

    TWC_TRY(twc_hasher_check(ctx->hasher, ctx, password, user->password_hash, &matches));
    return matches ? APR_SUCCESS : twc_problem(ctx, APR_EACCES, "password_wrong", "Current password is incorrect");
}

/* Whoever finds somebody signed in does not get to guess their password there. What strangers guess at the door is counted apart, so
 * that they cannot keep anybody from changing it. */
apr_status_t twc_account_prove(twc_ctx_t *ctx, const twc_user_t *user, const char *password)
{
    twc_attempt_t attempt = { .keys = { apr_psprintf(ctx->pool, "proof %" APR_INT64_T_FMT, user->id) }, .max = PROOFS_MAX,
                              .window = TWC_GUESS_WINDOW };

    TWC_TRY(twc_guess_begin(ctx, &attempt));
    return twc_guess_end(ctx, &attempt, match(ctx, user, password));
}

apr_status_t twc_account_change_password(twc_ctx_t *ctx, apr_int64_t id, const char *current, const char *fresh, apr_int64_t keep_signin)
{
    twc_user_t *user;

    TWC_TRY(twc_user_load(ctx, id, &user));
    TWC_TRY(twc_account_prove(ctx, user, current));
    return set_password(ctx, user, "new_password", fresh, keep_signin, "user.password_changed");
}

apr_status_t twc_account_reset_password(twc_ctx_t *ctx, apr_int64_t id, const char *fresh)
{
    twc_user_t *user;

    TWC_TRY(twc_user_load(ctx, id, &user));
    return set_password(ctx, user, "password", fresh, 0, "user.password_reset");
}

/* ---- by administrators ------------------------------------------------------------------------------ */

static apr_status_t not_oneself(twc_ctx_t *ctx, apr_int64_t id, apr_int64_t self)
{
    return self && id == self ? twc_problem(ctx, APR_EACCES, "own_account", "Nobody does this to their own account.") : APR_SUCCESS;
}

static apr_status_t apply_active(twc_ctx_t *ctx, const twc_change_t *change)
{
    return twc_user_set_active(ctx, change->id, change->on);
}

static apr_status_t plan_active(twc_ctx_t *ctx, apr_int64_t id, bool active, apr_int64_t self, twc_change_t *change)
{
    *change = (twc_change_t){ .id = id, .action = active ? "user.enabled" : "user.disabled", .apply = apply_active, .on = active,
                          .loses_super = !active, .ends = active ? NULL : "disabled" };
    return active ? APR_SUCCESS : not_oneself(ctx, id, self);
}

apr_status_t twc_account_set_active(twc_ctx_t *ctx, apr_int64_t id, bool active, apr_int64_t self)
{
    twc_change_t change;

    TWC_TRY(plan_active(ctx, id, active, self, &change));
    return twc_change_run(ctx, &change, 1);
}

static apr_status_t apply_role(twc_ctx_t *ctx, const twc_change_t *change)
{
    return twc_user_set_role(ctx, change->id, change->role);
}

static apr_status_t plan_role(twc_ctx_t *ctx, apr_int64_t id, twc_role_e role, apr_int64_t self, twc_change_t *change)
{
    *change = (twc_change_t){ .id = id, .action = "user.role_set", .apply = apply_role, .role = role, .loses_super = role != TWC_ROLE_SUPER,
                          .raises = true };
    return not_oneself(ctx, id, self);
}

apr_status_t twc_account_set_role(twc_ctx_t *ctx, apr_int64_t id, twc_role_e role, apr_int64_t self)
{
    twc_change_t change;

    TWC_TRY(plan_role(ctx, id, role, self, &change));
    return twc_change_run(ctx, &change, 1);
}

static bool says_something(const twc_user_change_t *fields)
{
    return fields->full_name || fields->bio || fields->email || fields->phone_number;
}

/* Each by its own rule and noted by itself, but done together. */
apr_status_t twc_account_edit(twc_ctx_t *ctx, apr_int64_t id, const twc_account_edit_t *edit, apr_int64_t self)
{
    twc_user_change_t fields = edit->fields;
    twc_change_t change[EDITS_MAX];
    int count = 0;

    if (says_something(&fields))
        TWC_TRY(plan_fields(ctx, id, &fields, &change[count++]));
    if (edit->role >= TWC_ROLE_NONE)
        TWC_TRY(plan_role(ctx, id, (twc_role_e)edit->role, self, &change[count++]));
    if (edit->active >= 0)
        TWC_TRY(plan_active(ctx, id, edit->active, self, &change[count++]));
    return twc_change_run(ctx, change, count);
}

static apr_status_t apply_super(twc_ctx_t *ctx, const twc_change_t *change)
{
    return twc_user_set_super(ctx, change->id, change->on);
}

apr_status_t twc_account_set_super(twc_ctx_t *ctx, apr_int64_t id, bool super, apr_int64_t self)
{
    twc_change_t change = { .id = id, .action = "user.role_set", .apply = apply_super, .on = super, .loses_super = !super, .raises = super };

    TWC_TRY(not_oneself(ctx, id, self));
    return twc_change_run(ctx, &change, 1);
}

static apr_status_t apply_delete(twc_ctx_t *ctx, const twc_change_t *change)
{
    return twc_user_delete(ctx, change->id);
}

apr_status_t twc_account_delete(twc_ctx_t *ctx, apr_int64_t id, apr_int64_t self)
{
    twc_change_t change = { .id = id, .action = "user.deleted", .apply = apply_delete, .loses_super = true };

    TWC_TRY(not_oneself(ctx, id, self));
    return twc_change_run(ctx, &change, 1);
}

static apr_status_t apply_roles(twc_ctx_t *ctx, const twc_change_t *change)
{
    return twc_role_assign(ctx, change->id, change->text);
}

apr_status_t twc_account_assign_roles(twc_ctx_t *ctx, apr_int64_t id, const char *ids)
{
    twc_change_t change = { .id = id, .action = "user.roles_assigned", .apply = apply_roles, .text = ids, .raises = true };

    return twc_change_run(ctx, &change, 1);
}

typedef struct role_t {
    const char *name, *description, *json;
    apr_int64_t id;
} role_t;

static apr_status_t insert_role(twc_ctx_t *ctx, void *baton)
{
    role_t *role = baton;

    TWC_TRY(twc_role_insert(ctx, role->name, role->description, &role->json));
    return twc_audit(ctx, "role.created", "role", role->name, NULL, role->json);
}

apr_status_t twc_account_role_create(twc_ctx_t *ctx, const char *name, const char *description, const char **json)
{
    role_t role = { .name = twc_text_trim(ctx->pool, name), .description = description };

    TWC_TRY(check_role_name(ctx, role.name));
    if (description)
        TWC_TRY(check_text(ctx, "description", description));
    TWC_TRY(twc_tx_run(ctx, insert_role, &role));
    *json = role.json;
    return APR_SUCCESS;
}

static apr_status_t delete_role(twc_ctx_t *ctx, void *baton)
{
    role_t *role = baton;

    TWC_TRY(twc_role_delete(ctx, role->id, &role->name, &role->json));
    return twc_audit(ctx, "role.deleted", "role", role->name, role->json, NULL);
}

apr_status_t twc_account_role_delete(twc_ctx_t *ctx, apr_int64_t id)
{
    role_t role = { .id = id };

    return twc_tx_run(ctx, delete_role, &role);
}

/* ---- keys ---------------------------------------------------------------------------------------------- */

/* The name is what the audit log and others see of whoever uses the key. */
apr_status_t twc_account_key_create(twc_ctx_t *ctx, const char *name, twc_role_e role, apr_interval_time_t life, const char **key)
{
    if (role < TWC_ROLE_VIEWER)
        return twc_problem_field(ctx, "role", "role_unknown", "A key's role is viewer, agent, admin or super_admin.");
    if (twc_text_blank(name) || twc_text_chars(name) > KEY_NAME_MAX_CHARS)
        return twc_problem_field(ctx, "name", "name_invalid", "A key wants a name of 1 to %d characters that tells who uses it.", KEY_NAME_MAX_CHARS);
    TWC_TRY(check_plain(ctx, "name", name, ""));
    return twc_apikey_create(ctx, name, role, life, key);
}
