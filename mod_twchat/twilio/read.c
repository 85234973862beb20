/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * read.c - Twilio's JSON answers as our structs.
 * Must never trust a type, a length or a URL it reads.
 * Called by twilio/client.c and by work/flight.c.
 */
#include <stdlib.h>
#include <string.h>

#include <apr_lib.h>

#include "twilio/read.h"
#include "util/clock.h"
#include "util/phone.h"
#include "util/text.h"

static apr_status_t release(void *object)
{
    json_decref(object);
    return APR_SUCCESS;
}

static json_t *load(const char *data, apr_size_t len)
{
    return data ? json_loadb(data, len, JSON_ALLOW_NUL, NULL) : NULL;
}

json_t *twc_read_object(apr_pool_t *pool, const char *data, apr_size_t len)
{
    json_t *object = load(data, len);

    if (!object)
        return NULL;
    apr_pool_cleanup_register(pool, object, release, apr_pool_cleanup_null);
    return json_is_object(object) ? object : NULL;
}

const char *twc_read_text(apr_pool_t *pool, const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);

    if (json_is_string(v) && json_string_length(v) > 0)
        return apr_pstrdup(pool, twc_text_clean(pool, json_string_value(v), json_string_length(v)));
    if (json_is_integer(v))
        return apr_psprintf(pool, "%" APR_INT64_T_FMT, (apr_int64_t)json_integer_value(v));
    return NULL;
}

int twc_read_int(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);

    if (json_is_integer(v))
        return json_integer_value(v) > 0 && json_integer_value(v) < 1000000000 ? (int)json_integer_value(v) : 0;
    if (json_is_string(v) && json_string_length(v) < 10)
        return atoi(json_string_value(v)) > 0 ? atoi(json_string_value(v)) : 0;
    return 0;
}

static apr_time_t read_time(const json_t *object, const char *key)
{
    const json_t *v = json_object_get(object, key);
    apr_time_t t;

    return json_is_string(v) && twc_clock_parse_rfc2822(json_string_value(v), &t) == APR_SUCCESS ? t : 0;
}

static const char *read_address(apr_pool_t *pool, const json_t *object, const char *key)
{
    const char *text = twc_read_text(pool, object, key);

    return text ? twc_phone_received(pool, text) : NULL;
}

void twc_read_message(apr_pool_t *pool, const json_t *o, twc_remote_msg_t *msg)
{
    const char *body = twc_read_text(pool, o, "body");

    *msg = (twc_remote_msg_t){
        .sid = twc_read_text(pool, o, "sid"), .status = twc_read_text(pool, o, "status"),
        .direction = twc_read_text(pool, o, "direction"), .from = read_address(pool, o, "from"),
        .to = read_address(pool, o, "to"), .body = body ? body : "",
        .num_media = twc_read_text(pool, o, "num_media"), .num_segments = twc_read_text(pool, o, "num_segments"),
        .error_code = twc_read_int(o, "error_code"), .error_message = twc_read_text(pool, o, "error_message"),
        .service_sid = twc_read_text(pool, o, "messaging_service_sid"),
        .price = twc_read_text(pool, o, "price"), .price_unit = twc_read_text(pool, o, "price_unit"),
        .date_created = read_time(o, "date_created"), .date_updated = read_time(o, "date_updated"),
        .date_sent = read_time(o, "date_sent") };
    msg->has_error = msg->error_code != 0;
}

/* ---- creates ----------------------------------------------------------------------- */

/* 34 characters, letters and digits: opaque otherwise. */
static bool is_sid(const char *s)
{
    int n = 0;

    while (s && apr_isalnum(s[n]))
        n++;
    return n == 34 && s[n] == '\0';
}

static void read_created(apr_pool_t *pool, const json_t *o, twc_outcome_t *out)
{
    out->sid = twc_read_text(pool, o, "sid");
    if (!is_sid(out->sid)) {
        out->sid = NULL;
        return;
    }
    out->status = twc_read_text(pool, o, "status");
    out->from = read_address(pool, o, "from");
    out->num_segments = twc_read_int(o, "num_segments");
    out->code = twc_read_int(o, "error_code");
    out->message = twc_read_text(pool, o, "error_message");
}

/* The object goes at once and not with the pool, which another thread clears: memory that comes and goes on one thread costs malloc
 * a fraction. */
void twc_client_read_create(apr_pool_t *pool, int http_status, const char *data, apr_size_t len,
                            twc_outcome_t *out)
{
    json_t *o = load(data, len);

    out->http_status = http_status;
    if (json_is_object(o) && http_status >= 200 && http_status < 300)
        read_created(pool, o, out);
    else if (json_is_object(o)) {
        out->code = twc_read_int(o, "code");
        out->message = twc_read_text(pool, o, "message");
    }
    json_decref(o);
}

/* ---- lists ---------------------------------------------------------------------------- */

const char *twc_read_next(apr_pool_t *pool, const twc_conf_t *conf, const json_t *list)
{
    const char *next = twc_read_text(pool, list, "next_page_uri");

    /* Relative, always: anything else would take our credentials elsewhere. */
    if (!next || next[0] != '/' || next[1] == '/')
        return NULL;
    return apr_pstrcat(pool, conf->api_base, next, NULL);
}

apr_status_t twc_client_read_list(apr_pool_t *pool, const twc_conf_t *conf, const char *data, apr_size_t len,
                                  apr_array_header_t *msgs, const char **next)
{
    const json_t *list = twc_read_object(pool, data, len), *items = json_object_get(list, "messages"), *item;
    size_t i;

    *next = NULL;
    if (!json_is_array(items))
        return APR_EGENERAL;
    json_array_foreach(items, i, item) {
        twc_remote_msg_t *msg = apr_palloc(pool, sizeof(*msg));

        twc_read_message(pool, item, msg);
        if (msg->sid)
            APR_ARRAY_PUSH(msgs, const twc_remote_msg_t *) = msg;
    }
    *next = twc_read_next(pool, conf, list);
    return APR_SUCCESS;
}
