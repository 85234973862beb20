/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * fields.h - reading what a request says, all of it, and saying everything that is wrong with it at once: for the interfaces
 * that answer 422 with a list (ai-messaging, appointment-bot), whose words these are.
 */
#ifndef TWC_GLUE_FIELDS_H
#define TWC_GLUE_FIELDS_H

#include "glue/request.h"

typedef enum {
    TWC_FIELD_TEXT,                     /* const char ** */
    TWC_FIELD_INT,                      /* apr_int64_t * */
    TWC_FIELD_BOOL                      /* int *: 0, 1; left alone when absent */
} twc_field_e;

/** A field of the JSON body. Null counts as absent; absent leaves NULL, 0 or what was there. */
typedef struct twc_field_t {
    const char *name;
    twc_field_e type;
    void *value;
    bool required;
} twc_field_t;

/** Read them; the table ends with a row without name. @return APR_EINVAL: the answer is in q->invalid */
apr_status_t twc_fields_read(twc_req_t *q, const twc_field_t *fields);

/** An id in the path. APR_EINVAL when it is no whole number; one that nobody can have is 0. */
apr_status_t twc_fields_id(twc_req_t *q, const char *name, apr_int64_t *id);

/** A whole number in the query: def when absent, clamped to lo..hi; APR_EINVAL when it is something else. */
apr_status_t twc_fields_query(twc_req_t *q, const char *name, int def, int lo, int hi, int *value);

/**
 * Add one more thing that is wrong.
 * @param where  "body", "query" or "path"; name may be NULL
 * @return APR_EINVAL
 */
apr_status_t twc_fields_wrong(twc_req_t *q, const char *where, const char *name, const char *type, const char *message);

#endif
