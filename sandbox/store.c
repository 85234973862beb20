/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * store.c - messages, peers and pairs in memory. Messages come from malloc, because
 * they come and go one by one; indexes are hashes and vectors ordered by arrival.
 * Must never lock or call back into the sandbox: the caller holds box->lock.
 * Called by the API, the walk, the postman and the replay of the state file.
 */
#include <stdlib.h>
#include <string.h>

#include "store.h"
#include "twilio/segment.h"

static const char *const STATUS_NAMES[SB_STATUSES] = {
    "accepted", "scheduled", "queued", "sending", "sent", "delivered", "undelivered",
    "failed", "canceled", "read", "received"
};

/* The books of one account. */
typedef struct sb_ledger_t {
    sb_list_t all;
    apr_hash_t *peers;                  /* address -> sb_peer_t */
    apr_hash_t *pairs;                  /* "customer\nsender" -> sb_pair_t */
    sb_peer_t *newest, *oldest;
} sb_ledger_t;

struct sb_store_t {
    apr_pool_t *parent, *pool;          /* pool: hashes and pairs, gone with a reset */
    const sb_conf_t *conf;
    apr_hash_t *by_sid, *media;         /* media: sid -> sb_msg_t that owns it */
    sb_list_t all;                      /* of all accounts, for the limit */
    apr_uint64_t seq;
};

const char *sb_status_name(sb_status_e status)
{
    return STATUS_NAMES[status];
}

int sb_status_parse(const char *word)
{
    for (int i = 0; i < SB_STATUSES; i++)
        if (!strcmp(STATUS_NAMES[i], word))
            return i;
    return -1;
}

const char *sb_direction_name(sb_direction_e direction)
{
    static const char *const names[] = { "inbound", "outbound-api", "outbound-reply" };

    return names[direction];
}

bool sb_status_in_progress(sb_status_e status)
{
    return status <= SB_SENDING;
}

/* ---- memory ---------------------------------------------------------------- */

/* The child cannot go on without memory; httpd ends it and starts another. */
static void *need(void *p)
{
    if (!p)
        abort();
    return p;
}

static char *copy(const char *s)
{
    return need(strdup(s ? s : ""));
}

static void replace(char **field, const char *value)
{
    char *fresh = copy(value);

    free(*field);
    *field = fresh;
}

/* ---- lists ------------------------------------------------------------------ */

static int list_count(const sb_list_t *list)
{
    return list->end - list->first;
}

static void list_append(sb_list_t *list, sb_msg_t *msg)
{
    if (list->end == list->size && list->first > list->size / 2) {
        memmove(list->v, list->v + list->first, sizeof(*list->v) * list_count(list));
        list->end -= list->first;
        list->first = 0;
    }
    if (list->end == list->size) {
        list->size = list->size ? list->size * 2 : 4;
        list->v = need(realloc(list->v, sizeof(*list->v) * list->size));
    }
    list->v[list->end++] = msg;
}

/* Index of the first entry whose seq is at least `seq`. */
static int list_lower(const sb_list_t *list, apr_uint64_t seq)
{
    int low = list->first, high = list->end;

    while (low < high) {
        int mid = low + (high - low) / 2;
        if (list->v[mid]->seq < seq)
            low = mid + 1;
        else
            high = mid;
    }
    return low;
}

static void list_remove(sb_list_t *list, const sb_msg_t *msg)
{
    int i = list_lower(list, msg->seq);

    if (i == list->end || list->v[i] != msg)
        return;
    if (i == list->first) {
        list->first++;
        return;
    }
    memmove(list->v + i, list->v + i + 1, sizeof(*list->v) * (list->end - i - 1));
    list->end--;
}

/* A sender is picked after the message was made, so its place may not be the end. */
static void list_insert(sb_list_t *list, sb_msg_t *msg)
{
    int at;

    list_append(list, msg);
    for (at = list->end - 1; at > list->first && list->v[at - 1]->seq > msg->seq; at--)
        list->v[at] = list->v[at - 1];
    list->v[at] = msg;
}

