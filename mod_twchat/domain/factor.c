/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * factor.c - the second factor of an account: a secret that an app shows codes of, and recovery codes.
 * Must never keep a secret unsealed, nor a recovery code but as its hash.
 * Called by the account endpoints, by signin.c and by twchatctl.
 */
#include "domain/account.h"
#include "domain/change.h"
#include "domain/factor.h"
#include "util/totp.h"

static const char *label_of(twc_ctx_t *ctx, apr_int64_t id)
{
    return apr_psprintf(ctx->scratch, "totp %" APR_INT64_T_FMT, id);
}

apr_status_t twc_factor_secret(twc_ctx_t *ctx, const twc_user_t *user, const unsigned char **secret)
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

typedef struct factor_t {
    apr_int64_t step;
    twc_str_t sealed;
    bool on;
    const char **hashes;                /* of recovery codes; NULL: as they are */
} factor_t;

static apr_status_t apply_factor(twc_ctx_t *ctx, const twc_change_t *change)
{
    const factor_t *factor = change->more;

    TWC_TRY(twc_user_set_totp(ctx, change->id, factor->sealed, factor->on));
    if (factor->step)
        TWC_TRY(twc_user_take_step(ctx, change->id, factor->step));
    return factor->hashes ? twc_user_set_recovery(ctx, change->id, factor->hashes, TWC_RECOVERY_CODES) : APR_SUCCESS;
}

static apr_status_t set_factor(twc_ctx_t *ctx, apr_int64_t id, const char *action, const factor_t *factor)
{
    twc_change_t change = { .id = id, .action = action, .apply = apply_factor, .more = factor };

    return twc_change_run(ctx, &change, 1);
}

/* Accounts without a password of ours have nothing to prove it by; their sign-in elsewhere asks for none of this either. */
static apr_status_t prove_if_any(twc_ctx_t *ctx, const twc_user_t *user, const char *password)
{
    if (!user->password_hash)
        return APR_SUCCESS;
    return password ? twc_account_prove(ctx, user, password) : twc_problem_field(ctx, "password", "password_missing", "Your password is needed for this.");
}

apr_status_t twc_factor_begin(twc_ctx_t *ctx, apr_int64_t id, const char *password, const char **text, const char **url)
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

apr_status_t twc_factor_confirm(twc_ctx_t *ctx, apr_int64_t id, const char *code, const char *const **codes)
{
    factor_t factor = { .on = true };
    const unsigned char *secret;
    twc_user_t *user;

    TWC_TRY(twc_user_load(ctx, id, &user));
    if (user->totp_on || !user->totp_secret.data)
        return twc_problem(ctx, APR_EEXIST, "factor_not_begun", "There is no second factor waiting to be confirmed.");
    TWC_TRY(twc_factor_secret(ctx, user, &secret));
    factor.sealed = user->totp_secret;
    factor.step = twc_totp_step(secret, code, apr_time_now(), 0);
    if (!factor.step)
        return twc_problem_field(ctx, "code", "code_wrong", "This is not the code the app shows now. Is its clock right?");
    TWC_TRY(make_codes(ctx, codes, &factor.hashes));
    return set_factor(ctx, id, "user.second_factor_on", &factor);
}

apr_status_t twc_factor_off(twc_ctx_t *ctx, apr_int64_t id, const char *password)
{
    const factor_t none = { .on = false };
    twc_user_t *user;

    TWC_TRY(twc_user_load(ctx, id, &user));
    if (password)
        TWC_TRY(twc_account_prove(ctx, user, password));
    return set_factor(ctx, id, password ? "user.second_factor_off" : "user.second_factor_reset", &none);
}

static apr_status_t apply_codes(twc_ctx_t *ctx, const twc_change_t *change)
{
    return twc_user_set_recovery(ctx, change->id, ((const factor_t *)change->more)->hashes, TWC_RECOVERY_CODES);
}

apr_status_t twc_factor_renew_codes(twc_ctx_t *ctx, apr_int64_t id, const char *password, const char *const **codes)
{
    factor_t factor = { .on = true };
    twc_change_t change = { .id = id, .action = "user.recovery_codes_made", .apply = apply_codes, .more = &factor };
    twc_user_t *user;

    TWC_TRY(twc_user_load(ctx, id, &user));
    if (!user->totp_on)
        return twc_problem(ctx, APR_EEXIST, "factor_off", "Recovery codes go with a second factor; set one up first.");
    TWC_TRY(prove_if_any(ctx, user, password));
    TWC_TRY(make_codes(ctx, codes, &factor.hashes));
    return twc_change_run(ctx, &change, 1);
}
