/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * user.h - accounts and roles. Rules (who may, what a password must be, what is audited) are
 * domain/account.h's; this only keeps rows.
 */
#ifndef TWC_STORE_USER_H
#define TWC_STORE_USER_H

#include "twc.h"

/** What somebody may do; each includes those before it. The numbers are those of roles.rank. */
typedef enum {
    TWC_ROLE_NONE,                      /* has an account: their own messages, reports, settings */
    TWC_ROLE_VIEWER,                    /* reads what operators see */
    TWC_ROLE_AGENT,                     /* answers conversations */
    TWC_ROLE_ADMIN,                     /* manages settings, campaigns, appointments */
    TWC_ROLE_SUPER                      /* super_admin, superuser: manages accounts and keys */
} twc_role_e;

/** "none", "viewer", "agent", "admin", "super_admin". */
const char *twc_role_name(twc_role_e role);
/** The role of that name, or -1. */
int twc_role_parse(const char *name);

typedef struct twc_user_t {
    apr_int64_t id;
    const char *username;
    const char *email, *full_name, *phone_number;   /* may be NULL */
    const char *password_hash;          /* NULL: no password of ours */
    bool password_fit;                  /* it was as good as a role wants it when it was set */
    twc_role_e role;
    bool active;
    bool registered;                    /* made by whoever it belongs to, whom nobody knows */
    bool totp_on;                       /* a second factor is asked for */
    twc_str_t totp_secret;              /* sealed; data NULL: none */
} twc_user_t;

/** Look somebody up; the names in any case. @return APR_SUCCESS | APR_ENOENT problem "user_unknown" */
apr_status_t twc_user_load(twc_ctx_t *ctx, apr_int64_t id, twc_user_t **user);
apr_status_t twc_user_by_name(twc_ctx_t *ctx, const char *username, twc_user_t **user);
/** By user name or e-mail address: what somebody signs in with. No two accounts share one. */
apr_status_t twc_user_by_login(twc_ctx_t *ctx, const char *login, twc_user_t **user);
/** By what an identity provider says: a user name, or an e-mail address that the account's owner did not give it themselves. */
apr_status_t twc_user_by_identity(twc_ctx_t *ctx, const char *identity, twc_user_t **user);

/** A new account. */
typedef struct twc_user_draft_t {
    const char *username;               /* [A-Za-z0-9][A-Za-z0-9._@+-]{0,149} */
    const char *email, *full_name, *phone_number;   /* may be NULL; phone_number canonical */
    const char *password_hash;          /* NULL: signs in elsewhere */
    bool password_fit;
    twc_role_e role;
    bool inactive;
    const char *origin;                 /* "local", "registered", "apache": at first sight of somebody Apache knows */
} twc_user_draft_t;

/**
 * A user name must not be another's address, either, nor an address another's user name. Of origin "apache": an address that is
 * taken is left out, and one that its owner merely gave themselves is no hindrance.
 * @return APR_SUCCESS | APR_EEXIST problem "username_taken", "email_taken" or "phone_taken", with its field; or "conflict": somebody
 *         else was faster, and looking again tells at what
 */
apr_status_t twc_user_insert(twc_ctx_t *ctx, const twc_user_draft_t *draft, apr_int64_t *id);

/** What to change; NULL members stay, "" empties. */
typedef struct twc_user_change_t {
    const char *full_name, *bio, *email, *phone_number;
    bool email_confirmed;               /* the address comes from somebody who knows whose it is, not from its owner */
} twc_user_change_t;
/** @return APR_SUCCESS | APR_ENOENT | APR_EEXIST as above */
apr_status_t twc_user_update(twc_ctx_t *ctx, apr_int64_t id, const twc_user_change_t *change);

