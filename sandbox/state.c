/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * state.c - writes what happens to the state file, and reads it back.
 * Must never stop the sandbox: a full disk costs the memory of it, not the answer.
 * Called by whoever changes the store; replayed by child_init.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_base64.h>


#include "fault.h"
#include "number.h"
#include "state.h"

struct sb_state_t {
    apr_file_t *file;
    bool replaying;
};

/* A rewrite is worth it from here on. */
#define LINES_PER_OBJECT 8
#define LINES_MIN 20000

apr_status_t sb_state_open(apr_pool_t *pool, const char *path, sb_state_t **state)
{
    apr_file_t *file;
    apr_status_t rv;

    *state = NULL;
    if (!path)
        return APR_SUCCESS;
    rv = apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_WRITE | APR_FOPEN_CREATE | APR_FOPEN_APPEND,
                       APR_FPROT_UREAD | APR_FPROT_UWRITE, pool);
    if (rv != APR_SUCCESS)
        return rv;
    *state = apr_pcalloc(pool, sizeof(**state));
    (*state)->file = file;
    return APR_SUCCESS;
}

/* ---- writing -------------------------------------------------------------------- */

/* One write per line: a line is there whole or torn at the end, where replay skips it. */
static void append(sb_state_t *state, json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT);
    apr_size_t len = text ? strlen(text) : 0;

    json_decref(object);
    if (!text)
        return;
    text[len] = '\n';
    apr_file_write_full(state->file, text, len + 1, NULL);
    free(text);
}

static bool writes(const sb_state_t *state)
{
    return state && !state->replaying;
}

static json_t *base64(const char *bytes, apr_size_t len)
{
    int size = apr_base64_encode_len((int)len);
    char *text = malloc(size);
    json_t *value;

    if (!text)
        return json_null();
    apr_base64_encode_binary(text, (const unsigned char *)bytes, (int)len);
    value = json_string(text);
    free(text);
    return value;
}

static json_t *media_json(const sb_media_t *media)
{
    json_t *object = json_pack("{s:s, s:s, s:s, s:b}", "sid", media->sid, "url", media->url, "type", media->type,
                               "deleted", media->deleted);

    if (media->bytes && !media->deleted)
        json_object_set_new(object, "data", base64(media->bytes, media->len));
    return object;
}

void sb_state_message(sb_state_t *state, const sb_msg_t *msg)
{
    json_t *object, *list = json_array();

    for (int i = 0; writes(state) && i < msg->num_media; i++)
        json_array_append_new(list, media_json(&msg->media[i]));
    if (!writes(state)) {
        json_decref(list);
        return;
    }
    object = json_pack("{s:s, s:s, s:s, s:s, s:s?, s:s, s:s, s:s, s:s, s:s, s:s, s:i}", "t", "message",
                       "account", msg->account->sid, "sid", msg->sid, "to", msg->to->addr,
                       "from", msg->from ? msg->from->addr : NULL, "body", msg->body, "service", msg->service,
                       "callback", msg->callback, "callback_method", msg->callback_method, "extra", msg->extra,
                       "status", sb_status_name(msg->status), "direction", (int)msg->direction);
    json_object_set_new(object, "hidden", json_boolean(msg->hidden));
    json_object_set_new(object, "still", json_boolean(msg->still));
    json_object_set_new(object, "fate", json_integer(msg->fate));
    json_object_set_new(object, "fate_code", json_integer(msg->fate_code));
    json_object_set_new(object, "error_code", json_integer(msg->error_code));
    json_object_set_new(object, "validity", json_integer(msg->validity_s));
    json_object_set_new(object, "created", json_integer(msg->created));
    json_object_set_new(object, "sent", json_integer(msg->sent));
    json_object_set_new(object, "send_at", json_integer(msg->send_at));
    json_object_set_new(object, "media", list);
    append(state, object);
}

void sb_state_status(sb_state_t *state, const sb_msg_t *msg)
{
    if (writes(state))
        append(state, json_pack("{s:s, s:s, s:s, s:i, s:I, s:s?}", "t", "status", "sid", msg->sid,
                                "status", sb_status_name(msg->status), "code", msg->error_code,
                                "at", (json_int_t)msg->updated, "from", msg->from ? msg->from->addr : NULL));
}

