/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * answer.c - acts on the answer of an inbound webhook as Twilio does.
 * Must never trust the answer's size or shape: the parser and the limits here do.
 * Called by the postman's thread when such a call has ended.
 */
#include <string.h>

#include <apr_lib.h>

#include "answer.h"
#include "errors.h"
#include "event.h"
#include "journal.h"
#include "media.h"
#include "number.h"
#include "twiml.h"
#include "walk.h"
#include "webhook.h"
#include "twilio/segment.h"
#include "util/phone.h"
#include "util/text.h"

#define REPLIES_MAX 10
#define HOPS_MAX 10
#define LOOP_REPLIES 30                 /* replies of one pair ... */
#define LOOP_GAP apr_time_from_sec(30)  /* ... each so soon after the other: 14107 */

/* Twilio's debugger would show these; here they stand in the webhook journal. */
static void alert(sb_box_t *box, const sb_call_t *call, int code, const char *note)
{
    sb_entry_t entry = { .time = apr_time_now(), .kind = "alert", .method = call->method, .url = call->url,
                         .sid = call->sid, .error_code = code, .note = note };

    sb_journal_add(box->webhooks, &entry);
}

/* The handset shows how its message was taken; a fallback that works mends a failure. */
static void note_outcome(sb_box_t *box, const sb_call_t *call, int error)
{
    sb_msg_t *msg;

    apr_thread_mutex_lock(box->lock);
    msg = sb_msg_find(box->store, call->account, call->sid);
    if (msg) {
        msg->hook = error ? SB_HOOK_FAILED : SB_HOOK_TAKEN;
        msg->hook_error = error;
        sb_events_push(box->events, SB_EVENT_STATUS, msg->sid);
    }
    apr_thread_mutex_unlock(box->lock);
}

/* ---- where to go when it failed -------------------------------------------------- */

static void call_again(sb_box_t *box, const sb_call_t *call, sb_call_e kind, const char *url, const char *method,
                       const twc_form_t *form)
{
    sb_call_t *next = sb_call_make(kind, call->account, url, method, form);

    if (!next) {
        alert(box, call, 11100, apr_psprintf(call->pool, "%s is no URL", url));
        return;
    }
    next->sid = apr_pstrdup(next->pool, call->sid);
    next->sender = apr_pstrdup(next->pool, call->sender);
    next->hops = call->hops + 1;
    next->replies = call->replies;
    next->done = sb_answer_read;
    sb_postman_post(box->postman, next);
}

static void fall_back(sb_box_t *box, sb_call_t *call, int code)
{
    const sb_number_t *number = sb_number_find(call->account, call->sender);
    const char *url, *method;
    sb_params_t params;
    twc_form_t form;

    note_outcome(box, call, code);
    if (call->kind == SB_CALL_FALLBACK || !number)
        return;
    apr_thread_mutex_lock(box->lock);
    url = number->sms_fallback_url;
    method = number->sms_fallback_method;
    apr_thread_mutex_unlock(box->lock);
    if (!*url)
        return;
    sb_params_init(&params, call->pool);
    for (int i = 0; i < call->form->count; i++)
        APR_ARRAY_PUSH(params.pairs, twc_pair_t) = call->form->pairs[i];
    sb_params_add(&params, "ErrorCode", apr_itoa(call->pool, code));
    sb_params_add(&params, "ErrorUrl", call->url);
    form = sb_params_form(&params);
    call_again(box, call, SB_CALL_FALLBACK, url, method, &form);
}

static void refuse(sb_box_t *box, sb_call_t *call, int code, const char *note)
{
    alert(box, call, code, note);
    fall_back(box, call, code);
}

/* ---- replies ------------------------------------------------------------------------ */

static const char *resolve(const sb_call_t *call, const char *relative)
{
    CURLU *handle = curl_url();
    char *found = NULL;
    const char *url = NULL;

    /* The fragment carries connection overrides and stays. */
    if (handle && !curl_url_set(handle, CURLUPART_URL, call->url, 0)
        && !curl_url_set(handle, CURLUPART_URL, relative, 0)
        && !curl_url_get(handle, CURLUPART_URL, &found, 0))
        url = apr_pstrdup(call->pool, found);
    curl_free(found);
    curl_url_cleanup(handle);
    return url;
}

static const char *address_or(const sb_call_t *call, const char *given, const char *otherwise)
{
    const char *address = given ? twc_phone_canonical(call->pool, given, false) : NULL;

    return address ? address : otherwise;
}

/* Machines that answer each other would go on for ever. Needs box->lock. */
static bool loops(sb_box_t *box, const sb_call_t *call, const sb_draft_t *draft)
{
    sb_pair_t *pair = sb_pair_find(box->store, call->account, draft->to, draft->from, true);
    apr_time_t now = apr_time_now();

    pair->replies = now - pair->last_reply < LOOP_GAP ? pair->replies + 1 : 1;
    pair->last_reply = now;
    return pair->replies > LOOP_REPLIES;
}

