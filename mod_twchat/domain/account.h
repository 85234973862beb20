/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * account.h - the rules about accounts: who may exist under which name and password, what happens to somebody's
 * sign-ins when they change, and that it is written down who did it (ctx->actor).
 */
#ifndef TWC_DOMAIN_ACCOUNT_H
#define TWC_DOMAIN_ACCOUNT_H

#include "store/user.h"

/** An account as somebody asks for it; texts as they came. */
typedef struct twc_account_draft_t {
    const char *username, *email, *password;    /* email and password may be NULL */
    const char *full_name, *phone_number;       /* may be NULL */
    twc_role_e role;
    bool inactive;
    const char *origin;                 /* as twc_user_draft_t has it; NULL: "local" */
    const char *audited_as;             /* action in the audit log; NULL: "user.created" */
} twc_account_draft_t;

/**
 * Make an account.
 * @return APR_SUCCESS | APR_EINVAL problem names the field | APR_EEXIST "username_taken", "email_taken", "phone_taken"
 *         | APR_EAGAIN busy
 */
apr_status_t twc_account_create(twc_ctx_t *ctx, const twc_account_draft_t *draft, apr_int64_t *id);

/**
 * The same by whoever it is for, at this address of the network: so many a minute, however they come out.
 * @return as above | APR_EBUSY "too_many_attempts", problem->wait says how long
 */
apr_status_t twc_account_register(twc_ctx_t *ctx, const twc_account_draft_t *draft, const char *address, apr_int64_t *id);

/** What is said of them; an e-mail address from anybody but themselves is confirmed by that. @return APR_EINVAL | APR_EEXIST | APR_ENOENT */
apr_status_t twc_account_change(twc_ctx_t *ctx, apr_int64_t id, const twc_user_change_t *change);

/**
 * A new password by its owner: every other sign-in ends.
 * @return APR_EACCES "password_wrong" | APR_EINVAL "password_weak" | APR_EBUSY "too_many_attempts": ten wrong ones a minute, wherever
 *         the current password is asked for
 */
apr_status_t twc_account_change_password(twc_ctx_t *ctx, apr_int64_t id, const char *current, const char *fresh, apr_int64_t keep_signin);
/** Its owner proves to be it. @return APR_EACCES "password_wrong" | APR_EBUSY "too_many_attempts", as above */
apr_status_t twc_account_prove(twc_ctx_t *ctx, const twc_user_t *user, const char *password);
/** A new password by somebody who may: every sign-in ends. */
apr_status_t twc_account_reset_password(twc_ctx_t *ctx, apr_int64_t id, const char *fresh);

/*
 * By administrators. self: the caller's own id, 0 for a program; nobody takes themselves away.
 * @return APR_ENOENT "user_unknown" | APR_EACCES "own_account" | APR_EEXIST "last_super_admin", or "password_unfit": whose password was
 *         not as good as a role wants it when it was set rises no further
 */
apr_status_t twc_account_set_active(twc_ctx_t *ctx, apr_int64_t id, bool active, apr_int64_t self);
apr_status_t twc_account_set_role(twc_ctx_t *ctx, apr_int64_t id, twc_role_e role, apr_int64_t self);
apr_status_t twc_account_set_super(twc_ctx_t *ctx, apr_int64_t id, bool super, apr_int64_t self);
apr_status_t twc_account_delete(twc_ctx_t *ctx, apr_int64_t id, apr_int64_t self);

/** Several at once: all that is asked for is done, or nothing of it. */
typedef struct twc_account_edit_t {
    twc_user_change_t fields;
    int role;                           /* twc_role_e; -1: stays */
    int active;                         /* 0, 1; -1: stays */
} twc_account_edit_t;
apr_status_t twc_account_edit(twc_ctx_t *ctx, apr_int64_t id, const twc_account_edit_t *edit, apr_int64_t self);

/** Replace roles by ids "{1,2}" (ai-messaging); the superuser mark stays as it is. */
apr_status_t twc_account_assign_roles(twc_ctx_t *ctx, apr_int64_t id, const char *ids);

/** Roles by name, without rights (ai-messaging). As store/user.h's, and audited. */
apr_status_t twc_account_role_create(twc_ctx_t *ctx, const char *name, const char *description, const char **json);
apr_status_t twc_account_role_delete(twc_ctx_t *ctx, apr_int64_t id);

/**
 * A key for a program, as store/setting.h's.
 * @return APR_EINVAL problem names the field: "name" empty, too long or with characters nobody sees; "role" none that a key may have
 */
apr_status_t twc_account_key_create(twc_ctx_t *ctx, const char *name, twc_role_e role, apr_interval_time_t life, const char **key);

#endif
