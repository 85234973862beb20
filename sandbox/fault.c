/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * fault.c - decides what goes wrong, and lets tests say so.
 * Must never act on a fault: who drew it does.
 * Called by the API, the walk and the control resource.
 */
#include <string.h>

#include "fault.h"

static const char *const KINDS[SB_FAULT_KINDS] = {
    "429", "500", "503", "500_after_accept", "reset_before", "reset_after_accept", "stall", "stall_before",
    "garbage", "no_sid", "refuse", "callback_duplicate", "callback_lost", "final", "media_404"
};

typedef enum { INT, BOOL, REAL } field_type_e;

typedef struct field_t {
    const char *name;
    field_type_e type;
    apr_size_t offset;
    int max;
} field_t;

#define FIELD(name, type, max) { #name, type, offsetof(sb_faults_t, name), max }

#define DAY_MS 86400000

static const field_t FIELDS[] = {
    FIELD(latency_ms, INT, 600000), FIELD(latency_jitter_ms, INT, 600000), FIELD(stall_ms, INT, 600000),
    FIELD(retry_after, INT, 86400), FIELD(max_concurrent, INT, 100000), FIELD(refuse_code, INT, 99999),
    FIELD(callback_delay_ms, INT, DAY_MS), FIELD(callback_shuffle, BOOL, 1), FIELD(no_callbacks, BOOL, 1),
    FIELD(no_walk, BOOL, 1), FIELD(strict_media, BOOL, 1), FIELD(media_redirect, BOOL, 1),
    FIELD(whatsapp_window, BOOL, 1), FIELD(mps, REAL, 100000), FIELD(error_code, INT, 99999),
};

#define FIELDS_COUNT (sizeof(FIELDS) / sizeof(*FIELDS))

void sb_faults_clear(sb_faults_t *faults, const sb_conf_t *conf)
{
    *faults = (sb_faults_t){ .final = SB_DELIVERED, .stall_ms = 20000, .refuse_code = 21611, .seed = 1, .state = 1,
                             .whatsapp_window = conf->whatsapp_window };
    faults->rate[SB_FAULT_FINAL] = 1;
}

/* splitmix64: small, and the same everywhere, so that a seed repeats a run. */
static apr_uint64_t draw(sb_faults_t *faults)
{
    apr_uint64_t x = faults->state += 0x9e3779b97f4a7c15ULL;

    x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
    x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
    return x ^ (x >> 31);
}

bool sb_fault_draw(sb_faults_t *faults, sb_fault_e kind)
{
    if (faults->next[kind] > 0) {
        faults->next[kind]--;
        return true;
    }
    return faults->rate[kind] > 0 && (double)(draw(faults) >> 11) / 9007199254740992.0 < faults->rate[kind];
}

int sb_fault_random(sb_faults_t *faults, int below)
{
    return below > 0 ? (int)(draw(faults) % (apr_uint64_t)below) : 0;
}

/* ---- setting ------------------------------------------------------------------ */

static int kind_of(const char *name)
{
    for (int i = 0; i < SB_FAULT_KINDS; i++)
        if (!strcmp(KINDS[i], name))
            return i;
    return -1;
}

static bool set_rate(sb_faults_t *faults, const char *name, const json_t *value)
{
    int kind = kind_of(name);

    if (kind < 0 || !json_is_number(value) || json_number_value(value) < 0 || json_number_value(value) > 1)
        return false;
    faults->rate[kind] = json_number_value(value);
    return true;
}

static bool set_next(sb_faults_t *faults, const char *name, const json_t *value)
{
    int kind = kind_of(name);

    if (kind < 0 || !json_is_integer(value) || json_integer_value(value) < 0 || json_integer_value(value) > 1000000)
        return false;
    faults->next[kind] = (int)json_integer_value(value);
    return true;
}

