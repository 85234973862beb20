/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * twc.h - the words every part of the core uses: the call context, the
 * configuration of one tenant, and how a failure is told.
 *
 * The core never includes httpd.h; the module, twchatctl and the unit tests
 * all bring a context of their own and call the same functions.
 */
#ifndef TWC_H
#define TWC_H

#include <stdbool.h>
#include <stddef.h>

#include <apr.h>
#include <apr_pools.h>
#include <apr_strings.h>
#include <apr_time.h>

typedef struct twc_ctx_t twc_ctx_t;
typedef struct twc_conf_t twc_conf_t;
typedef struct twc_problem_t twc_problem_t;
typedef struct twc_db_t twc_db_t;       /* store/db.h */
typedef struct twc_tx_t twc_tx_t;       /* store/db.h */
typedef struct twc_recall_t twc_recall_t; /* store/recall.h */
typedef struct twc_hasher_t twc_hasher_t; /* util/hasher.h */

/** Bytes with a length; not NUL-terminated unless the producer says so. */
typedef struct twc_str_t {
    const char *data;
    apr_size_t len;
} twc_str_t;

/** Return from the calling function when expr fails; the only such macro. */
#define TWC_TRY(expr)                                                         \
    do {                                                                      \
        apr_status_t twc_try_rv_ = (expr);                                    \
        if (twc_try_rv_ != APR_SUCCESS)                                       \
            return twc_try_rv_;                                               \
    } while (0)

/* What a call asks the background threads to look at, once it has committed. */
#define TWC_WAKE_SENDER   0x1u          /* a message was queued */
#define TWC_WAKE_RUNNER   0x2u          /* a job was queued */
#define TWC_WAKE_EVENTS   0x4u          /* something a live page shows has changed */

/** On whose behalf a call is made, for the audit log. */
typedef struct twc_actor_t {
    const char *kind;                   /* "user", "key", "command", "open", "nobody" */
    apr_int64_t id;                     /* of the user or key; 0: none */
    const char *name;                   /* "alice", "backup"; may be NULL */
    const char *remote_addr;            /* may be NULL */
    const char *correlation_id;         /* of the request; may be NULL */
} twc_actor_t;

/**
 * Everything a domain or store call may use. A context belongs to one thread.
 * Results live in pool; scratch may be cleared as soon as the call returns.
 */
struct twc_ctx_t {
    apr_pool_t *pool;
    apr_pool_t *scratch;
    twc_db_t *db;                       /* the tenant's door to PostgreSQL */
    twc_tx_t *tx;                       /* open transaction, set by twc_tx_run only */
    twc_recall_t *recall;               /* lists asked for lately; NULL: each is looked up */
    const twc_conf_t *conf;             /* merged, read-only after start-up */
    twc_problem_t *problem;             /* the first failure; never NULL */
    const twc_actor_t *actor;           /* NULL: nobody in particular */
    twc_hasher_t *hasher;               /* NULL: passwords are hashed on the calling thread */
    unsigned wake;                      /* TWC_WAKE_*, acted upon by whoever owns the context */
    bool (*stop)(void *baton);          /* NULL, or polled while a peer keeps us waiting: true gives up (APR_EINTR) */
    void *stop_baton;
};

/** Set up ctx for one piece of work; pool serves as scratch too. */
void twc_ctx_init(twc_ctx_t *ctx, apr_pool_t *pool, twc_db_t *db, const twc_conf_t *conf);

/* ---- failures ------------------------------------------------------------ */

/**
 * Why a call failed. Whoever knows the reason fills it, once: the first cause
 * wins. detail is for people and never holds secrets, SQL or other tenants' data.
 */
struct twc_problem_t {
    apr_status_t status;                /* APR_SUCCESS: no failure yet */
    const char *code;                   /* stable machine word: "opted_out" */
    const char *detail;                 /* a sentence a person can act on */
    const char *field;                  /* offending input field, or NULL */
    int twilio_code;                    /* Twilio's error number, or 0 */
    apr_interval_time_t wait;           /* after which it makes sense to try again; 0: nothing is known */
    const char *internal;               /* for the log only, never for answers; or NULL */
};

/**
 * Record a failure and return status, so that it reads `return twc_problem(...)`.
 * @param status  APR_ENOENT not there | APR_EEXIST conflict | APR_EACCES not allowed
 *                | APR_EINVAL bad input | APR_EAGAIN busy, try again | APR_EBUSY too often | other: our fault
 * @param detail  printf format, copied into ctx->pool
 */
apr_status_t twc_problem(twc_ctx_t *ctx, apr_status_t status, const char *code,
                         const char *detail, ...) __attribute__((format(printf, 4, 5)));

/** The same, naming the input field that is wrong (status APR_EINVAL). */
apr_status_t twc_problem_field(twc_ctx_t *ctx, const char *field, const char *code,
                               const char *detail, ...) __attribute__((format(printf, 4, 5)));

/** Forget a failure that was dealt with. */
void twc_problem_clear(twc_ctx_t *ctx);

/* ---- configuration of one tenant (one virtual host) ---------------------- */