void sb_state_body(sb_state_t *state, const sb_msg_t *msg)
{
    if (writes(state))
        append(state, json_pack("{s:s, s:s, s:s}", "t", "body", "sid", msg->sid, "body", msg->body));
}

void sb_state_delete(sb_state_t *state, const char *sid)
{
    if (writes(state))
        append(state, json_pack("{s:s, s:s}", "t", "delete", "sid", sid));
}

void sb_state_media(sb_state_t *state, const sb_media_t *media)
{
    json_t *object;

    if (!writes(state))
        return;
    object = media_json(media);
    json_object_set_new(object, "t", json_string("media"));
    append(state, object);
}

void sb_state_media_delete(sb_state_t *state, const char *sid)
{
    if (writes(state))
        append(state, json_pack("{s:s, s:s}", "t", "media_delete", "sid", sid));
}

void sb_state_pair(sb_state_t *state, const sb_account_t *account, const char *customer, const char *sender,
                   const sb_pair_t *pair)
{
    if (writes(state))
        append(state, json_pack("{s:s, s:s, s:s, s:s, s:b, s:I}", "t", "pair", "account", account->sid,
                                "customer", customer, "sender", sender, "out", pair->opted_out,
                                "last", (json_int_t)pair->last_inbound));
}

void sb_state_number(sb_state_t *state, const sb_account_t *account, const sb_number_t *number)
{
    if (writes(state))
        append(state, json_pack("{s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s, s:s}", "t", "number",
                                "account", account->sid, "address", number->address, "name", number->name,
                                "url", number->sms_url, "method", number->sms_method,
                                "fallback", number->sms_fallback_url, "fallback_method", number->sms_fallback_method,
                                "callback", number->status_callback,
                                "callback_method", number->status_callback_method));
}

void sb_state_handset(sb_state_t *state, const sb_account_t *account, const sb_peer_t *peer)
{
    if (writes(state))
        append(state, json_pack("{s:s, s:s, s:s, s:s}", "t", "handset", "account", account->sid,
                                "number", peer->addr, "name", peer->name));
}

/* ---- reading ---------------------------------------------------------------------- */

static const char *text_of(const json_t *object, const char *name)
{
    return json_string_value(json_object_get(object, name));
}

static const char *text_or(const json_t *object, const char *name, const char *otherwise)
{
    const char *text = text_of(object, name);

    return text ? text : otherwise;
}