static bool set_field(sb_faults_t *faults, const field_t *field, const json_t *value)
{
    void *at = (char *)faults + field->offset;

    if (field->type == BOOL) {
        if (!json_is_boolean(value))
            return false;
        *(bool *)at = json_is_true(value);
        return true;
    }
    if (!json_is_number(value) || json_number_value(value) < 0 || json_number_value(value) > field->max)
        return false;
    if (field->type == REAL)
        *(double *)at = json_number_value(value);
    else
        *(int *)at = (int)json_number_value(value);
    return true;
}

static bool set_final(sb_faults_t *faults, const json_t *value)
{
    int status = json_is_string(value) ? sb_status_parse(json_string_value(value)) : -1;

    if (status != SB_DELIVERED && status != SB_UNDELIVERED && status != SB_FAILED && status != SB_SENT)
        return false;
    faults->final = status;
    return true;
}

static bool set_scope(sb_faults_t *faults, const json_t *value)
{
    const char *word = json_string_value(value);

    if (!word || (strcmp(word, "create") && strcmp(word, "all")))
        return false;
    faults->all_calls = !strcmp(word, "all");
    return true;
}

static bool set_seed(sb_faults_t *faults, const json_t *value)
{
    if (!json_is_integer(value))
        return false;
    faults->seed = faults->state = (apr_uint64_t)json_integer_value(value);
    return true;
}

static bool set_one(sb_faults_t *faults, const char *name, const json_t *value)
{
    if (!strncmp(name, "rate_", 5))
        return set_rate(faults, name + 5, value);
    if (!strncmp(name, "next_", 5))
        return set_next(faults, name + 5, value);
    if (!strcmp(name, "final"))
        return set_final(faults, value);
    if (!strcmp(name, "scope"))
        return set_scope(faults, value);
    if (!strcmp(name, "seed"))
        return set_seed(faults, value);
    for (apr_size_t i = 0; i < FIELDS_COUNT; i++)
        if (!strcmp(FIELDS[i].name, name))
            return set_field(faults, &FIELDS[i], value);
    return false;
}

/* "final" alone means every message from now on, with a count only so many. */
static void settle_final(sb_faults_t *faults, const json_t *object)
{
    if (json_object_get(object, "rate_final"))
        return;
    if (json_object_get(object, "next_final"))
        faults->rate[SB_FAULT_FINAL] = 0;
    else if (json_object_get(object, "final"))
        faults->rate[SB_FAULT_FINAL] = 1;
}

const char *sb_faults_set(apr_pool_t *pool, sb_faults_t *faults, json_t *object)
{
    sb_faults_t fresh = *faults;
    const char *name;
    json_t *value;

    if (!json_is_object(object))
        return "an object is needed";
    json_object_foreach(object, name, value)
        if (!set_one(&fresh, name, value))
            return apr_psprintf(pool, "\"%s\" is unknown or its value is out of range", name);
    settle_final(&fresh, object);
    *faults = fresh;
    return NULL;
}

/* ---- telling -------------------------------------------------------------------- */

static json_t *field_json(const sb_faults_t *faults, const field_t *field)
{
    const void *at = (const char *)faults + field->offset;

    if (field->type == BOOL)
        return json_boolean(*(const bool *)at);
    return field->type == REAL ? json_real(*(const double *)at) : json_integer(*(const int *)at);
}

json_t *sb_faults_json(apr_pool_t *pool, const sb_faults_t *faults)
{
    json_t *object = json_object();

    for (int i = 0; i < SB_FAULT_KINDS; i++) {
        json_object_set_new(object, apr_pstrcat(pool, "rate_", KINDS[i], NULL), json_real(faults->rate[i]));
        json_object_set_new(object, apr_pstrcat(pool, "next_", KINDS[i], NULL), json_integer(faults->next[i]));
    }
    for (apr_size_t i = 0; i < FIELDS_COUNT; i++)
        json_object_set_new(object, FIELDS[i].name, field_json(faults, &FIELDS[i]));
    json_object_set_new(object, "final", json_string(sb_status_name(faults->final)));
    json_object_set_new(object, "scope", json_string(faults->all_calls ? "all" : "create"));
    json_object_set_new(object, "seed", json_integer((json_int_t)faults->seed));
    return object;
}
