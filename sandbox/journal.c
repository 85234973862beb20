/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * journal.c - a ring of calls. Adding is cheap (one copy), reading does the work.
 * Must never take box->lock.
 * Called by the API (requests), the postman (webhooks) and the control resource.
 */
#include <stdlib.h>
#include <string.h>

#include "journal.h"
#include "util/clock.h"
#include "util/form.h"
#include "util/text.h"

struct sb_journal_t {
    apr_thread_mutex_t *lock;
    sb_entry_t *ring;                   /* each entry's strings lie in one block at `url` */
    void **blocks;
    int size;
    apr_uint64_t last;
};

/* The strings of an entry, so that copying and freeing need no list of their own. */
static const apr_size_t STRINGS[] = {
    offsetof(sb_entry_t, method), offsetof(sb_entry_t, url), offsetof(sb_entry_t, params),
    offsetof(sb_entry_t, headers), offsetof(sb_entry_t, user), offsetof(sb_entry_t, sid),
    offsetof(sb_entry_t, answer), offsetof(sb_entry_t, note)
};

#define STRINGS_COUNT (sizeof(STRINGS) / sizeof(*STRINGS))

static const char **string_at(sb_entry_t *entry, apr_size_t i)
{
    return (const char **)((char *)entry + STRINGS[i]);
}

static apr_status_t free_blocks(void *data)
{
    sb_journal_t *journal = data;

    for (int i = 0; i < journal->size; i++)
        free(journal->blocks[i]);
    return APR_SUCCESS;
}

sb_journal_t *sb_journal_create(apr_pool_t *pool, int size)
{
    sb_journal_t *journal = apr_pcalloc(pool, sizeof(*journal));

    apr_thread_mutex_create(&journal->lock, APR_THREAD_MUTEX_DEFAULT, pool);
    journal->size = size;
    journal->ring = apr_pcalloc(pool, sizeof(sb_entry_t) * size);
    journal->blocks = apr_pcalloc(pool, sizeof(void *) * size);
    apr_pool_cleanup_register(pool, journal, free_blocks, apr_pool_cleanup_null);
    return journal;
}

static void *pack(sb_entry_t *entry)
{
    apr_size_t total = 1;
    char *block, *at;

    for (apr_size_t i = 0; i < STRINGS_COUNT; i++)
        if (*string_at(entry, i))
            total += strlen(*string_at(entry, i)) + 1;
    at = block = malloc(total);
    for (apr_size_t i = 0; block && i < STRINGS_COUNT; i++) {
        const char *s = *string_at(entry, i);
        if (!s)
            continue;
        *string_at(entry, i) = memcpy(at, s, strlen(s) + 1);
        at += strlen(s) + 1;
    }
    return block;
}

void sb_journal_add(sb_journal_t *journal, const sb_entry_t *entry)
{
    sb_entry_t fresh = *entry;
    void *block = pack(&fresh), *old;

    if (!block)
        return;
    apr_thread_mutex_lock(journal->lock);
    fresh.id = ++journal->last;
    old = journal->blocks[fresh.id % journal->size];
    journal->blocks[fresh.id % journal->size] = block;
    journal->ring[fresh.id % journal->size] = fresh;
    apr_thread_mutex_unlock(journal->lock);
    free(old);
}

void sb_journal_clear(sb_journal_t *journal)
{
    apr_thread_mutex_lock(journal->lock);
    for (int i = 0; i < journal->size; i++) {
        free(journal->blocks[i]);
        journal->blocks[i] = NULL;
        journal->ring[i] = (sb_entry_t){ .id = 0 };
    }
    apr_thread_mutex_unlock(journal->lock);
}

/* ---- reading ------------------------------------------------------------------- */

static json_t *text(apr_pool_t *pool, const char *s)
{
    return s ? json_string(twc_text_clean(pool, s, strlen(s))) : json_null();
}

/* One value as a string, several of a name as a list. */
static json_t *params_json(apr_pool_t *pool, const char *encoded)
{
    json_t *object = json_object();
    const twc_form_t *form;

    if (!encoded || twc_form_parse(pool, encoded, strlen(encoded), &form) != APR_SUCCESS)
        return object;
    for (int i = 0; i < form->count; i++) {
        const twc_pair_t *pair = &form->pairs[i];
        const char *name = twc_text_clean(pool, pair->name.data, pair->name.len);
        json_t *value = json_string(twc_text_clean(pool, pair->value.data, pair->value.len));
        json_t *known = json_object_get(object, name);

        if (!known)
            json_object_set_new(object, name, value);
        else if (json_is_array(known))
            json_array_append_new(known, value);
        else
            json_object_set_new(object, name, json_pack("[O, o]", known, value));
    }
    return object;
}

static json_t *headers_json(apr_pool_t *pool, const char *headers)
{
    json_t *object = json_object();
    char *state, *line, *all = apr_pstrdup(pool, headers ? headers : "");

    for (line = apr_strtok(all, "\n", &state); line; line = apr_strtok(NULL, "\n", &state)) {
        char *colon = strchr(line, ':');
        if (!colon)
            continue;
        *colon = '\0';
        json_object_set_new(object, line, text(pool, colon[1] == ' ' ? colon + 2 : colon + 1));
    }
    return object;
}

static json_t *entry_json(apr_pool_t *pool, const sb_entry_t *entry)
{
    json_t *object = json_object();

    json_object_set_new(object, "id", json_integer((json_int_t)entry->id));
    json_object_set_new(object, "time", json_string(twc_clock_iso_ms(pool, entry->time)));
    if (entry->kind)
        json_object_set_new(object, "kind", json_string(entry->kind));
    json_object_set_new(object, "method", text(pool, entry->method));
    json_object_set_new(object, "url", text(pool, entry->url));
    json_object_set_new(object, "params", params_json(pool, entry->params));
    json_object_set_new(object, "headers", headers_json(pool, entry->headers));
    json_object_set_new(object, "user", text(pool, entry->user));
    json_object_set_new(object, "sid", text(pool, entry->sid));
    json_object_set_new(object, "status", json_integer(entry->status));
    json_object_set_new(object, "error_code", entry->error_code ? json_integer(entry->error_code) : json_null());
    json_object_set_new(object, "answer", text(pool, entry->answer));
    json_object_set_new(object, "note", text(pool, entry->note));
    json_object_set_new(object, "attempt", json_integer(entry->attempt));
    json_object_set_new(object, "took_ms", json_real((double)entry->took / 1000.0));
    return object;
}

static bool wanted(const sb_entry_t *entry, const sb_look_t *look)
{
    return entry->id > look->after
        && (!look->sid || (entry->sid && !strcmp(entry->sid, look->sid)))
        && (!look->kind || (entry->kind && !strcmp(entry->kind, look->kind)))
        && (!look->method || (entry->method && !strcmp(entry->method, look->method)))
        && (!look->path || (entry->url && strstr(entry->url, look->path)));
}

json_t *sb_journal_json(apr_pool_t *pool, sb_journal_t *journal, const sb_look_t *look)
{
    json_t *list = json_array();

    apr_thread_mutex_lock(journal->lock);
    for (int i = 0; i < journal->size && (apr_uint64_t)i < journal->last; i++) {
        const sb_entry_t *entry = &journal->ring[(journal->last - i) % journal->size];
        if (!entry->id || !wanted(entry, look))
            continue;
        if (json_array_size(list) == (size_t)look->limit)
            break;
        json_array_insert_new(list, 0, entry_json(pool, entry));
    }
    apr_thread_mutex_unlock(journal->lock);
    return list;
}