static void list_free(sb_list_t *list)
{
    free(list->v);
    *list = (sb_list_t){ .v = NULL };
}

/* ---- peers ------------------------------------------------------------------ */

static void peer_unlink(sb_ledger_t *ledger, sb_peer_t *peer)
{
    if (peer->newer)
        peer->newer->older = peer->older;
    else if (ledger->newest == peer)
        ledger->newest = peer->older;
    if (peer->older)
        peer->older->newer = peer->newer;
    else if (ledger->oldest == peer)
        ledger->oldest = peer->newer;
    peer->newer = peer->older = NULL;
}

static void peer_touch(sb_ledger_t *ledger, sb_peer_t *peer, apr_time_t now)
{
    peer->active = now;
    if (ledger->newest == peer)
        return;
    peer_unlink(ledger, peer);
    peer->older = ledger->newest;
    if (ledger->newest)
        ledger->newest->newer = peer;
    ledger->newest = peer;
    if (!ledger->oldest)
        ledger->oldest = peer;
}

sb_peer_t *sb_peer_find(sb_store_t *store, sb_account_t *account, const char *addr, bool make)
{
    sb_peer_t *peer = apr_hash_get(account->ledger->peers, addr, APR_HASH_KEY_STRING);

    if (peer || !make)
        return peer;
    peer = need(calloc(1, sizeof(*peer)));
    peer->addr = copy(addr);
    peer->name = copy("");
    apr_hash_set(account->ledger->peers, peer->addr, APR_HASH_KEY_STRING, peer);
    peer_touch(account->ledger, peer, apr_time_now());
    return peer;
}

void sb_peer_pin(sb_peer_t *peer, const char *name)
{
    peer->pinned = true;
    replace(&peer->name, name);
}

sb_peer_t *sb_peer_newest(const sb_account_t *account)
{
    return account->ledger->newest;
}

static sb_msg_t *list_last(const sb_list_t *list)
{
    return list_count(list) ? list->v[list->end - 1] : NULL;
}

sb_msg_t *sb_peer_last(const sb_peer_t *peer)
{
    sb_msg_t *to = list_last(&peer->to_it), *from = list_last(&peer->from_it);

    if (!to || !from)
        return to ? to : from;
    return to->seq > from->seq ? to : from;
}

static void peer_free(sb_peer_t *peer)
{
    list_free(&peer->to_it);
    list_free(&peer->from_it);
    free(peer->addr);
    free(peer->name);
    free(peer);
}

/* Addresses nobody talks about any more would otherwise pile up in a long benchmark. */
static void peer_release(sb_account_t *account, sb_peer_t *peer)
{
    if (!peer || peer->pinned || list_count(&peer->to_it) || list_count(&peer->from_it))
        return;
    peer_unlink(account->ledger, peer);
    apr_hash_set(account->ledger->peers, peer->addr, APR_HASH_KEY_STRING, NULL);
    peer_free(peer);
}

/* ---- pairs ------------------------------------------------------------------ */

sb_pair_t *sb_pair_find(sb_store_t *store, sb_account_t *account, const char *customer,
                        const char *sender, bool make)
{
    char key[256];
    int len = apr_snprintf(key, sizeof(key), "%s\n%s", customer, sender);
    sb_pair_t *pair = apr_hash_get(account->ledger->pairs, key, len);

    if (pair || !make)
        return pair;
    pair = apr_pcalloc(store->pool, sizeof(*pair));
    apr_hash_set(account->ledger->pairs, apr_pstrmemdup(store->pool, key, len), len, pair);
    return pair;
}

void sb_pair_each(sb_store_t *store, sb_account_t *account,
                  void (*fn)(void *, sb_account_t *, const char *, const char *, const sb_pair_t *), void *rec)
{
    for (apr_hash_index_t *i = apr_hash_first(NULL, account->ledger->pairs); i; i = apr_hash_next(i)) {
        char key[256];
        const char *stored = apr_hash_this_key(i);
        char *sender;

        apr_cpystrn(key, stored, sizeof(key));
        sender = strchr(key, '\n');
        *sender++ = '\0';
        fn(rec, account, key, sender, apr_hash_this_val(i));
    }
}

