/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * twiml.c - TwiML in, verbs out. The parser is APR-util's, which refuses entity
 * declarations, so a small answer cannot become a large one.
 * Must never act on a verb.
 * Called by answer.c; a unit test feeds it bad answers.
 */
#include <string.h>

#include <apr_xml.h>

#include "twiml.h"
#include "util/text.h"

#define MESSAGES_MAX 10

static void gather(apr_pool_t *pool, const apr_text *text, const char **into)
{
    for (; text; text = text->next)
        *into = apr_pstrcat(pool, *into, text->text, NULL);
}

/* The character data of an element itself, around its children. */
static const char *own_text(apr_pool_t *pool, const apr_xml_elem *elem)
{
    const char *all = "";

    gather(pool, elem->first_cdata.first, &all);
    for (const apr_xml_elem *child = elem->first_child; child; child = child->next)
        gather(pool, child->following_cdata.first, &all);
    return all;
}

static const char *attribute(const apr_xml_elem *elem, const char *name)
{
    for (const apr_xml_attr *attr = elem->attr; attr; attr = attr->next)
        if (!strcmp(attr->name, name))
            return attr->value;
    return NULL;
}

static void read_common(apr_pool_t *pool, const apr_xml_elem *elem, sb_verb_t *verb)
{
    const char *method = attribute(elem, "method");

    verb->method = method && !strcasecmp(method, "GET") ? "GET" : "POST";
    verb->text = twc_text_trim(pool, own_text(pool, elem));
    verb->media = apr_array_make(pool, 2, sizeof(const char *));
}

static int read_message(apr_pool_t *pool, const apr_xml_elem *elem, sb_verb_t *verb, const char **note)
{
    const char *body = NULL;

    read_common(pool, elem, verb);
    verb->type = SB_VERB_MESSAGE;
    verb->to = attribute(elem, "to");
    verb->from = attribute(elem, "from");
    verb->callback = attribute(elem, "statusCallback");
    if (!verb->callback)
        verb->callback = attribute(elem, "action");
    for (const apr_xml_elem *child = elem->first_child; child; child = child->next) {
        const char *text = twc_text_trim(pool, own_text(pool, child));
        if (!strcmp(child->name, "Body"))
            body = apr_pstrcat(pool, body ? body : "", text, NULL);
        else if (!strcmp(child->name, "Media"))
            APR_ARRAY_PUSH(verb->media, const char *) = text;
        else {
            *note = apr_psprintf(pool, "<%s> is not allowed in <%s>", child->name, elem->name);
            return 12200;
        }
    }
    if (body)
        verb->text = body;
    return 0;
}

static int read_verb(apr_pool_t *pool, const apr_xml_elem *elem, apr_array_header_t *verbs, const char **note)
{
    sb_verb_t verb = { .type = SB_VERB_REDIRECT };
    int error = 0;

    if (!strcmp(elem->name, "Message") || !strcmp(elem->name, "Sms"))
        error = read_message(pool, elem, &verb, note);
    else if (!strcmp(elem->name, "Redirect"))
        read_common(pool, elem, &verb);
    else {
        *note = apr_psprintf(pool, "<%s> is not allowed in the answer to a message", elem->name);
        return 14110;
    }
    if (!error)
        APR_ARRAY_PUSH(verbs, sb_verb_t) = verb;
    return error;
}

static int read_response(apr_pool_t *pool, const apr_xml_elem *root, apr_array_header_t *verbs, const char **note)
{
    int error;

    if (strcmp(root->name, "Response")) {
        *note = apr_psprintf(pool, "the root is <%s>, not <Response>", root->name);
        return 12102;
    }
    for (const apr_xml_elem *elem = root->first_child; elem; elem = elem->next) {
        if (verbs->nelts == MESSAGES_MAX && strcmp(elem->name, "Redirect")) {
            *note = "more than 10 messages in one answer";
            return 14109;
        }
        if ((error = read_verb(pool, elem, verbs, note)))
            return error;
        if (APR_ARRAY_IDX(verbs, verbs->nelts - 1, sb_verb_t).type == SB_VERB_REDIRECT)
            break;
    }
    return 0;
}

int sb_twiml_parse(apr_pool_t *pool, const char *data, apr_size_t len, apr_array_header_t **verbs,
                   const char **note)
{
    apr_xml_parser *parser = apr_xml_parser_create(pool);
    apr_xml_doc *doc;
    char error[200];

    *verbs = apr_array_make(pool, 2, sizeof(sb_verb_t));
    if (apr_xml_parser_feed(parser, data, len) != APR_SUCCESS || apr_xml_parser_done(parser, &doc) != APR_SUCCESS) {
        *note = apr_pstrdup(pool, apr_xml_parser_geterror(parser, error, sizeof(error)));
        return 12100;
    }
    return read_response(pool, doc->root, *verbs, note);
}
