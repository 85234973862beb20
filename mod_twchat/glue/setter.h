/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * setter.h - how a line of the configuration becomes a value: the kinds of directives there are.
 */
#ifndef TWC_GLUE_SETTER_H
#define TWC_GLUE_SETTER_H

#include <httpd.h>
#include <http_config.h>

typedef struct twc_directive_t twc_directive_t;
typedef const char *(*twc_setter_fn)(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv);
typedef const char *(*twc_check_fn)(apr_pool_t *pool, const char *word);

/** What the table says of a directive beside its name, scope and help, which command_rec holds. */
struct twc_directive_t {
    bool in_dir;                        /* lives in twc_dir_conf_t, else in twc_settings_t */
    twc_setter_fn set;
    apr_size_t offset;
    apr_size_t offset2;                 /* of a second value, 0: none */
    const char *def;                    /* as it would be written; NULL: none */
    apr_int64_t lo, hi;                 /* range of numbers */
    const char *words;                  /* "off|echo|keywords" */
    apr_int64_t risk;                   /* the word of twc_set_risky, counted from 0, that is warned about */
    const char *warning;                /* and why */
    twc_check_fn check;                     /* of each text */
};

/** Where a value of a configuration lies. */
const char **twc_value_text(void *base, apr_size_t offset);
apr_array_header_t **twc_value_list(void *base, apr_size_t offset);
apr_int64_t *twc_value_number(void *base, apr_size_t offset);

/* Each reads the words of one line into base, as the row of the table says. @return NULL, or what is wrong */
const char *twc_set_address(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv);
const char *twc_set_answers(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv);
const char *twc_set_api_key(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv);
const char *twc_set_api_rate(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv);
const char *twc_set_confirm(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv);
const char *twc_set_int(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv);
const char *twc_set_list(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv);
const char *twc_set_lives(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv);
const char *twc_set_mount(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv);
const char *twc_set_origins(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv);
const char *twc_set_path(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv);
const char *twc_set_rates(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv);
const char *twc_set_registration(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv);
const char *twc_set_risky(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv);
const char *twc_set_size(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv);
const char *twc_set_spool(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv);
const char *twc_set_text(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv);
const char *twc_set_time(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv);
/** A time whose place is remembered, for what check_config has to say about two of them. */
const char *twc_set_send_time(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv);
const char *twc_set_trust(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv);
const char *twc_set_two(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv);
const char *twc_set_url(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv);
const char *twc_set_word(cmd_parms *cmd, const twc_directive_t *d, void *base, int argc, const char **argv);

#endif