/* ---- attachments -------------------------------------------------------------- */

sb_media_t *sb_media_find(sb_store_t *store, const char *sid, sb_msg_t **owner)
{
    sb_msg_t *msg = apr_hash_get(store->media, sid, APR_HASH_KEY_STRING);

    for (int i = 0; msg && i < msg->num_media; i++) {
        if (strcmp(msg->media[i].sid, sid) || msg->media[i].deleted)
            continue;
        if (owner)
            *owner = msg;
        return &msg->media[i];
    }
    return NULL;
}

void sb_media_fill(sb_media_t *media, const char *type, const char *bytes, apr_size_t len)
{
    free(media->bytes);
    media->bytes = need(malloc(len + 1));
    memcpy(media->bytes, bytes, len);
    media->len = len;
    if (type && *type)
        replace(&media->type, type);
}

static void media_add(sb_store_t *store, sb_msg_t *msg, const sb_media_t *from, int i)
{
    sb_media_t *media = &msg->media[i];

    if (from->sid[0])
        memcpy(media->sid, from->sid, sizeof(media->sid));
    else
        sb_sid_make(media->sid, "ME");
    media->url = copy(from->url);
    media->type = copy(from->type);
    media->created = msg->created;
    media->deleted = from->deleted;
    if (from->bytes)
        sb_media_fill(media, NULL, from->bytes, from->len);
    apr_hash_set(store->media, media->sid, SB_SID_LEN, msg);
}

/* ---- messages ------------------------------------------------------------------ */

static void msg_free(sb_store_t *store, sb_msg_t *msg)
{
    for (int i = 0; i < msg->num_media; i++) {
        apr_hash_set(store->media, msg->media[i].sid, SB_SID_LEN, NULL);
        free(msg->media[i].url);
        free(msg->media[i].type);
        free(msg->media[i].bytes);
    }
    free(msg->media);
    free(msg->body);
    free(msg->callback);
    free(msg->extra);
    free(msg);
}

void sb_msg_delete(sb_store_t *store, sb_msg_t *msg)
{
    apr_hash_set(store->by_sid, msg->sid, SB_SID_LEN, NULL);
    list_remove(&store->all, msg);
    list_remove(&msg->account->ledger->all, msg);
    list_remove(&msg->to->to_it, msg);
    if (msg->from)
        list_remove(&msg->from->from_it, msg);
    peer_release(msg->account, msg->to);
    if (msg->from != msg->to)
        peer_release(msg->account, msg->from);
    msg_free(store, msg);
}

static sb_msg_t *msg_make(const sb_draft_t *draft)
{
    sb_msg_t *msg = need(calloc(1, sizeof(*msg)));

    if (draft->sid)
        apr_cpystrn(msg->sid, draft->sid, sizeof(msg->sid));
    else
        sb_sid_make(msg->sid, draft->num_media ? "MM" : "SM");
    apr_cpystrn(msg->service, draft->service ? draft->service : "", sizeof(msg->service));
    apr_cpystrn(msg->callback_method, draft->callback_method ? draft->callback_method : "POST",
                sizeof(msg->callback_method));
    msg->account = draft->account;
    msg->body = copy(draft->body);
    msg->callback = copy(draft->callback);
    msg->extra = copy(draft->extra);
    msg->status = draft->status;
    msg->direction = draft->direction;
    msg->fate = draft->fate ? draft->fate : SB_DELIVERED;
    msg->fate_code = draft->fate_code;
    msg->validity_s = draft->validity_s;
    msg->hidden = draft->hidden;
    msg->still = draft->still;
    msg->send_at = draft->send_at;
    msg->segments = twc_segments_count(msg->body).segments;
    msg->created = msg->updated = draft->created ? draft->created : apr_time_now();
    if (draft->direction == SB_INBOUND)
        msg->sent = msg->created;
    return msg;
}

static void make_room(sb_store_t *store)
{
    while (list_count(&store->all) > store->conf->keep)
        sb_msg_delete(store, store->all.v[store->all.first]);
}

