/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * account.c - the rules about accounts.
 * Must never keep a password longer than the call, nor leave a change without its line in the audit log.
 * Called by the endpoints of every interface that has accounts, by glue/principal.c and by twchatctl.
 */
#include <string.h>

#include <apr_lib.h>

#include "domain/account.h"
#include "domain/guess.h"
#include "store/audit.h"
#include "store/db.h"
#include "store/setting.h"
#include "store/signin.h"
#include "util/password.h"
#include "util/phone.h"
#include "util/text.h"
#include "util/totp.h"
#include "util/hasher.h"

#define NAME_MAX_CHARS 150
#define KEY_NAME_MAX_CHARS 200
#define EMAIL_MAX      254
#define TEXT_MAX_CHARS 2000
#define PROOFS_MAX     10

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

/* ---- audit ----------------------------------------------------------------------------------- */

static const char *id_text(twc_ctx_t *ctx, apr_int64_t id)
{
    return apr_psprintf(ctx->pool, "%" APR_INT64_T_FMT, id);
}

typedef struct factor_t factor_t;

/* A change of one account: what it was, the change, what it is now. */
typedef struct change_t {
    apr_int64_t id, keep;
    const char *action;
    apr_status_t (*apply)(twc_ctx_t *ctx, const struct change_t *change);
    const twc_user_change_t *fields;
    const char *text;                   /* hash, ids */
    twc_role_e role;
    bool on;
    bool loses_super;                   /* it may take the super_admin away */
    bool raises;                        /* it may give a role, or a higher one */
    const char *ends;                   /* sign-ins end for this reason; NULL: they stay */
    const factor_t *factor;
    const char *before, *after;         /* out, for the audit log */
} change_t;

#define CHANGES_MAX 3

/* What is done to one account in one go, all of it or nothing. */
typedef struct changes_t {
    change_t *change;
    int count;
} changes_t;

static apr_status_t guard_last(twc_ctx_t *ctx, apr_int64_t id)
{
    twc_user_t *user;
    int others;

    TWC_TRY(twc_user_other_supers(ctx, id, &others));
    TWC_TRY(twc_user_load(ctx, id, &user));
    if (user->role == TWC_ROLE_SUPER && user->active && others == 0)
        return twc_problem(ctx, APR_EEXIST, "last_super_admin", "This is the last active super_admin; make somebody else one first.");
    return APR_SUCCESS;
}

/* Registered with whatever was good enough for an account without rights: it does not do for one with them. */
static apr_status_t guard_rise(twc_ctx_t *ctx, apr_int64_t id, twc_role_e before)
{
    twc_user_t *user;

    TWC_TRY(twc_user_load(ctx, id, &user));
    if (user->role > before && user->password_hash && !user->password_fit)
        return twc_problem(ctx, APR_EEXIST, "password_unfit", "The password of this account is too weak for a role. Its owner can choose a "
                           "better one, or an administrator can set one; then give the role.");
    return APR_SUCCESS;
}

static apr_status_t carry_out(twc_ctx_t *ctx, change_t *change)
{
    twc_user_t *was = NULL;

    change->after = NULL;
    if (change->raises)
        TWC_TRY(twc_user_load(ctx, change->id, &was));
    TWC_TRY(twc_user_row_json(ctx, change->id, &change->before));
    if (change->ends)
        TWC_TRY(twc_signin_end_all(ctx, change->id, change->keep, change->ends));
    TWC_TRY(change->apply(ctx, change));
    if (was)
        TWC_TRY(guard_rise(ctx, change->id, was->role));
    if (twc_user_row_json(ctx, change->id, &change->after) != APR_SUCCESS)
        twc_problem_clear(ctx);         /* deleted */
    return APR_SUCCESS;
}

/* First the locks that others take first as well, then the changes, at last the log, which is one queue until the commit. */
static apr_status_t carry_out_all(twc_ctx_t *ctx, void *baton)
{
    const changes_t *all = baton;

    for (int i = 0; i < all->count; i++)
        if (all->change[i].loses_super)
            TWC_TRY(guard_last(ctx, all->change[i].id));
    for (int i = 0; i < all->count; i++)
        TWC_TRY(carry_out(ctx, &all->change[i]));
    for (int i = 0; i < all->count; i++) {
        const change_t *c = &all->change[i];
        TWC_TRY(twc_audit(ctx, c->action, "user", id_text(ctx, c->id), c->before, c->after));
    }
    return APR_SUCCESS;
}

