/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * routes.h - every HTTP route there is, as data, and how a request finds its own.
 * The server binds each row to the function named in it (glue/route.c), twchatctl
 * prints the table. A row whose function does not exist does not link.
 *
 * Patterns are relative to a mount: "/chat/:number" binds one segment, "/assets/:rest*" binds
 * whatever follows. GET answers HEAD too; OPTIONS is answered by the router.
 */
#ifndef TWC_ROUTES_H
#define TWC_ROUTES_H

#include "twc.h"

/** The interfaces a mount may carry, as TwchatInterface names them. */
typedef enum {
    TWC_IF_FLASK_CHAT,
    TWC_IF_WHATSAPP_INBOX,
    TWC_IF_APPOINTMENT_BOT,
    TWC_IF_AI_MESSAGING,
    TWC_IF_SMS_STORE,
    TWC_IF_NATIVE,
    TWC_IF_COUNT
} twc_interface_e;

/** How an interface writes its errors. */
typedef enum {
    TWC_STYLE_ERROR,                    /* {"error":text} */
    TWC_STYLE_SUCCESS,                  /* {"success":false,"error":text} */
    TWC_STYLE_DETAIL,                   /* {"detail":text} */
    TWC_STYLE_NATIVE,                   /* {"detail":text,"code":word,"field"?:name} */
    TWC_STYLE_SHARED                    /* a path nobody has on a mount of several: {"detail","error"} */
} twc_style_e;

typedef struct twc_interface_t {
    const char *name;
    twc_style_e style;
    const char *home;                   /* its place on a mount of several, "" or "/api/twilio" */
    const char *also;                   /* a second prefix, only for paths nobody else has, or NULL */
    bool cors;                          /* answers browsers of other origins */
    const char *doc;
} twc_interface_t;

/** Indexed by twc_interface_e. */
extern const twc_interface_t twc_interfaces[TWC_IF_COUNT];

/** The interface of that name, or -1. */
int twc_interface_parse(const char *name);

/** Who may call a route: name, word, and what the word means. From TWC_VIEWER on each includes those after it. */
#define TWC_ACCESSES(ACCESS) \
    ACCESS(TWC_OPEN,    "open",        "anybody") \
    ACCESS(TWC_TWILIO,  "twilio",      "Twilio, by its signature; never somebody signed in") \
    ACCESS(TWC_KNOWN,   "known",       "anybody who can say who they are: a person, a program with a key") \
    ACCESS(TWC_ACCOUNT, "account",     "a person with an account, whatever their role") \
    ACCESS(TWC_VIEWER,  "viewer",      "a person or a program with this role or a higher one: reads") \
    ACCESS(TWC_AGENT,   "agent",       "this role or a higher one: answers conversations") \
    ACCESS(TWC_ADMIN,   "admin",       "this role or the next: manages") \
    ACCESS(TWC_SUPER,   "super_admin", "this role: manages accounts and keys")

#define TWC_ACCESS_NAME(access_, word_, meaning_) access_,
typedef enum { TWC_ACCESSES(TWC_ACCESS_NAME) } twc_access_e;
#undef TWC_ACCESS_NAME

/** Marks a route a browser shows by itself: who is not signed in is sent to the sign-in page. */
#define TWC_SHOWN 0x10u
#define TWC_PAGE(access) ((access) | TWC_SHOWN)

/** "open", "twilio", "known", "account", "viewer" ... */
const char *twc_access_name(twc_access_e access);

/** What a route does with a request body. */
typedef enum {
    TWC_BODY_NONE,
    TWC_BODY_JSON,                      /* an object, else 400 */
    TWC_BODY_LENIENT,                   /* an object whatever the content type says; anything else counts as {} */
    TWC_BODY_OPTIONAL,                  /* an object or nothing */
    TWC_BODY_WEBHOOK                    /* form, JSON or query string, kept as bytes for the signature */
} twc_body_e;

