/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * secret.c - reading what secret references point to.
 * Must never run in a child, nor put a secret into a log or an error text.
 * Called by glue/config.c while the configuration is read and finished.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include <apr_file_info.h>
#include <apr_file_io.h>
#include <apr_strings.h>

#include "glue/secret.h"

#define SECRET_MAX 4096

static const char *after(const char *text, const char *prefix)
{
    size_t len = strlen(prefix);

    return strncmp(text, prefix, len) == 0 ? text + len : NULL;
}

int twc_secret_is_inline(const char *text)
{
    return !after(text, "file:") && !after(text, "env:") && !after(text, "exec:");
}

const char *twc_secret_check(apr_pool_t *pool, const char *text)
{
    const char *path = after(text, "file:");
    const char *name = after(text, "env:");

    if (!*text)
        return "a secret must not be empty";
    if (!path)
        path = after(text, "exec:");
    if (path && *path != '/')
        return apr_psprintf(pool, "'%s' needs an absolute path", text);
    if (name && !*name)
        return "'env:' needs the name of an environment variable";
    return NULL;
}

/* The first line is the secret; what follows is nobody's business. */
static const char *first_line(apr_pool_t *pool, const char *data, apr_size_t len)
{
    apr_size_t end = 0;

    while (end < len && data[end] != '\n' && data[end] != '\r')
        end++;
    return end ? apr_pstrmemdup(pool, data, end) : NULL;
}

static const char *failed(apr_pool_t *pool, const char *what, const char *path, apr_status_t rv)
{
    char words[120];

    return apr_psprintf(pool, "%s %s: %s", what, path, apr_strerror(rv, words, sizeof(words)));
}

static const char *read_file(apr_pool_t *pool, apr_pool_t *scratch, const char *path, const char **value,
                             const char **warning)
{
    char data[SECRET_MAX];
    apr_size_t len = sizeof(data);
    apr_finfo_t info;
    apr_file_t *file;
    apr_status_t rv = apr_file_open(&file, path, APR_FOPEN_READ | APR_FOPEN_BINARY, APR_OS_DEFAULT, scratch);

    if (rv != APR_SUCCESS)
        return failed(pool, "cannot open", path, rv);
    if (apr_file_info_get(&info, APR_FINFO_PROT, file) == APR_SUCCESS
        && (info.protection & (APR_FPROT_GREAD | APR_FPROT_GWRITE | APR_FPROT_WREAD | APR_FPROT_WWRITE)))
        *warning = apr_psprintf(pool, "%s can be read by others: chmod 600 it", path);
    rv = apr_file_read_full(file, data, sizeof(data), &len);
    apr_file_close(file);
    if (rv != APR_SUCCESS && rv != APR_EOF)
        return failed(pool, "cannot read", path, rv);
    *value = first_line(pool, data, len);
    return *value ? NULL : apr_psprintf(pool, "the first line of %s is empty", path);
}

static const char *run(apr_pool_t *pool, apr_pool_t *scratch, const char *command, const char **value)
{
    char **argv;
    char *line;

    if (apr_tokenize_to_argv(command, &argv, scratch) != APR_SUCCESS || !argv[0])
        return apr_psprintf(pool, "cannot understand the command '%s'", command);
    line = ap_get_exec_line(scratch, argv[0], (const char *const *)argv);
    if (!line)
        return apr_psprintf(pool, "%s gave no answer", argv[0]);
    *value = first_line(pool, line, strlen(line));
    return *value ? NULL : apr_psprintf(pool, "the first line %s printed is empty", argv[0]);
}

static const char *find_variable(apr_pool_t *pool, const char *name, const char **value)
{
    const char *found = getenv(name);

    *value = found && *found ? apr_pstrdup(pool, found) : NULL;
    return *value ? NULL : apr_psprintf(pool, "the environment has no %s", name);
}

const char *twc_secret_read(apr_pool_t *pool, apr_pool_t *scratch, const char *text, const char **value,
                            const char **warning)
{
    const char *what;

    *warning = NULL;
    if ((what = after(text, "file:")))
        return read_file(pool, scratch, what, value, warning);
    if ((what = after(text, "exec:")))
        return run(pool, scratch, what, value);
    if ((what = after(text, "env:")))
        return find_variable(pool, what, value);
    *value = text;
    *warning = "a secret stands in the configuration itself, where server-info shows it: "
               "write file:, env: or exec: and where it is";
    return NULL;
}

static const char *probe_access(apr_pool_t *pool, const char *path, int mode, bool *denied)
{
    if (access(path, mode) == 0)
        return NULL;
    *denied = errno == EACCES;
    return failed(pool, mode == X_OK ? "cannot run" : "cannot open", path, errno);
}

static const char *probe_program(apr_pool_t *pool, const char *command, bool *denied)
{
    char **argv;

    if (apr_tokenize_to_argv(command, &argv, pool) != APR_SUCCESS || !argv[0])
        return apr_psprintf(pool, "cannot understand the command '%s'", command);
    return probe_access(pool, argv[0], X_OK, denied);
}

const char *twc_secret_probe(apr_pool_t *pool, const char *text, bool *denied)
{
    const char *what, *wrong, *value, *warning;

    *denied = false;
    if ((what = after(text, "exec:")))
        return probe_program(pool, what, denied);
    if ((what = after(text, "file:")) && (wrong = probe_access(pool, what, R_OK, denied)))
        return wrong;
    return twc_secret_read(pool, pool, text, &value, &warning);
}