apr_status_t twc_user_set_password(twc_ctx_t *ctx, apr_int64_t id, const char *hash, bool fit);
/** Another hash of the same password. APR_ENOENT: it is no longer that one */
apr_status_t twc_user_renew_hash(twc_ctx_t *ctx, apr_int64_t id, const char *old, const char *fresh);
apr_status_t twc_user_set_active(twc_ctx_t *ctx, apr_int64_t id, bool active);
/** Exactly this role of ours from now on; roles without rights stay. */
apr_status_t twc_user_set_role(twc_ctx_t *ctx, apr_int64_t id, twc_role_e role);
/** The superuser mark alone; other roles stay. */
apr_status_t twc_user_set_super(twc_ctx_t *ctx, apr_int64_t id, bool super);
apr_status_t twc_user_delete(twc_ctx_t *ctx, apr_int64_t id);
/** Active super_admins beside this one, locked until the transaction ends: the last one must not go. */
apr_status_t twc_user_other_supers(twc_ctx_t *ctx, apr_int64_t id, int *count);

/** Second factor. secret data NULL: none any more, nor recovery codes. */
apr_status_t twc_user_set_totp(twc_ctx_t *ctx, apr_int64_t id, twc_str_t secret, bool on);
/** Take a code's step, unless it or a later one was taken before: APR_EACCES. */
apr_status_t twc_user_take_step(twc_ctx_t *ctx, apr_int64_t id, apr_int64_t step);
/** Replace the recovery codes; each as sha256 in lower-case hex. */
apr_status_t twc_user_set_recovery(twc_ctx_t *ctx, apr_int64_t id, const char *const *hashes, int count);
/** Use one up. APR_ENOENT: no such code, or used. left: how many remain */
apr_status_t twc_user_use_recovery(twc_ctx_t *ctx, apr_int64_t id, const char *hash, int *left);

/** How many remain. */
apr_status_t twc_user_count_recovery(twc_ctx_t *ctx, apr_int64_t id, int *left);

/* ---- JSON, in the shapes clients know ------------------------------------------------ */

/**
 * ai-messaging: {id, username, email, full_name, bio, phone_number, is_active, is_superuser, created_at, updated_at};
 * the list by id.
 */
apr_status_t twc_user_json(twc_ctx_t *ctx, apr_int64_t id, const char **json);
apr_status_t twc_user_list_json(twc_ctx_t *ctx, int skip, int limit, const char **json);

/** appointment-bot: {id: uuid, username, role, is_active, created_at}; those with a role, by creation. */
apr_status_t twc_user_admins_json(twc_ctx_t *ctx, const char **json);
apr_status_t twc_user_admin_json(twc_ctx_t *ctx, apr_int64_t id, const char **json);

/**
 * Our pages: {"users":[{id, username, email, email_confirmed, full_name, phone_number, role, roles:[names], is_active, origin, second_factor,
 * last_signin_at, created_at}…], "more":bool}, by user name, after `after` (NULL: from the first).
 * @param search  part of a name or address, or NULL; role: at least TWC_ROLE_VIEWER filters, TWC_ROLE_NONE: all
 */
apr_status_t twc_user_page_json(twc_ctx_t *ctx, const char *search, const char *after, int limit, const char **json);
apr_status_t twc_user_row_json(twc_ctx_t *ctx, apr_int64_t id, const char **json);

/* ---- roles by name (ai-messaging) ------------------------------------------------------ */

/** [{id, name, description, created_at, updated_at}…] by id; user_id 0: all there are, else that account's. */
apr_status_t twc_role_list_json(twc_ctx_t *ctx, apr_int64_t user_id, const char **json);
/** @return APR_EEXIST problem "role_taken" */
apr_status_t twc_role_insert(twc_ctx_t *ctx, const char *name, const char *description, const char **json);
/** name, json: out, what it was. @return APR_ENOENT problem "role_unknown" | APR_EACCES problem "role_built_in" */
apr_status_t twc_role_delete(twc_ctx_t *ctx, apr_int64_t id, const char **name, const char **json);
/** Exactly these; unknown ids are skipped. ids: "{1,2}" */
apr_status_t twc_role_assign(twc_ctx_t *ctx, apr_int64_t user_id, const char *ids);

#endif