static json_int_t number_of(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

static sb_account_t *account_of(sb_box_t *box, const json_t *line)
{
    const char *sid = text_of(line, "account");

    return sid ? sb_account_find(box->conf, sid) : NULL;
}

/* The strings stay owned by the line; the store copies them. */
static void read_media(apr_pool_t *pool, const json_t *object, sb_media_t *media)
{
    const char *data = text_of(object, "data");

    *media = (sb_media_t){ .url = (char *)(uintptr_t)text_or(object, "url", ""),
                           .type = (char *)(uintptr_t)text_or(object, "type", ""),
                           .deleted = json_is_true(json_object_get(object, "deleted")) };
    apr_cpystrn(media->sid, text_or(object, "sid", ""), sizeof(media->sid));
    if (data) {
        media->bytes = apr_palloc(pool, apr_base64_decode_len(data) + 1);
        media->len = apr_base64_decode_binary((unsigned char *)media->bytes, data);
    }
}

static int read_all_media(apr_pool_t *pool, const json_t *list, sb_media_t *media)
{
    size_t count = json_array_size(list);

    for (size_t i = 0; i < count && i < SB_MEDIA_MAX; i++)
        read_media(pool, json_array_get(list, i), &media[i]);
    return (int)(count < SB_MEDIA_MAX ? count : SB_MEDIA_MAX);
}

static bool replay_message(sb_box_t *box, apr_pool_t *pool, const json_t *line)
{
    sb_media_t media[SB_MEDIA_MAX];
    sb_draft_t draft = { .account = account_of(box, line), .media = media };
    int status = sb_status_parse(text_or(line, "status", ""));
    sb_msg_t *msg;

    if (!draft.account || status < 0 || !text_of(line, "to") || !text_of(line, "sid"))
        return false;
    draft.sid = text_of(line, "sid");
    draft.to = text_of(line, "to");
    draft.from = text_of(line, "from");
    draft.body = text_of(line, "body");
    draft.service = text_of(line, "service");
    draft.callback = text_of(line, "callback");
    draft.callback_method = text_of(line, "callback_method");
    draft.extra = text_of(line, "extra");
    draft.status = status;
    draft.direction = (sb_direction_e)number_of(line, "direction");
    draft.fate = (sb_status_e)number_of(line, "fate");
    draft.fate_code = (int)number_of(line, "fate_code");
    draft.validity_s = (int)number_of(line, "validity");
    draft.hidden = json_is_true(json_object_get(line, "hidden"));
    draft.still = json_is_true(json_object_get(line, "still"));
    draft.created = number_of(line, "created");
    draft.send_at = number_of(line, "send_at");
    draft.num_media = read_all_media(pool, json_object_get(line, "media"), media);
    if (draft.direction > SB_OUTBOUND_REPLY || draft.fate >= SB_STATUSES || sb_msg_find(box->store, NULL, draft.sid))
        return false;
    msg = sb_msg_add(box->store, &draft);
    msg->error_code = (int)number_of(line, "error_code");
    msg->sent = number_of(line, "sent");
    return true;
}

static bool replay_status(sb_box_t *box, const json_t *line)
{
    sb_msg_t *msg = sb_msg_find(box->store, NULL, text_or(line, "sid", ""));
    int status = sb_status_parse(text_or(line, "status", ""));

    if (!msg || status < 0)
        return false;
    if (text_of(line, "from"))
        sb_msg_set_from(box->store, msg, text_of(line, "from"));
    sb_msg_set_status(msg, status, (int)number_of(line, "code"), number_of(line, "at"));
    return true;
}

static bool replay_media(sb_box_t *box, apr_pool_t *pool, const json_t *line)
{
    sb_media_t *media = sb_media_find(box->store, text_or(line, "sid", ""), NULL), read;

    if (!media)
        return false;
    read_media(pool, line, &read);
    if (read.bytes)
        sb_media_fill(media, read.type, read.bytes, read.len);
    return true;
}

static bool replay_pair(sb_box_t *box, const json_t *line)
{
    sb_account_t *account = account_of(box, line);
    sb_pair_t *pair;

    if (!account || !text_of(line, "customer") || !text_of(line, "sender"))
        return false;
    pair = sb_pair_find(box->store, account, text_of(line, "customer"), text_of(line, "sender"), true);
    pair->opted_out = json_is_true(json_object_get(line, "out"));
    pair->last_inbound = number_of(line, "last");
    return true;
}

static bool replay_number(sb_box_t *box, const json_t *line)
{
    sb_account_t *account = account_of(box, line);
    const char *address = text_of(line, "address");
    sb_number_t *number = account && address ? sb_number_find(account, address) : NULL;

    if (!account || !address)
        return false;
    if (!number) {
        number = sb_number_make(box->pool, account, address);
        sb_number_add(box->pool, account, number);
    }
    number->name = apr_pstrdup(box->pool, text_or(line, "name", number->name));
    number->sms_url = apr_pstrdup(box->pool, text_or(line, "url", ""));
    number->sms_method = apr_pstrdup(box->pool, text_or(line, "method", "POST"));
    number->sms_fallback_url = apr_pstrdup(box->pool, text_or(line, "fallback", ""));
    number->sms_fallback_method = apr_pstrdup(box->pool, text_or(line, "fallback_method", "POST"));
    number->status_callback = apr_pstrdup(box->pool, text_or(line, "callback", ""));
    number->status_callback_method = apr_pstrdup(box->pool, text_or(line, "callback_method", "POST"));
    return true;
}

static bool replay_handset(sb_box_t *box, const json_t *line)
{
    sb_account_t *account = account_of(box, line);

    if (!account || !text_of(line, "number"))
        return false;
    sb_peer_pin(sb_peer_find(box->store, account, text_of(line, "number"), true), text_or(line, "name", ""));
    return true;
}

static bool replay_gone(sb_box_t *box, const json_t *line, bool media_only)
{
    const char *sid = text_or(line, "sid", "");
    sb_media_t *media = media_only ? sb_media_find(box->store, sid, NULL) : NULL;
    sb_msg_t *msg = media_only ? NULL : sb_msg_find(box->store, NULL, sid);

    if (media)
        media->deleted = true;
    if (msg)
        sb_msg_delete(box->store, msg);
    return media || msg;
}

static bool replay_body(sb_box_t *box, const json_t *line)
{
    sb_msg_t *msg = sb_msg_find(box->store, NULL, text_or(line, "sid", ""));

    if (msg)
        sb_msg_set_body(msg, text_or(line, "body", ""));
    return msg != NULL;
}

static bool replay_line(sb_box_t *box, apr_pool_t *pool, const json_t *line)
{
    const char *type = text_or(line, "t", "");

    if (!strcmp(type, "message"))
        return replay_message(box, pool, line);
    if (!strcmp(type, "status"))
        return replay_status(box, line);
    if (!strcmp(type, "body"))
        return replay_body(box, line);
    if (!strcmp(type, "delete") || !strcmp(type, "media_delete"))
        return replay_gone(box, line, type[0] == 'm');
    if (!strcmp(type, "media"))
        return replay_media(box, pool, line);
    if (!strcmp(type, "pair"))
        return replay_pair(box, line);
    if (!strcmp(type, "number"))
        return replay_number(box, line);
    return !strcmp(type, "handset") && replay_handset(box, line);
}

/* ---- the whole file ------------------------------------------------------------------ */

static void write_pair(void *rec, sb_account_t *account, const char *customer, const char *sender,
                       const sb_pair_t *pair)
{
    sb_state_pair(rec, account, customer, sender, pair);
}

static void write_account(sb_box_t *box, sb_account_t *account)
{
    for (int i = 0; i < account->numbers->nelts; i++)
        sb_state_number(box->state, account, APR_ARRAY_IDX(account->numbers, i, sb_number_t *));
    for (const sb_peer_t *peer = sb_peer_newest(account); peer; peer = peer->older)
        if (peer->pinned)
            sb_state_handset(box->state, account, peer);
    sb_pair_each(box->store, account, write_pair, box->state);
}

void sb_state_rewrite(sb_box_t *box)
{
    const sb_msg_t *msg;
    int cursor = 0;

    if (!box->state)
        return;
    apr_file_trunc(box->state->file, 0);
    for (int i = 0; i < box->conf->accounts->nelts; i++)
        write_account(box, APR_ARRAY_IDX(box->conf->accounts, i, sb_account_t *));
    while ((msg = sb_msg_next(box->store, &cursor)))
        sb_state_message(box->state, msg);
}

/* One line of any length, NUL-terminated, without its end; NULL at the end of the file. */
static char *next_line(apr_pool_t *pool, const char **at, const char *end)
{
    const char *start = *at, *stop;

    if (start >= end)
        return NULL;
    stop = memchr(start, '\n', end - start);
    *at = stop ? stop + 1 : end;
    return apr_pstrmemdup(pool, start, (stop ? stop : end) - start);
}

static int replay_text(sb_box_t *box, const char *text, apr_size_t len, int *lines)
{
    const char *at = text, *line;
    apr_pool_t *scratch;
    int skipped = 0;

    apr_pool_create(&scratch, box->pool);
    while ((line = next_line(scratch, &at, text + len))) {
        json_t *object = json_loads(line, 0, NULL);
        if (!object || !replay_line(box, scratch, object))
            skipped++;
        json_decref(object);
        ++*lines;
        apr_pool_clear(scratch);
    }
    apr_pool_destroy(scratch);
    return skipped;
}

int sb_state_replay(sb_box_t *box)
{
    apr_finfo_t info;
    apr_off_t start = 0;
    int skipped, lines = 0;
    char *text;

    if (!box->state || apr_file_info_get(&info, APR_FINFO_SIZE, box->state->file) != APR_SUCCESS || !info.size
        || !(text = malloc(info.size)))
        return 0;
    box->state->replaying = true;
    apr_file_seek(box->state->file, APR_SET, &start);
    if (apr_file_read_full(box->state->file, text, info.size, NULL) != APR_SUCCESS)
        info.size = 0;
    skipped = replay_text(box, text, info.size, &lines);
    /* A torn last line must not swallow the next one. */
    if (info.size && text[info.size - 1] != '\n')
        apr_file_putc('\n', box->state->file);
    free(text);
    box->state->replaying = false;
    if (lines > LINES_MIN && lines / LINES_PER_OBJECT > sb_msg_count(box->store))
        sb_state_rewrite(box);
    return skipped;
}