#define TWC_GET    0x1u
#define TWC_POST   0x2u
#define TWC_DELETE 0x4u
#define TWC_PUT    0x8u
#define TWC_PATCH  0x10u

/** "GET, HEAD, OPTIONS, POST" for an Allow header. */
const char *twc_methods_allow(apr_pool_t *pool, unsigned methods);

typedef struct twc_route_t {
    twc_interface_e interface;
    unsigned methods;
    const char *pattern;
    twc_access_e access;
    bool page;                          /* what a browser shows */
    twc_body_e body;
    apr_size_t body_max;                /* bytes; 0: TwchatBodyLimit */
    const char *endpoint;               /* the function that answers */
    const char *doc;
} twc_route_t;

/**
 * The table: ROUTE(interface, methods, pattern, access, body, body_max, endpoint, doc).
 * A fixed word wins over a parameter, whatever the order, also for the methods it does not have.
 */
#define TWC_ROUTES(ROUTE) \
    ROUTE(TWC_IF_FLASK_CHAT, TWC_GET | TWC_POST, "/twilio/inbound", TWC_TWILIO, TWC_BODY_WEBHOOK, 0, \
          twc_webhook_inbound, "Twilio: a message came in; answers an empty TwiML") \
    ROUTE(TWC_IF_FLASK_CHAT, TWC_GET | TWC_POST, "/twilio/status", TWC_TWILIO, TWC_BODY_WEBHOOK, 0, \
          twc_webhook_status, "Twilio: a message changed its status") \
    ROUTE(TWC_IF_FLASK_CHAT, TWC_POST, "/api/send-message", TWC_AGENT, TWC_BODY_LENIENT, 0, \
          twc_flask_send, "Send a message; takes Idempotency-Key") \
    ROUTE(TWC_IF_FLASK_CHAT, TWC_GET, "/api/messages", TWC_VIEWER, TWC_BODY_NONE, 0, \
          twc_flask_messages, "Stored messages, newest first") \
    ROUTE(TWC_IF_FLASK_CHAT, TWC_GET, "/api/messages/stats", TWC_VIEWER, TWC_BODY_NONE, 0, \
          twc_flask_stats, "Counters and the newest message") \
    ROUTE(TWC_IF_FLASK_CHAT, TWC_GET, "/api/messages/remote", TWC_VIEWER, TWC_BODY_NONE, 0, \
          twc_flask_remote, "Messages as Twilio lists them") \
    ROUTE(TWC_IF_FLASK_CHAT, TWC_GET, "/api/messages/:sid", TWC_VIEWER, TWC_BODY_NONE, 0, \
          twc_flask_fetch, "One message as Twilio has it") \
    ROUTE(TWC_IF_FLASK_CHAT, TWC_POST, "/api/messages/:sid/redact", TWC_ADMIN, TWC_BODY_OPTIONAL, 0, \
          twc_flask_redact, "Empty a message's text, at Twilio and here") \
    ROUTE(TWC_IF_FLASK_CHAT, TWC_DELETE, "/api/messages/:sid", TWC_ADMIN, TWC_BODY_NONE, 0, \
          twc_flask_delete, "Remove a message, at Twilio and here") \
    ROUTE(TWC_IF_FLASK_CHAT, TWC_GET, "/api/conversations", TWC_VIEWER, TWC_BODY_NONE, 0, \
          twc_flask_conversations, "One entry per peer, latest first") \
    ROUTE(TWC_IF_FLASK_CHAT, TWC_GET, "/api/conversations/:participant", TWC_VIEWER, TWC_BODY_NONE, 0, \
          twc_flask_thread, "Messages of one peer, oldest first") \
    ROUTE(TWC_IF_FLASK_CHAT, TWC_GET, "/api/health", TWC_OPEN, TWC_BODY_NONE, 0, \
          twc_health_flask, "Whether the service works") \
    ROUTE(TWC_IF_FLASK_CHAT, TWC_GET, "/api/auto-reply/config", TWC_VIEWER, TWC_BODY_NONE, 0, \
          twc_flask_auto_reply_get, "The automatic reply") \
    ROUTE(TWC_IF_FLASK_CHAT, TWC_POST, "/api/auto-reply/config", TWC_ADMIN, TWC_BODY_LENIENT, 65536, \
          twc_flask_auto_reply_set, "Change the automatic reply") \
    ROUTE(TWC_IF_FLASK_CHAT, TWC_GET, "/", TWC_PAGE(TWC_VIEWER), TWC_BODY_NONE, 0, \
          twc_page_dashboard, "The panel") \
    ROUTE(TWC_IF_FLASK_CHAT, TWC_GET, "/chat/:number", TWC_PAGE(TWC_VIEWER), TWC_BODY_NONE, 0, \
          twc_page_chat, "The chat page of one peer") \
    \
    ROUTE(TWC_IF_WHATSAPP_INBOX, TWC_GET | TWC_POST, "/webhook/twilio", TWC_TWILIO, TWC_BODY_WEBHOOK, 0, \
          twc_webhook_inbound, "Twilio: a message came in; answers an empty TwiML") \
    ROUTE(TWC_IF_WHATSAPP_INBOX, TWC_GET, "/health", TWC_OPEN, TWC_BODY_NONE, 0, \
          twc_health_whatsapp, "Whether the service works") \
    \
    ROUTE(TWC_IF_APPOINTMENT_BOT, TWC_GET | TWC_POST, "/webhooks/sms/inbound", TWC_TWILIO, TWC_BODY_WEBHOOK, 0, \
          twc_webhook_inbound, "Twilio: a message came in; answers an empty TwiML") \
    ROUTE(TWC_IF_APPOINTMENT_BOT, TWC_GET | TWC_POST, "/webhooks/sms/status", TWC_TWILIO, TWC_BODY_WEBHOOK, 0, \
          twc_webhook_status, "Twilio: a message changed its status") \
    ROUTE(TWC_IF_APPOINTMENT_BOT, TWC_GET, "/api/health", TWC_OPEN, TWC_BODY_NONE, 0, \
          twc_health_appointment, "Whether the service works") \
    ROUTE(TWC_IF_APPOINTMENT_BOT, TWC_POST, "/api/admin/auth/login", TWC_OPEN, TWC_BODY_JSON, 65536, \
          twc_admin_login, "Sign a browser in: cookies; the API key is a password, too") \
    ROUTE(TWC_IF_APPOINTMENT_BOT, TWC_POST, "/api/admin/auth/logout", TWC_KNOWN, TWC_BODY_OPTIONAL, 65536, \
          twc_admin_logout, "Sign out") \
    ROUTE(TWC_IF_APPOINTMENT_BOT, TWC_GET, "/api/admin/auth/me", TWC_VIEWER, TWC_BODY_NONE, 0, \
          twc_admin_me, "Is somebody signed in") \
    ROUTE(TWC_IF_APPOINTMENT_BOT, TWC_GET, "/api/admin-users", TWC_VIEWER, TWC_BODY_NONE, 0, \
          twc_admin_users, "Accounts with a role") \
    ROUTE(TWC_IF_APPOINTMENT_BOT, TWC_POST, "/api/admin-users", TWC_SUPER, TWC_BODY_JSON, 65536, \
          twc_admin_user_create, "Make an account with a role") \
    ROUTE(TWC_IF_APPOINTMENT_BOT, TWC_GET, "/api/audit-events", TWC_VIEWER, TWC_BODY_NONE, 0, \
          twc_admin_audit_events, "Who did what, newest first") \
    \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_GET | TWC_POST, "/twilio_webhook", TWC_TWILIO, TWC_BODY_WEBHOOK, 0, \
          twc_webhook_inbound, "Twilio: a message came in; form or JSON") \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_GET, "/health", TWC_OPEN, TWC_BODY_NONE, 0, \
          twc_health_ai, "Whether the service works") \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_GET, "/db-test", TWC_OPEN, TWC_BODY_NONE, 0, \
          twc_health_ai_database, "Whether the database answers") \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_GET, "/", TWC_OPEN, TWC_BODY_NONE, 0, \
          twc_health_ai_root, "What this is; for clients that take JSON only") \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_POST, "/auth/register", TWC_OPEN, TWC_BODY_JSON, 65536, \
          twc_ai_register, "Make an account; answers it with tokens") \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_POST, "/auth/login", TWC_OPEN, TWC_BODY_JSON, 65536, \
          twc_ai_login, "Tokens for a user name and a password") \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_POST, "/auth/refresh", TWC_OPEN, TWC_BODY_JSON, 65536, \
          twc_ai_refresh, "New tokens for a refresh token, which is used up") \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_POST, "/auth/logout", TWC_ACCOUNT, TWC_BODY_OPTIONAL, 65536, \
          twc_ai_logout, "The session's tokens end") \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_POST, "/auth/logout-all", TWC_ACCOUNT, TWC_BODY_OPTIONAL, 65536, \
          twc_ai_logout_all, "All of one's sessions end") \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_GET, "/auth/me", TWC_ACCOUNT, TWC_BODY_NONE, 0, \
          twc_ai_me, "One's own account") \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_PUT, "/auth/me", TWC_ACCOUNT, TWC_BODY_JSON, 65536, \
          twc_ai_me_change, "Change one's name, words about oneself, phone number") \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_PUT, "/auth/me/phone", TWC_ACCOUNT, TWC_BODY_JSON, 65536, \
          twc_ai_me_phone, "Change one's phone number") \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_PUT, "/auth/me/password", TWC_ACCOUNT, TWC_BODY_JSON, 65536, \
          twc_ai_me_password, "Change one's password; all sessions end") \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_GET, "/auth/sessions", TWC_ACCOUNT, TWC_BODY_NONE, 0, \
          twc_ai_sessions, "One's active sessions") \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_DELETE, "/auth/sessions/:id", TWC_ACCOUNT, TWC_BODY_NONE, 0, \
          twc_ai_session_delete, "End one of one's sessions") \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_GET, "/auth/users", TWC_SUPER, TWC_BODY_NONE, 0, \
          twc_ai_users, "All accounts, by id") \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_POST, "/auth/users", TWC_SUPER, TWC_BODY_JSON, 65536, \
          twc_ai_user_create, "Make an account for somebody") \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_GET, "/auth/users/:id", TWC_SUPER, TWC_BODY_NONE, 0, \
          twc_ai_user, "One account") \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_DELETE, "/auth/users/:id", TWC_SUPER, TWC_BODY_NONE, 0, \
          twc_ai_user_delete, "Remove an account") \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_PUT, "/auth/users/:id/disable", TWC_SUPER, TWC_BODY_OPTIONAL, 65536, \
          twc_ai_user_disable, "Lock an account; its sessions end") \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_PUT, "/auth/users/:id/enable", TWC_SUPER, TWC_BODY_OPTIONAL, 65536, \
          twc_ai_user_enable, "Unlock an account") \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_PUT, "/auth/users/:id/superuser", TWC_SUPER, TWC_BODY_OPTIONAL, 65536, \
          twc_ai_user_super, "Make somebody superuser, or not any more") \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_GET, "/auth/users/:id/roles", TWC_SUPER, TWC_BODY_NONE, 0, \
          twc_ai_user_roles, "Roles of an account") \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_PUT, "/auth/users/:id/roles", TWC_SUPER, TWC_BODY_JSON, 65536, \
          twc_ai_user_roles_set, "Replace the roles of an account") \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_GET, "/auth/roles", TWC_SUPER, TWC_BODY_NONE, 0, \
          twc_ai_roles, "All roles") \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_POST, "/auth/roles", TWC_SUPER, TWC_BODY_JSON, 65536, \
          twc_ai_role_create, "Make a role") \
    ROUTE(TWC_IF_AI_MESSAGING, TWC_DELETE, "/auth/roles/:id", TWC_SUPER, TWC_BODY_NONE, 0, \
          twc_ai_role_delete, "Remove a role") \
    \
    ROUTE(TWC_IF_SMS_STORE, TWC_GET | TWC_POST, "/webhook/sms", TWC_TWILIO, TWC_BODY_WEBHOOK, 0, \
          twc_webhook_inbound, "Twilio: a message came in; answers TwiML with an acknowledgement") \
    ROUTE(TWC_IF_SMS_STORE, TWC_GET | TWC_POST, "/webhook/status", TWC_TWILIO, TWC_BODY_WEBHOOK, 0, \
          twc_webhook_status, "Twilio: a message or a call changed its status") \
    ROUTE(TWC_IF_SMS_STORE, TWC_GET | TWC_POST, "/webhook/voice", TWC_TWILIO, TWC_BODY_WEBHOOK, 0, \
          twc_webhook_voice, "Twilio: a call came in; says that nobody is there and hangs up") \
    ROUTE(TWC_IF_SMS_STORE, TWC_GET, "/status", TWC_VIEWER, TWC_BODY_NONE, 0, \
          twc_store_status, "Is Twilio configured, and the balance") \
    ROUTE(TWC_IF_SMS_STORE, TWC_POST, "/sms/send", TWC_AGENT, TWC_BODY_JSON, 0, \
          twc_store_send_sms, "Send a text; takes Idempotency-Key") \
    ROUTE(TWC_IF_SMS_STORE, TWC_POST, "/mms/send", TWC_AGENT, TWC_BODY_JSON, 0, \
          twc_store_send_mms, "Send a text with a picture; takes Idempotency-Key") \
    ROUTE(TWC_IF_SMS_STORE, TWC_GET, "/messages", TWC_VIEWER, TWC_BODY_NONE, 0, \
          twc_store_remote, "Messages as Twilio lists them") \
    ROUTE(TWC_IF_SMS_STORE, TWC_GET, "/messages/:sid", TWC_VIEWER, TWC_BODY_NONE, 0, \
          twc_store_fetch, "One message as Twilio has it") \
    ROUTE(TWC_IF_SMS_STORE, TWC_GET, "/sms/stored", TWC_VIEWER, TWC_BODY_NONE, 0, \
          twc_store_stored, "Stored messages, newest first") \
    ROUTE(TWC_IF_SMS_STORE, TWC_GET, "/sms/stored/:id", TWC_VIEWER, TWC_BODY_NONE, 0, \
          twc_store_stored_one, "One stored message") \
    ROUTE(TWC_IF_SMS_STORE, TWC_POST, "/sms/stored/:id/mark-processed", TWC_AGENT, TWC_BODY_OPTIONAL, 65536, \
          twc_store_mark_processed, "Mark a stored message as processed") \
    ROUTE(TWC_IF_SMS_STORE, TWC_POST, "/call", TWC_AGENT, TWC_BODY_OPTIONAL, 65536, \
          twc_store_call, "Voice is not served: 501") \
    ROUTE(TWC_IF_SMS_STORE, TWC_GET, "/calls", TWC_VIEWER, TWC_BODY_NONE, 0, \
          twc_store_calls, "Voice is not served: 501") \
    \
    ROUTE(TWC_IF_NATIVE, TWC_GET, "/api/session", TWC_KNOWN, TWC_BODY_NONE, 0, \
          twc_native_session, "Who is asking, and what this site is set up for") \
    ROUTE(TWC_IF_NATIVE, TWC_GET, "/api/stats", TWC_VIEWER, TWC_BODY_NONE, 0, \
          twc_native_stats, "Counters") \
    ROUTE(TWC_IF_NATIVE, TWC_GET, "/api/entries", TWC_VIEWER, TWC_BODY_NONE, 0, \
          twc_native_entries, "Messages, newest first, in pages") \
    ROUTE(TWC_IF_NATIVE, TWC_GET, "/api/threads", TWC_VIEWER, TWC_BODY_NONE, 0, \
          twc_native_threads, "Conversations, latest first, in pages") \
    ROUTE(TWC_IF_NATIVE, TWC_GET, "/api/threads/:peer", TWC_VIEWER, TWC_BODY_NONE, 0, \
          twc_native_thread, "One conversation") \
    ROUTE(TWC_IF_NATIVE, TWC_GET, "/api/threads/:peer/entries", TWC_VIEWER, TWC_BODY_NONE, 0, \
          twc_native_thread_entries, "Messages of one conversation, oldest first, in pages") \
    ROUTE(TWC_IF_NATIVE, TWC_POST, "/api/threads/:peer/read", TWC_AGENT, TWC_BODY_OPTIONAL, 65536, \
          twc_native_read, "Nothing unread any more; automatic answers resume") \
    ROUTE(TWC_IF_NATIVE, TWC_GET, "/api/outbox/stuck", TWC_VIEWER, TWC_BODY_NONE, 0, \
          twc_native_stuck, "Messages that do not get on, and why") \
    ROUTE(TWC_IF_NATIVE, TWC_POST, "/api/outbox/:id/cancel", TWC_AGENT, TWC_BODY_OPTIONAL, 65536, \
          twc_native_cancel, "Take a queued message back") \
    ROUTE(TWC_IF_NATIVE, TWC_POST, "/api/outbox/:id/retry", TWC_AGENT, TWC_BODY_OPTIONAL, 65536, \
          twc_native_retry, "Send a failed message's content again") \
    ROUTE(TWC_IF_NATIVE, TWC_GET, "/api/media/:id/:index", TWC_VIEWER, TWC_BODY_NONE, 0, \
          twc_native_media, "One attachment") \
    ROUTE(TWC_IF_NATIVE, TWC_GET, "/api/events", TWC_VIEWER, TWC_BODY_NONE, 0, \
          twc_stream_events, "Server-Sent Events; ?poll=1 for one answer") \
    ROUTE(TWC_IF_NATIVE, TWC_GET, "/inbox", TWC_PAGE(TWC_VIEWER), TWC_BODY_NONE, 0, \
          twc_page_inbox, "The conversations") \
    ROUTE(TWC_IF_NATIVE, TWC_GET, "/settings", TWC_PAGE(TWC_VIEWER), TWC_BODY_NONE, 0, \
          twc_page_settings, "Automatic reply and what else can be set") \
    ROUTE(TWC_IF_NATIVE, TWC_GET, "/signin", TWC_PAGE(TWC_OPEN), TWC_BODY_NONE, 0, \
          twc_page_signin, "The page that signs in") \
    ROUTE(TWC_IF_NATIVE, TWC_GET, "/account", TWC_PAGE(TWC_KNOWN), TWC_BODY_NONE, 0, \
          twc_page_account, "One's own account") \
    ROUTE(TWC_IF_NATIVE, TWC_GET, "/users", TWC_PAGE(TWC_SUPER), TWC_BODY_NONE, 0, \
          twc_page_users, "Accounts and API keys") \
    ROUTE(TWC_IF_NATIVE, TWC_GET, "/audit", TWC_PAGE(TWC_ADMIN), TWC_BODY_NONE, 0, \
          twc_page_audit, "The audit log") \
    ROUTE(TWC_IF_NATIVE, TWC_POST, "/api/signin", TWC_OPEN, TWC_BODY_JSON, 65536, \
          twc_native_signin, "Sign a browser in: cookies") \
    ROUTE(TWC_IF_NATIVE, TWC_POST, "/api/signout", TWC_KNOWN, TWC_BODY_OPTIONAL, 65536, \
          twc_native_signout, "Sign out") \
    ROUTE(TWC_IF_NATIVE, TWC_GET, "/api/account", TWC_ACCOUNT, TWC_BODY_NONE, 0, \
          twc_native_account, "One's own account") \
    ROUTE(TWC_IF_NATIVE, TWC_PATCH, "/api/account", TWC_ACCOUNT, TWC_BODY_JSON, 65536, \
          twc_native_account_change, "Change one's name, addresses") \
    ROUTE(TWC_IF_NATIVE, TWC_POST, "/api/account/password", TWC_ACCOUNT, TWC_BODY_JSON, 65536, \
          twc_native_account_password, "Change one's password; other sign-ins end") \
    ROUTE(TWC_IF_NATIVE, TWC_GET, "/api/account/sessions", TWC_ACCOUNT, TWC_BODY_NONE, 0, \
          twc_native_account_sessions, "Where one is signed in") \
    ROUTE(TWC_IF_NATIVE, TWC_DELETE, "/api/account/sessions/:id", TWC_ACCOUNT, TWC_BODY_NONE, 0, \
          twc_native_account_session_end, "End one of them") \
    ROUTE(TWC_IF_NATIVE, TWC_POST, "/api/account/signout", TWC_ACCOUNT, TWC_BODY_OPTIONAL, 65536, \
          twc_native_account_signout, "Sign out everywhere") \
    ROUTE(TWC_IF_NATIVE, TWC_GET, "/api/account/factor", TWC_ACCOUNT, TWC_BODY_NONE, 0, \
          twc_native_factor, "Whether one has a second factor, and how many recovery codes are left") \
    ROUTE(TWC_IF_NATIVE, TWC_POST, "/api/account/factor", TWC_ACCOUNT, TWC_BODY_OPTIONAL, 65536, \
          twc_native_factor_begin, "A secret for an authenticator app") \
    ROUTE(TWC_IF_NATIVE, TWC_POST, "/api/account/factor/confirm", TWC_ACCOUNT, TWC_BODY_JSON, 65536, \
          twc_native_factor_confirm, "Its first code; answers recovery codes") \
    ROUTE(TWC_IF_NATIVE, TWC_POST, "/api/account/factor/codes", TWC_ACCOUNT, TWC_BODY_JSON, 65536, \
          twc_native_factor_codes, "New recovery codes; the old ones are void") \
    ROUTE(TWC_IF_NATIVE, TWC_POST, "/api/account/factor/off", TWC_ACCOUNT, TWC_BODY_JSON, 65536, \
          twc_native_factor_off, "Without a second factor again") \
    ROUTE(TWC_IF_NATIVE, TWC_GET, "/api/users", TWC_SUPER, TWC_BODY_NONE, 0, \
          twc_native_users, "Accounts, by name, in pages") \
    ROUTE(TWC_IF_NATIVE, TWC_POST, "/api/users", TWC_SUPER, TWC_BODY_JSON, 65536, \
          twc_native_user_create, "Make an account") \
    ROUTE(TWC_IF_NATIVE, TWC_GET, "/api/users/:id", TWC_SUPER, TWC_BODY_NONE, 0, \
          twc_native_user, "One account") \
    ROUTE(TWC_IF_NATIVE, TWC_PATCH, "/api/users/:id", TWC_SUPER, TWC_BODY_JSON, 65536, \
          twc_native_user_change, "Change an account, its role, whether it is active") \
    ROUTE(TWC_IF_NATIVE, TWC_DELETE, "/api/users/:id", TWC_SUPER, TWC_BODY_NONE, 0, \
          twc_native_user_delete, "Remove an account") \
    ROUTE(TWC_IF_NATIVE, TWC_POST, "/api/users/:id/password", TWC_SUPER, TWC_BODY_JSON, 65536, \
          twc_native_user_password, "Set somebody's password; their sign-ins end") \
    ROUTE(TWC_IF_NATIVE, TWC_POST, "/api/users/:id/factor/reset", TWC_SUPER, TWC_BODY_OPTIONAL, 65536, \
          twc_native_user_factor_reset, "Take somebody's second factor away") \
    ROUTE(TWC_IF_NATIVE, TWC_POST, "/api/users/:id/signout", TWC_SUPER, TWC_BODY_OPTIONAL, 65536, \
          twc_native_user_signout, "Sign somebody out everywhere") \
    ROUTE(TWC_IF_NATIVE, TWC_GET, "/api/keys", TWC_SUPER, TWC_BODY_NONE, 0, \
          twc_native_keys, "API keys") \
    ROUTE(TWC_IF_NATIVE, TWC_POST, "/api/keys", TWC_SUPER, TWC_BODY_JSON, 65536, \
          twc_native_key_create, "Make an API key, shown once") \
    ROUTE(TWC_IF_NATIVE, TWC_DELETE, "/api/keys/:id", TWC_SUPER, TWC_BODY_NONE, 0, \
          twc_native_key_revoke, "Revoke an API key") \
    ROUTE(TWC_IF_NATIVE, TWC_GET, "/api/audit", TWC_ADMIN, TWC_BODY_NONE, 0, \
          twc_native_audit, "Who did what, newest first, in pages") \
    ROUTE(TWC_IF_NATIVE, TWC_GET, "/assets/:rest*", TWC_PAGE(TWC_OPEN), TWC_BODY_NONE, 0, \
          twc_page_asset, "Files of the pages")