static int check_reply(const sb_verb_t *verb, const char *text)
{
    if (!*text && verb->media->nelts == 0)
        return 14103;
    if (twc_text_utf16(text) > TWC_BODY_MAX_UNITS)
        return 21617;
    return verb->media->nelts > SB_MEDIA_MAX ? 21623 : 0;
}

static int add_pictures(sb_call_t *call, const sb_verb_t *verb, sb_media_t *media)
{
    for (int i = 0; i < verb->media->nelts; i++) {
        const char *url = resolve(call, APR_ARRAY_IDX(verb->media, i, const char *));
        media[i] = (sb_media_t){ .url = (char *)(uintptr_t)(url ? url : "") };
        media[i].type = (char *)(uintptr_t)sb_media_guess(media[i].url);
    }
    return verb->media->nelts;
}

static void reply(sb_box_t *box, sb_call_t *call, const sb_verb_t *verb)
{
    const twc_str_t *customer = twc_form_raw(call->form, "From");
    sb_media_t media[SB_MEDIA_MAX];
    sb_draft_t draft = { .account = call->account, .direction = SB_OUTBOUND_REPLY, .status = SB_QUEUED,
                         .body = verb->text, .callback_method = verb->method, .media = media };
    int error = check_reply(verb, verb->text);

    if (error) {
        alert(box, call, error, sb_error_text(error));
        return;
    }
    draft.to = address_or(call, verb->to, customer->data);
    draft.from = address_or(call, verb->from, call->sender);
    draft.callback = verb->callback ? resolve(call, verb->callback) : NULL;
    draft.num_media = add_pictures(call, verb, media);
    apr_thread_mutex_lock(box->lock);
    if (loops(box, call, &draft))
        error = 14107;
    else
        sb_walk_launch(box, &draft);
    apr_thread_mutex_unlock(box->lock);
    call->replies++;
    if (error)
        alert(box, call, error, "more than 30 replies to this customer, each within 30 s of the last");
}

static void redirect(sb_box_t *box, sb_call_t *call, const sb_verb_t *verb)
{
    const char *url = resolve(call, verb->text);

    if (!url || call->hops >= HOPS_MAX) {
        alert(box, call, url ? 11215 : 11100, apr_psprintf(call->pool, "<Redirect> to %s", verb->text));
        return;
    }
    call_again(box, call, SB_CALL_REDIRECT, url, verb->method, call->form);
}

/* ---- reading ------------------------------------------------------------------------- */

static bool type_is(const char *type, const char *wanted)
{
    apr_size_t len = strlen(wanted);

    return !strncasecmp(type, wanted, len) && (!type[len] || type[len] == ';' || apr_isspace(type[len]));
}

static void act(sb_box_t *box, sb_call_t *call, const apr_array_header_t *verbs)
{
    for (int i = 0; i < verbs->nelts; i++) {
        const sb_verb_t *verb = &APR_ARRAY_IDX(verbs, i, sb_verb_t);
        if (verb->type == SB_VERB_REDIRECT)
            redirect(box, call, verb);
        else if (call->replies < REPLIES_MAX)
            reply(box, call, verb);
        else
            alert(box, call, 14109, "more than 10 replies to one message");
    }
}

static void read_twiml(sb_box_t *box, sb_call_t *call)
{
    apr_array_header_t *verbs;
    const char *note = NULL;
    int error = sb_twiml_parse(call->pool, call->answer, call->answer_len, &verbs, &note);

    if (error && error != 14109) {
        refuse(box, call, error, note);
        return;
    }
    if (error)
        alert(box, call, error, note);
    note_outcome(box, call, 0);
    act(box, call, verbs);
}

static void read_text(sb_box_t *box, sb_call_t *call)
{
    sb_verb_t verb = { .type = SB_VERB_MESSAGE, .method = "POST",
                       .media = apr_array_make(call->pool, 1, sizeof(const char *)) };

    note_outcome(box, call, 0);
    verb.text = twc_text_trim(call->pool, twc_text_clean(call->pool, call->answer, call->answer_len));
    if (*verb.text)
        reply(box, call, &verb);
}

void sb_answer_read(sb_box_t *box, sb_call_t *call)
{
    const char *type = call->content_type ? call->content_type : "";

    if (call->error_code)
        fall_back(box, call, call->error_code);
    else if (call->answer_len == 0)
        note_outcome(box, call, 0);
    else if (type_is(type, "text/xml") || type_is(type, "application/xml") || type_is(type, "text/html"))
        read_twiml(box, call);
    else if (type_is(type, "text/plain"))
        read_text(box, call);
    else
        refuse(box, call, 12300, apr_psprintf(call->pool, "an answer of type \"%s\" is no TwiML", type));
}
