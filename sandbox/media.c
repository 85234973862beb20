/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * media.c - fetches the attachments of outgoing messages.
 * Must never hold a message up: unless "strict_media" is set, a missing picture is only missing.
 * Called when a message is launched; the rest runs on the postman's thread.
 */
#include <string.h>

#include "event.h"
#include "fault.h"
#include "media.h"
#include "postman.h"
#include "state.h"
#include "walk.h"

#define MEDIA_MAX_BYTES (16u * 1024 * 1024)

const char *sb_media_guess(const char *url)
{
    static const struct { const char *ending, *type; } types[] = {
        { ".jpg", "image/jpeg" }, { ".jpeg", "image/jpeg" }, { ".png", "image/png" }, { ".gif", "image/gif" },
        { ".webp", "image/webp" }, { ".pdf", "application/pdf" }, { ".mp4", "video/mp4" }, { ".mp3", "audio/mpeg" },
        { ".ogg", "audio/ogg" }, { ".vcf", "text/vcard" }
    };
    apr_size_t len = strcspn(url, "?#");

    for (apr_size_t i = 0; i < sizeof(types) / sizeof(*types); i++) {
        apr_size_t n = strlen(types[i].ending);
        if (len > n && !strncasecmp(url + len - n, types[i].ending, n))
            return types[i].type;
    }
    return "application/octet-stream";
}

/* A message whose picture cannot be had fails, as it would at Twilio. */
static void fail_message(sb_box_t *box, sb_msg_t *msg)
{
    if (box->faults->strict_media && sb_status_in_progress(msg->status))
        sb_walk_to(box, msg, SB_FAILED, 63019);
}

static void fetched(sb_box_t *box, sb_call_t *call)
{
    sb_media_t *media;
    sb_msg_t *msg;

    apr_thread_mutex_lock(box->lock);
    media = sb_media_find(box->store, call->media_sid, &msg);
    if (media && !call->error_code && call->answer_len) {
        sb_media_fill(media, call->content_type, call->answer, call->answer_len);
        sb_state_media(box->state, media);
        sb_events_push(box->events, SB_EVENT_MEDIA, msg->sid);
    }
    else if (media)
        fail_message(box, msg);
    apr_thread_mutex_unlock(box->lock);
}

void sb_media_fetch(sb_box_t *box, const sb_msg_t *msg)
{
    static const twc_form_t nothing;

    for (int i = 0; box->conf->fetch_media && i < msg->num_media; i++) {
        const sb_media_t *media = &msg->media[i];
        sb_call_t *call = media->bytes ? NULL
            : sb_call_make(SB_CALL_MEDIA, msg->account, media->url, "GET", &nothing);

        if (!call)
            continue;
        call->sid = apr_pstrdup(call->pool, msg->sid);
        call->media_sid = apr_pstrdup(call->pool, media->sid);
        call->answer_max = MEDIA_MAX_BYTES;
        call->done = fetched;
        sb_postman_post(box->postman, call);
    }
}