sb_msg_t *sb_msg_add(sb_store_t *store, const sb_draft_t *draft)
{
    sb_ledger_t *ledger = draft->account->ledger;
    sb_msg_t *msg = msg_make(draft);

    msg->seq = ++store->seq;
    msg->to = sb_peer_find(store, msg->account, draft->to, true);
    list_append(&msg->to->to_it, msg);
    peer_touch(ledger, msg->to, msg->created);
    if (draft->from) {
        msg->from = sb_peer_find(store, msg->account, draft->from, true);
        list_append(&msg->from->from_it, msg);
        peer_touch(ledger, msg->from, msg->created);
    }
    list_append(&ledger->all, msg);
    list_append(&store->all, msg);
    apr_hash_set(store->by_sid, msg->sid, SB_SID_LEN, msg);
    if (draft->num_media) {
        msg->media = need(calloc(draft->num_media, sizeof(sb_media_t)));
        msg->num_media = draft->num_media;
        for (int i = 0; i < draft->num_media; i++)
            media_add(store, msg, &draft->media[i], i);
    }
    make_room(store);
    return msg;
}

sb_msg_t *sb_msg_find(sb_store_t *store, const sb_account_t *account, const char *sid)
{
    sb_msg_t *msg = apr_hash_get(store->by_sid, sid, APR_HASH_KEY_STRING);

    return msg && (!account || msg->account == account) ? msg : NULL;
}

void sb_msg_set_body(sb_msg_t *msg, const char *body)
{
    replace(&msg->body, body);
    msg->updated = apr_time_now();
}

void sb_msg_set_from(sb_store_t *store, sb_msg_t *msg, const char *address)
{
    if (msg->from)
        return;
    msg->from = sb_peer_find(store, msg->account, address, true);
    list_insert(&msg->from->from_it, msg);
}

void sb_msg_set_status(sb_msg_t *msg, sb_status_e status, int error_code, apr_time_t when)
{
    msg->status = status;
    msg->updated = when;
    if (error_code)
        msg->error_code = error_code;
    if (!msg->sent && status >= SB_SENT && status != SB_CANCELED)
        msg->sent = when;
}

/* ---- lists of messages ----------------------------------------------------------- */

static bool matches(const sb_msg_t *msg, const sb_query_t *query)
{
    if (msg->hidden)
        return false;
    if (query->to && strcmp(msg->to->addr, query->to))
        return false;
    if (query->from && (!msg->from || strcmp(msg->from->addr, query->from)))
        return false;
    if ((query->not_before || query->not_after) && !msg->sent)
        return false;
    return (!query->not_before || msg->sent >= query->not_before)
        && (!query->not_after || msg->sent <= query->not_after);
}

/* The shortest list that holds everything asked for. */
static const sb_list_t *best_list(sb_store_t *store, sb_account_t *account, const sb_query_t *query)
{
    static const sb_list_t nothing;
    const sb_peer_t *to = query->to ? sb_peer_find(store, account, query->to, false) : NULL;
    const sb_peer_t *from = query->from ? sb_peer_find(store, account, query->from, false) : NULL;

    if ((query->to && !to) || (query->from && !from))
        return &nothing;
    if (to && from)
        return list_count(&to->to_it) <= list_count(&from->from_it) ? &to->to_it : &from->from_it;
    if (to)
        return &to->to_it;
    return from ? &from->from_it : &account->ledger->all;
}

static int query_newer(const sb_list_t *list, const sb_query_t *query, sb_msg_t **found)
{
    int count = 0;

    for (int i = list_lower(list, query->above + 1); i < list->end && count < query->limit; i++)
        if (matches(list->v[i], query))
            found[count++] = list->v[i];
    for (int i = 0; i < count / 2; i++) {
        sb_msg_t *other = found[i];
        found[i] = found[count - 1 - i];
        found[count - 1 - i] = other;
    }
    return count;
}

static int query_older(const sb_list_t *list, const sb_query_t *query, sb_msg_t **found)
{
    int count = 0, at = query->below ? list_lower(list, query->below) : list->end;

    while (at-- > list->first && count < query->limit)
        if (matches(list->v[at], query))
            found[count++] = list->v[at];
    return count;
}