/* Of two at once the slower one learns only that it was; looking again tells at what. */
static apr_status_t run_and_look_again(twc_ctx_t *ctx, apr_status_t (*fn)(twc_ctx_t *, void *), void *baton)
{
    apr_status_t rv = twc_tx_run(ctx, fn, baton);

    if (!APR_STATUS_IS_EEXIST(rv) || !ctx->problem->code || strcmp(ctx->problem->code, "conflict") != 0)
        return rv;
    twc_problem_clear(ctx);
    return twc_tx_run(ctx, fn, baton);
}

static apr_status_t run(twc_ctx_t *ctx, change_t *change, int count)
{
    changes_t all = { .change = change, .count = count };

    return run_and_look_again(ctx, carry_out_all, &all);
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
    return twc_audit(ctx, making->asked->audited_as ? making->asked->audited_as : "user.created", "user", id_text(ctx, making->id),
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
    TWC_TRY(run_and_look_again(ctx, insert, &making));
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

static apr_status_t apply_fields(twc_ctx_t *ctx, const change_t *change)
{
    return twc_user_update(ctx, change->id, change->fields);
}

static bool is_oneself(const twc_ctx_t *ctx, apr_int64_t id)
{
    return ctx->actor && strcmp(ctx->actor->kind, "user") == 0 && ctx->actor->id == id;
}

/* fields: in and out, what is stored of them. */
static apr_status_t plan_fields(twc_ctx_t *ctx, apr_int64_t id, twc_user_change_t *fields, change_t *change)
{
    *change = (change_t){ .id = id, .action = "user.updated", .apply = apply_fields, .fields = fields };
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
    change_t change;

    TWC_TRY(plan_fields(ctx, id, &fields, &change));
    return run(ctx, &change, 1);
}

static apr_status_t apply_password(twc_ctx_t *ctx, const change_t *change)
{
    return twc_user_set_password(ctx, change->id, change->text, change->on);
}

static apr_status_t set_password(twc_ctx_t *ctx, const twc_user_t *user, const char *field, const char *fresh, apr_int64_t keep,
                                 const char *action)
{
    change_t change = { .id = user->id, .action = action, .apply = apply_password, .ends = "password", .keep = keep };

    TWC_TRY(check_password(ctx, field, fresh, &(owner_t){ user->username, user->email, user->role }, &change.on));
    TWC_TRY(twc_hasher_hash(ctx->hasher, ctx, fresh, &change.text));
    return run(ctx, &change, 1);
}

static apr_status_t match(twc_ctx_t *ctx, const twc_user_t *user, const char *password)
{
    bool matches;

    TWC_TRY(twc_hasher_check(ctx->hasher, ctx, password, user->password_hash, &matches));
    return matches ? APR_SUCCESS : twc_problem(ctx, APR_EACCES, "password_wrong", "Current password is incorrect");
}

/* Whoever finds somebody signed in does not get to guess their password there. What strangers guess at the door is counted apart, so
 * that they cannot keep anybody from changing it. */
static apr_status_t prove(twc_ctx_t *ctx, const twc_user_t *user, const char *password)
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
    TWC_TRY(prove(ctx, user, current));
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

static apr_status_t apply_active(twc_ctx_t *ctx, const change_t *change)
{
    return twc_user_set_active(ctx, change->id, change->on);
}

static apr_status_t plan_active(twc_ctx_t *ctx, apr_int64_t id, bool active, apr_int64_t self, change_t *change)
{
    *change = (change_t){ .id = id, .action = active ? "user.enabled" : "user.disabled", .apply = apply_active, .on = active,
                          .loses_super = !active, .ends = active ? NULL : "disabled" };
    return active ? APR_SUCCESS : not_oneself(ctx, id, self);
}

apr_status_t twc_account_set_active(twc_ctx_t *ctx, apr_int64_t id, bool active, apr_int64_t self)
{
    change_t change;

    TWC_TRY(plan_active(ctx, id, active, self, &change));
    return run(ctx, &change, 1);
}

static apr_status_t apply_role(twc_ctx_t *ctx, const change_t *change)
{
    return twc_user_set_role(ctx, change->id, change->role);
}

static apr_status_t plan_role(twc_ctx_t *ctx, apr_int64_t id, twc_role_e role, apr_int64_t self, change_t *change)
{
    *change = (change_t){ .id = id, .action = "user.role_set", .apply = apply_role, .role = role, .loses_super = role != TWC_ROLE_SUPER,
                          .raises = true };
    return not_oneself(ctx, id, self);
}

apr_status_t twc_account_set_role(twc_ctx_t *ctx, apr_int64_t id, twc_role_e role, apr_int64_t self)
{
    change_t change;

    TWC_TRY(plan_role(ctx, id, role, self, &change));
    return run(ctx, &change, 1);
}

static bool says_something(const twc_user_change_t *fields)
{
    return fields->full_name || fields->bio || fields->email || fields->phone_number;
}

/* Each by its own rule and noted by itself, but done together. */
apr_status_t twc_account_edit(twc_ctx_t *ctx, apr_int64_t id, const twc_account_edit_t *edit, apr_int64_t self)
{
    twc_user_change_t fields = edit->fields;
    change_t change[CHANGES_MAX];
    int count = 0;

    if (says_something(&fields))
        TWC_TRY(plan_fields(ctx, id, &fields, &change[count++]));
    if (edit->role >= TWC_ROLE_NONE)
        TWC_TRY(plan_role(ctx, id, (twc_role_e)edit->role, self, &change[count++]));
    if (edit->active >= 0)
        TWC_TRY(plan_active(ctx, id, edit->active, self, &change[count++]));
    return run(ctx, change, count);
}

static apr_status_t apply_super(twc_ctx_t *ctx, const change_t *change)
{
    return twc_user_set_super(ctx, change->id, change->on);
}

apr_status_t twc_account_set_super(twc_ctx_t *ctx, apr_int64_t id, bool super, apr_int64_t self)
{
    change_t change = { .id = id, .action = "user.role_set", .apply = apply_super, .on = super, .loses_super = !super, .raises = super };

    TWC_TRY(not_oneself(ctx, id, self));
    return run(ctx, &change, 1);
}

static apr_status_t apply_delete(twc_ctx_t *ctx, const change_t *change)
{
    return twc_user_delete(ctx, change->id);
}

apr_status_t twc_account_delete(twc_ctx_t *ctx, apr_int64_t id, apr_int64_t self)
{
    change_t change = { .id = id, .action = "user.deleted", .apply = apply_delete, .loses_super = true };

    TWC_TRY(not_oneself(ctx, id, self));
    return run(ctx, &change, 1);
}

static apr_status_t apply_roles(twc_ctx_t *ctx, const change_t *change)
{
    return twc_role_assign(ctx, change->id, change->text);
}

apr_status_t twc_account_assign_roles(twc_ctx_t *ctx, apr_int64_t id, const char *ids)
{
    change_t change = { .id = id, .action = "user.roles_assigned", .apply = apply_roles, .text = ids, .raises = true };

    return run(ctx, &change, 1);
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

/* ---- second factor ------------------------------------------------------------------------------------- */

static const char *label_of(twc_ctx_t *ctx, apr_int64_t id)
{
    return apr_psprintf(ctx->scratch, "totp %" APR_INT64_T_FMT, id);
}

apr_status_t twc_account_totp_secret(twc_ctx_t *ctx, const twc_user_t *user, const unsigned char **secret)
{
    twc_str_t plain;

    for (int i = 0; i < TWC_TOKENS_MAX && user->totp_secret.data; i++) {
        const char *key = ctx->conf->token_secrets[i];
        if (!key || twc_unseal(ctx->pool, key, label_of(ctx, user->id), user->totp_secret, &plain) != APR_SUCCESS
            || plain.len != TWC_TOTP_BYTES)
            continue;
        *secret = (const unsigned char *)plain.data;
        return APR_SUCCESS;
    }
    return twc_problem(ctx, APR_EACCES, "no_secret", "The second factor of this account cannot be read; an administrator can reset it.");
}

struct factor_t {
    apr_int64_t step;
    twc_str_t sealed;
    bool on;
    const char **hashes;
};

static apr_status_t apply_factor(twc_ctx_t *ctx, const change_t *change)
{
    const factor_t *factor = change->factor;

    TWC_TRY(twc_user_set_totp(ctx, change->id, factor->sealed, factor->on));
    if (factor->step)
        TWC_TRY(twc_user_take_step(ctx, change->id, factor->step));
    return factor->hashes ? twc_user_set_recovery(ctx, change->id, factor->hashes, TWC_RECOVERY_CODES) : APR_SUCCESS;
}

static apr_status_t set_factor(twc_ctx_t *ctx, apr_int64_t id, const char *action, const factor_t *factor)
{
    change_t change = { .id = id, .action = action, .apply = apply_factor, .factor = factor };

    return run(ctx, &change, 1);
}

/* Accounts without a password of ours have nothing to prove it by; their sign-in elsewhere asks for none of this either. */
static apr_status_t prove_if_any(twc_ctx_t *ctx, const twc_user_t *user, const char *password)
{
    if (!user->password_hash)
        return APR_SUCCESS;
    return password ? prove(ctx, user, password) : twc_problem_field(ctx, "password", "password_missing", "Your password is needed for this.");
}

apr_status_t twc_account_totp_begin(twc_ctx_t *ctx, apr_int64_t id, const char *password, const char **text, const char **url)
{
    const twc_conf_t *conf = ctx->conf;
    unsigned char secret[TWC_TOTP_BYTES];
    twc_str_t sealed;
    twc_user_t *user;

    if (!conf->token_secrets[0])
        return twc_problem(ctx, APR_EACCES, "no_secret", "Second factors need TwchatTokenSecret in the server's configuration.");
    TWC_TRY(twc_user_load(ctx, id, &user));
    if (user->totp_on)
        return twc_problem(ctx, APR_EEXIST, "factor_on", "The second factor is on; turn it off first.");
    TWC_TRY(prove_if_any(ctx, user, password));
    TWC_TRY(twc_totp_generate(secret));
    *text = twc_totp_base32(ctx->pool, secret);
    *url = twc_totp_url(ctx->pool, secret, conf->business_name, user->username);
    TWC_TRY(twc_seal(ctx->pool, conf->token_secrets[0], label_of(ctx, id), (twc_str_t){ (const char *)secret, sizeof(secret) },
                     &sealed));
    return twc_user_set_totp(ctx, id, sealed, false);    /* nothing to tell yet */
}

static apr_status_t make_codes(twc_ctx_t *ctx, const char *const **codes, const char ***hashes)
{
    const char **made = apr_pcalloc(ctx->pool, TWC_RECOVERY_CODES * sizeof(*made));

    *hashes = apr_pcalloc(ctx->pool, TWC_RECOVERY_CODES * sizeof(**hashes));
    for (int i = 0; i < TWC_RECOVERY_CODES; i++) {
        TWC_TRY(twc_recovery_generate(ctx->pool, &made[i]));
        (*hashes)[i] = twc_recovery_hash(ctx->pool, made[i]);
    }
    *codes = made;
    return APR_SUCCESS;
}

apr_status_t twc_account_totp_confirm(twc_ctx_t *ctx, apr_int64_t id, const char *code, const char *const **codes)
{
    factor_t factor = { .on = true };
    const unsigned char *secret;
    twc_user_t *user;

    TWC_TRY(twc_user_load(ctx, id, &user));
    if (user->totp_on || !user->totp_secret.data)
        return twc_problem(ctx, APR_EEXIST, "factor_not_begun", "There is no second factor waiting to be confirmed.");
    TWC_TRY(twc_account_totp_secret(ctx, user, &secret));
    factor.sealed = user->totp_secret;
    factor.step = twc_totp_step(secret, code, apr_time_now(), 0);
    if (!factor.step)
        return twc_problem_field(ctx, "code", "code_wrong", "This is not the code the app shows now. Is its clock right?");
    TWC_TRY(make_codes(ctx, codes, &factor.hashes));
    return set_factor(ctx, id, "user.second_factor_on", &factor);
}

apr_status_t twc_account_totp_off(twc_ctx_t *ctx, apr_int64_t id, const char *password)
{
    const factor_t none = { .on = false };
    twc_user_t *user;

    TWC_TRY(twc_user_load(ctx, id, &user));
    if (password)
        TWC_TRY(prove(ctx, user, password));
    return set_factor(ctx, id, password ? "user.second_factor_off" : "user.second_factor_reset", &none);
}

static apr_status_t apply_codes(twc_ctx_t *ctx, const change_t *change)
{
    return twc_user_set_recovery(ctx, change->id, change->factor->hashes, TWC_RECOVERY_CODES);
}

apr_status_t twc_account_recovery_renew(twc_ctx_t *ctx, apr_int64_t id, const char *password, const char *const **codes)
{
    factor_t factor = { .on = true };
    change_t change = { .id = id, .action = "user.recovery_codes_made", .apply = apply_codes, .factor = &factor };
    twc_user_t *user;

    TWC_TRY(twc_user_load(ctx, id, &user));
    if (!user->totp_on)
        return twc_problem(ctx, APR_EEXIST, "factor_off", "Recovery codes go with a second factor; set one up first.");
    TWC_TRY(prove_if_any(ctx, user, password));
    TWC_TRY(make_codes(ctx, codes, &factor.hashes));
    return run(ctx, &change, 1);
}