/** Does nobody have to say who they are? Twilio says it by its signature. */
bool twc_route_is_open(const twc_route_t *route);

extern const twc_route_t twc_routes[];
extern const int twc_routes_count;

/* ---- finding ---------------------------------------------------------------- */

/** A place in the URL space with the interfaces it carries, in the order they were named. */
typedef struct twc_mount_t {
    const char *path;                   /* "/" or "/chat", no trailing slash otherwise */
    twc_interface_e interfaces[TWC_IF_COUNT];
    int count;
    int named;                          /* of these, written by the administrator; native comes with the pages */
} twc_mount_t;

/** Add an interface; pages bring native along. False when it is there already. */
bool twc_mount_add(twc_mount_t *mount, twc_interface_e interface);

#define TWC_PARAMS_MAX 4

/** What a path led to. */
typedef struct twc_match_t {
    int row;                            /* in twc_routes; -1: see allow */
    unsigned allow;                     /* methods the path knows; 0: nobody knows the path */
    twc_interface_e interface;          /* of the path when allow is not 0 */
    twc_style_e style;                  /* for errors */
    int params;
    struct { const char *name, *value; } param[TWC_PARAMS_MAX];
} twc_match_t;

/**
 * Find the row for a request.
 * @param path    absolute, decoded and normalised by the server; "%2F" in a segment means a slash
 * @param method  one TWC_ bit, 0 for methods no route has
 * @param json    the client takes JSON and no HTML: where a page and an API share a path, the API answers
 */
void twc_route_find(apr_pool_t *pool, const twc_mount_t *mount, const char *path, unsigned method,
                    bool json, twc_match_t *match);

/** Path of a row in the URL space of this mount: "/api/twilio/webhook/sms". */
const char *twc_mount_url_path(apr_pool_t *pool, const twc_mount_t *mount, const twc_route_t *route);

/** Value of a bound parameter, NULL when there is none of that name. */
const char *twc_match_param(const twc_match_t *match, const char *name);

/**
 * Tell which rows of a mount can never answer, because an interface named earlier has the same path and method.
 * @param tell  called with the losing and the winning row
 */
void twc_mount_collisions(const twc_mount_t *mount,
                          void (*tell)(void *baton, const twc_route_t *loser, const twc_route_t *winner),
                          void *baton);

#endif