/* Both directions of one address, merged newest first. */
static int query_handset(const sb_peer_t *peer, const sb_query_t *query, sb_msg_t **found)
{
    const sb_list_t *in = &peer->to_it, *out = &peer->from_it;
    int a = query->below ? list_lower(in, query->below) : in->end;
    int b = query->below ? list_lower(out, query->below) : out->end;
    int count = 0;

    while (count < query->limit && (a > in->first || b > out->first)) {
        bool take_in = b == out->first || (a > in->first && in->v[a - 1]->seq > out->v[b - 1]->seq);
        sb_msg_t *msg = take_in ? in->v[--a] : out->v[--b];
        if (msg->from)
            found[count++] = msg;
    }
    return count;
}

int sb_msg_query(sb_store_t *store, sb_account_t *account, const sb_query_t *query, sb_msg_t **found)
{
    if (query->handset) {
        const sb_peer_t *peer = sb_peer_find(store, account, query->to, false);
        return peer ? query_handset(peer, query, found) : 0;
    }
    if (query->above)
        return query_newer(best_list(store, account, query), query, found);
    return query_older(best_list(store, account, query), query, found);
}

sb_msg_t *sb_msg_next(sb_store_t *store, int *cursor)
{
    int at = store->all.first + (*cursor)++;

    return at < store->all.end ? store->all.v[at] : NULL;
}

int sb_msg_count(const sb_store_t *store)
{
    return list_count(&store->all);
}

/* ---- life ------------------------------------------------------------------------- */

static void ledger_free(sb_ledger_t *ledger)
{
    for (apr_hash_index_t *i = apr_hash_first(NULL, ledger->peers); i; i = apr_hash_next(i))
        peer_free(apr_hash_this_val(i));
    list_free(&ledger->all);
}

static void free_all(sb_store_t *store)
{
    for (int i = store->all.first; i < store->all.end; i++)
        msg_free(store, store->all.v[i]);
    list_free(&store->all);
    for (int i = 0; i < store->conf->accounts->nelts; i++)
        ledger_free(APR_ARRAY_IDX(store->conf->accounts, i, sb_account_t *)->ledger);
}

static apr_status_t store_cleanup(void *data)
{
    free_all(data);
    return APR_SUCCESS;
}

static void open_books(sb_store_t *store)
{
    apr_pool_create(&store->pool, store->parent);
    store->by_sid = apr_hash_make(store->pool);
    store->media = apr_hash_make(store->pool);
    for (int i = 0; i < store->conf->accounts->nelts; i++) {
        sb_account_t *account = APR_ARRAY_IDX(store->conf->accounts, i, sb_account_t *);
        account->ledger = apr_pcalloc(store->pool, sizeof(sb_ledger_t));
        account->ledger->peers = apr_hash_make(store->pool);
        account->ledger->pairs = apr_hash_make(store->pool);
    }
}

void sb_store_pin_handsets(sb_store_t *store)
{
    for (int i = 0; i < store->conf->accounts->nelts; i++) {
        sb_account_t *account = APR_ARRAY_IDX(store->conf->accounts, i, sb_account_t *);
        for (int n = store->conf->handsets->nelts - 1; n >= 0; n--) {
            const sb_handset_t *handset = &APR_ARRAY_IDX(store->conf->handsets, n, sb_handset_t);
            sb_peer_pin(sb_peer_find(store, account, handset->number, true), handset->name);
        }
    }
}

void sb_store_reset(sb_store_t *store)
{
    free_all(store);
    apr_pool_destroy(store->pool);
    open_books(store);
}

sb_store_t *sb_store_create(apr_pool_t *pool, const sb_conf_t *conf)
{
    sb_store_t *store = apr_pcalloc(pool, sizeof(*store));

    store->parent = pool;
    store->conf = conf;
    open_books(store);
    /* Pre: the hashes it walks live in a sub-pool, which goes before plain cleanups run. */
    apr_pool_pre_cleanup_register(pool, store, store_cleanup);
    return store;
}