typedef enum {
    TWC_SIGNATURE_ON,                   /* a wrong signature is refused */
    TWC_SIGNATURE_REPORT,               /* accepted, and logged what would be refused */
    TWC_SIGNATURE_OFF                   /* not looked at */
} twc_signature_mode_e;

typedef enum { TWC_CHAT_OFF, TWC_CHAT_ECHO, TWC_CHAT_KEYWORDS } twc_chat_mode_e;

/** Kinds of sender, each with a throughput of its own. */
typedef enum {
    TWC_SENDER_LONGCODE_US,             /* +1 ten-digit number */
    TWC_SENDER_LONGCODE,                /* any other number */
    TWC_SENDER_TOLLFREE,
    TWC_SENDER_SHORTCODE,
    TWC_SENDER_ALPHANUMERIC,
    TWC_SENDER_SERVICE,                 /* MG...: Twilio picks the number */
    TWC_SENDER_WHATSAPP,
    TWC_SENDER_RCS,
    TWC_SENDER_KINDS
} twc_sender_kind_e;

#define TWC_TOKENS_MAX 2

/** What is said about confirming STOP, START and HELP: for one of our senders (or a service), or with NULL for all others. */
typedef struct twc_confirm_t {
    const char *sender;                 /* canonical address, or MG... */
    bool confirm;
} twc_confirm_t;

/** What conf->grace is longer than conf->send_timeout, at least: for a request to begin in. */
#define TWC_GRACE_MARGIN apr_time_from_sec(1)

struct twc_conf_t {
    const char *tenant;                 /* name for logs: the virtual host's */
    /* Twilio */
    const char *account_sid;            /* NULL: not configured */
    const char *auth_tokens[TWC_TOKENS_MAX]; /* primary first; NULL entries unused */
    const char *api_key_sid;            /* SK..., used instead of the token for REST when set */
    const char *api_key_secret;
    const char *api_base;               /* "https://api.twilio.com", no trailing slash */
    const char *default_sender;         /* E.164, short code or alphanumeric; may be NULL */
    const char *whatsapp_sender;        /* "whatsapp:+..."; may be NULL */
    const char *messaging_service_sid;  /* MG...; may be NULL */
    const char *public_url;             /* "https://chat.example.com[/prefix]", no trailing slash */
    const char *status_path;            /* where our status callback is mounted: "/twilio/status" */
    const char *const *media_hosts;     /* further hosts attachments may come from, NULL-terminated; may be NULL */
    twc_signature_mode_e signature_mode;
    /* answering */
    twc_chat_mode_e chat_mode;
    const char *auto_reply_pattern;     /* POSIX extended regular expression for senders */
    const void *auto_reply_regex;       /* regex_t compiled from it */
    const char *ack_text;               /* sms-store acknowledgement; "" = none */
    const char *business_name;          /* used in STOP/START/HELP texts */
    const char *support_number;         /* the same; may be NULL */
    int answers_max;                    /* automatic answers to one peer ... */
    apr_interval_time_t answers_window; /* ... within this time */
    const twc_confirm_t *confirm;       /* confirm_count of them, the later word counts */
    int confirm_count;
    /* sending */
    int senders;                        /* sender threads per child, 1..8 */
    int in_flight;                      /* requests to Twilio at once per sender thread */
    double rate[TWC_SENDER_KINDS];      /* segments (messages for WhatsApp, RCS) per second */
    apr_interval_time_t send_wait;      /* how long a send API call waits for Twilio's answer */
    apr_interval_time_t send_timeout;   /* one request to Twilio */
    apr_interval_time_t grace;          /* unknown outcome: wait so long before a resend; TWC_GRACE_MARGIN longer at least */
    /* webhooks while the database is away */
    const char *spool_dir;              /* this tenant's own directory; NULL: no spool */
    apr_int64_t spool_max;              /* bytes that may wait there */
    /* people */
    const char *token_secrets[TWC_TOKENS_MAX]; /* sign tokens and seal second factors; primary first; NULL entries unused */
    apr_interval_time_t session_life;   /* of a browser's sign-in */
    apr_interval_time_t access_life, refresh_life;  /* of tokens */
    int password_min;                   /* characters, for accounts that may do something */
    int password_min_registered;        /* the same, for accounts without a role */
    int password_cost;                  /* bcrypt: 2^cost rounds */
    int password_threads;               /* per child */
    int second_factor;                  /* accounts of this twc_role_e and above need one; 0: nobody has to */
    bool registration;                  /* anybody may register an account (ai-messaging) ... */
    int registrations;                  /* ... so many a minute from one address */
    double api_rate, api_burst;         /* requests a second of one caller, and what may gather; rate 0: no limit */
    /* bounds */
    int list_max;                       /* upper bound for limit parameters without one */
    apr_size_t body_max;                /* request body, bytes */
    apr_size_t media_max;               /* one attachment, bytes */
    apr_interval_time_t journal_keep;   /* webhook journal retention */
    int statements_max;                 /* statements in flight per child */
    apr_interval_time_t statement_timeout;
};

#endif
