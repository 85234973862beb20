/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * send.c - twchatctl send.
 * Must never go around the queue: a server may be sending at the same time, and whoever claims the row sends it.
 * Called by main.c.
 */
#include <stdio.h>
#include <string.h>

#include "ctl.h"
#include "domain/message.h"
#include "store/message.h"
#include "twilio/error.h"
#include "util/clock.h"
#include "work/sender.h"
#include "work/waiters.h"

#define WAIT_DEFAULT 60
#define JOIN_PATIENCE apr_time_from_sec(5)

/* ---- a sender of our own ------------------------------------------------------------- */

static void log_line(void *baton, int level, apr_status_t rv, const char *tag, const char *text)
{
    if (level <= TWC_LOG_WARNING)
        ctl_say(baton, "%s: %s", tag, text);
}

static void wake(void *baton, unsigned what)
{
}

/* Send ours, and what such programs before us left in front of it; for the rest a server has settings of its own. */
static apr_status_t send_and_wait(ctl_t *ctl, apr_int64_t id, apr_interval_time_t patience, bool *done)
{
    twc_thread_env_t *env = apr_pcalloc(ctl->pool, sizeof(*env));
    twc_waiters_t *waiters;
    twc_sender_t *sender;
    apr_status_t rv;

    *env = (twc_thread_env_t){ .conf = &ctl->conf, .db = ctl->db, .log = log_line, .log_baton = ctl };
    TWC_TRY(twc_waiters_create(&waiters, ctl->pool));
    TWC_TRY(twc_sender_create(&sender, ctl->pool, env, waiters, wake, NULL));
    twc_sender_only(sender, id);
    TWC_TRY(twc_sender_start(sender));
    rv = twc_waiters_wait(waiters, &ctl->ctx, id, patience, done);
    twc_sender_stop(sender);
    twc_db_stop(ctl->db);
    twc_sender_join(sender, twc_clock_ticks() + JOIN_PATIENCE);
    return rv;
}

/* ---- what became of it ------------------------------------------------------------------ */

static int report_failure(const ctl_t *ctl, const twc_msg_t *msg)
{
    const twc_error_info_t *info = msg->error_code ? twc_error_info(msg->error_code, 0) : NULL;
    const char *reason = info && info->code ? info->reason : msg->error_message ? msg->error_message : "Nobody knows why.";

    ctl_say(ctl, "message %" APR_INT64_T_FMT " was not sent (%s): %s", msg->id, msg->status ? msg->status : "no status", reason);
    if (info) {
        ctl_say(ctl, "Twilio's error %d. %s", msg->error_code, info->advice ? info->advice : "");
        return CTL_TWILIO;
    }
    return CTL_FAILED;
}

static int report(ctl_t *ctl, apr_int64_t id, bool done)
{
    twc_msg_t msg;

    if (twc_msg_load(&ctl->ctx, id, &msg) != APR_SUCCESS)
        return ctl_fail(ctl);
    if (msg.sid) {
        printf("Message sent. SID=%s\n", msg.sid);
        return CTL_OK;
    }
    if (done)
        return report_failure(ctl, &msg);
    ctl_say(ctl, "message %" APR_INT64_T_FMT " is still on its way: Twilio does not answer, or its sender is resting. It stays in "
            "the queue and a running server goes on with it; do not send it again", id);
    return CTL_TWILIO;
}

/* ---- the command ----------------------------------------------------------------------------- */

typedef struct send_t {
    const char *to, *body, *from, *wait;
    apr_array_header_t *media;
    bool service;
} send_t;

static int read_draft(const ctl_t *ctl, const send_t *s, twc_draft_t *draft)
{
    const twc_conf_t *conf = &ctl->conf;

    if (!s->to)
        return ctl_usage(ctl, "--to is missing");
    if (!s->body && s->media->nelts == 0)
        return ctl_usage(ctl, "--body is missing");
    if (s->media->nelts > TWC_MEDIA_MAX)
        return ctl_usage(ctl, "at most %d attachments can be sent", TWC_MEDIA_MAX);
    if (s->service && s->from)
        return ctl_usage(ctl, "either --from or --use-messaging-service");
    if (s->service && !conf->messaging_service_sid) {
        ctl_say(ctl, "TWILIO_MESSAGING_SERVICE_SID is not set");
        return CTL_SETTINGS;
    }
    /* Without the option the number sends, unless there is only the service. */
    *draft = (twc_draft_t){ .to = s->to, .body = s->body, .from = s->from, .source = "cli", .priority = TWC_PRIORITY_NORMAL,
                            .service_sid = s->service ? conf->messaging_service_sid : NULL,
                            .no_service = !s->service && conf->default_sender, .num_media = s->media->nelts };
    for (int i = 0; i < s->media->nelts; i++)
        draft->media_urls[i] = APR_ARRAY_IDX(s->media, i, const char *);
    return CTL_OK;
}

static int send_draft(ctl_t *ctl, const twc_draft_t *draft, apr_interval_time_t patience)
{
    twc_queued_t queued;
    bool done = false;
    int code = ctl_open(ctl, false);

    if (code != CTL_OK)
        return code;
    if (twc_message_queue(&ctl->ctx, draft, &queued) != APR_SUCCESS)
        return ctl_fail(ctl);
    if (send_and_wait(ctl, queued.id, patience, &done) != APR_SUCCESS)
        ctl_say(ctl, "this program could not send; the server has to");
    return report(ctl, queued.id, done);
}

static int run(ctl_t *ctl, int argc, const char *const *argv)
{
    send_t s = { .media = apr_array_make(ctl->pool, 2, sizeof(const char *)) };
    const ctl_option_t options[] = {
        { "to", true, .text = &s.to }, { "body", true, .text = &s.body }, { "from", true, .text = &s.from },
        { "media", true, .list = s.media }, { "use-messaging-service", false, .flag = &s.service },
        { "wait", true, .text = &s.wait }, { NULL }
    };
    apr_int64_t seconds = WAIT_DEFAULT;
    apr_array_header_t *words;
    twc_draft_t draft;
    int code = ctl_options(ctl, argc, argv, options, &words);

    if (code != CTL_OK)
        return code;
    if (words->nelts > 0)
        return ctl_usage(ctl, "\"%s\" is too much; a text of several words wants quotes", APR_ARRAY_IDX(words, 0, const char *));
    if (s.wait && ctl_number(ctl, "--wait", s.wait, 0, 3600, &seconds) != CTL_OK)
        return CTL_USAGE;
    code = read_draft(ctl, &s, &draft);
    return code == CTL_OK ? send_draft(ctl, &draft, apr_time_from_sec(seconds)) : code;
}

const ctl_command_t ctl_send = {
    "send", "--to NUMBER --body TEXT [--from SENDER] [--media URL]... [--use-messaging-service] [--wait SECONDS]",
    "Send a message",
    "Prints \"Message sent. SID=...\" once Twilio has taken it, or tells why it did not. The message is queued in the\n"
    "database like any other and sent once, by this program or by a server that was quicker.\n"
    "\n"
    "  --to NUMBER               with country code; whatsapp:NUMBER sends by WhatsApp\n"
    "  --body TEXT               at most 1600 characters\n"
    "  --from SENDER             one of the site's senders; otherwise TWILIO_DEFAULT_FROM, or TWILIO_WHATSAPP_FROM\n"
    "  --media URL               attach what is at this address; up to ten times\n"
    "  --use-messaging-service   let TWILIO_MESSAGING_SERVICE_SID pick the number\n"
    "  --wait SECONDS            how long to wait for Twilio (60); after that a server goes on with it\n",
    run
};
