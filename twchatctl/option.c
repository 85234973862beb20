/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * option.c - options of the commands, from a table.
 * Must never guess: an option that nobody knows ends the command.
 * Called by all commands.
 */
#include <errno.h>
#include <string.h>

#include "ctl.h"

static const ctl_option_t *find(const ctl_option_t *options, const char *word, apr_size_t len)
{
    for (; options->name; options++)
        if (strncmp(options->name, word, len) == 0 && options->name[len] == '\0')
            return options;
    return NULL;
}

static void take(const ctl_option_t *option, const char *value)
{
    if (option->list)
        APR_ARRAY_PUSH(option->list, const char *) = value;
    else if (option->value)
        *option->text = value;
    else
        *option->flag = true;
}

int ctl_options(const ctl_t *ctl, int argc, const char *const *argv, const ctl_option_t *options,
                apr_array_header_t **words)
{
    *words = apr_array_make(ctl->pool, 4, sizeof(const char *));
    for (int i = 1; i < argc; i++) {
        const char *word = argv[i];
        const char *equals = strchr(word, '=');
        const ctl_option_t *option;

        if (strcmp(word, "--") == 0) {
            while (++i < argc)
                APR_ARRAY_PUSH(*words, const char *) = argv[i];
            break;
        }
        if (strncmp(word, "--", 2) != 0) {
            APR_ARRAY_PUSH(*words, const char *) = word;
            continue;
        }
        option = find(options, word + 2, equals ? (apr_size_t)(equals - word) - 2 : strlen(word + 2));
        if (!option)
            return ctl_usage(ctl, "there is no option %s", word);
        if (!option->value && equals)
            return ctl_usage(ctl, "option --%s takes no value", option->name);
        if (option->value && !equals && i + 1 == argc)
            return ctl_usage(ctl, "option --%s wants a value", option->name);
        take(option, !option->value ? NULL : equals ? equals + 1 : argv[++i]);
    }
    return CTL_OK;
}

int ctl_number(const ctl_t *ctl, const char *name, const char *text, apr_int64_t lo, apr_int64_t hi, apr_int64_t *number)
{
    char *end;

    errno = 0;
    *number = apr_strtoi64(text, &end, 10);
    if (!*text || *end || errno || *number < lo || *number > hi)
        return ctl_usage(ctl, "%s wants a number from %" APR_INT64_T_FMT " to %" APR_INT64_T_FMT ", not \"%s\"",
                         name, lo, hi, text);
    return CTL_OK;
}
