/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * load.c - a client that sends signed webhooks, or asks for pages, as fast as a server takes them,
 * over kept-alive connections, and reports rate, latency and status codes as one JSON line.
 * Must never be pointed anywhere but at loopback, nor go on for ever: it refuses both.
 * Run by ./bench; see --help.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>
#include <unistd.h>

#include <apr_general.h>

#include "tests/bench/webhook.h"

#define CONNECTIONS_MAX 1024
#define SECONDS_MAX 120
#define PATHS_MAX 20000
#define ANSWER_MAX (512 * 1024)
#define PATIENCE 10                     /* seconds an answer may take after the end */

typedef struct options_t {
    const char *token, *account;
    const char *from;                   /* one hot peer, NULL: a random one each */
    const char *header;                 /* one more, with its end of line, or "" */
    int connections;
    double seconds;
    bool forge;                         /* wrong signatures */
    bool get;                           /* GETs instead, of the URL or of the paths in a file */
} options_t;

typedef struct conn_t {
    int fd;
    bool idle;                          /* its last answer has come */
    bool kept;                          /* an answer has come on this connection */
    char out[BENCH_REQUEST_MAX], *in;
    size_t out_len, out_pos, in_len;
    double started;
} conn_t;

static options_t opt = { .connections = 32, .seconds = 5, .token = "12345", .account = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", .header = "" };
static bench_target_t target;
static char *paths[PATHS_MAX];
static int path_count, busy;
static long resent;
static double *latency;
static size_t latency_count, latency_max;
static long codes[600];
static unsigned long long bytes, seed;

static unsigned long long next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

/* ---- requests --------------------------------------------------------------------- */

static void compose_get(conn_t *c)
{
    const char *path = path_count ? paths[next_random() % (unsigned)path_count] : target.path;

    c->out_len = (size_t)snprintf(c->out, sizeof(c->out), "GET %s HTTP/1.1\r\nHost: %s:%d\r\n%s\r\n", path, target.host,
                                  target.port, opt.header);
}

static void compose_webhook(conn_t *c, apr_pool_t *pool)
{
    char sid[BENCH_SID_LEN + 1], peer[32], body[64];
    unsigned long long r = next_random();

    snprintf(sid, sizeof(sid), "SM%016llx%016llx", r, next_random());
    snprintf(peer, sizeof(peer), "%%2B1415%07llu", r % 10000000);
    snprintf(body, sizeof(body), "Is+it+open+today+%llu", r % 1000);
    c->out_len = bench_webhook_compose(&(bench_webhook_t){ .target = &target, .token = opt.forge ? "forged" : opt.token,
                                       .account = opt.account, .from = opt.from ? opt.from : peer, .sid = sid, .body = body },
                                       c->out, pool);
    apr_pool_clear(pool);
}

static void push(conn_t *c)
{
    while (c->out_pos < c->out_len) {
        ssize_t n = write(c->fd, c->out + c->out_pos, c->out_len - c->out_pos);
        if (n <= 0)
            return;                     /* no request is larger than an empty socket's buffer */
        c->out_pos += (size_t)n;
    }
}

static void send_from_start(conn_t *c)
{
    c->out_pos = 0;
    push(c);
}

static void begin(conn_t *c, apr_pool_t *pool)
{
    if (opt.get)
        compose_get(c);
    else
        compose_webhook(c, pool);
    c->in_len = 0;
    c->started = bench_now();
    send_from_start(c);
}

/* ---- answers ---------------------------------------------------------------------------- */

/* A whole answer in the buffer? Its code, or 0. Answers here always say their length. */
static int answered(conn_t *c)
{
    char *end, *length;
    size_t need;

    c->in[c->in_len] = '\0';
    end = strstr(c->in, "\r\n\r\n");
    if (!end)
        return 0;
    length = strcasestr(c->in, "\r\nContent-Length:");
    need = (size_t)(end + 4 - c->in) + (length && length < end ? strtoul(length + 17, NULL, 10) : 0);
    if (need > ANSWER_MAX) {
        errno = EMSGSIZE;
        bench_die("answer");
    }
    return c->in_len >= need ? atoi(c->in + 9) : 0;
}

static void record(conn_t *c, int code)
{
    if (code > 0 && code < 600)
        codes[code]++;
    bytes += c->in_len;
    if (latency_count == latency_max) {
        latency_max = latency_max ? latency_max * 2 : 1 << 16;
        latency = realloc(latency, latency_max * sizeof(*latency));
        if (!latency)
            bench_die("memory");
    }
    latency[latency_count++] = bench_now() - c->started;
}

static void open_connection(int epoll, conn_t *c)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

    c->fd = bench_connect(&target);
    c->kept = false;
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &ev) != 0)
        bench_die("epoll");
}

static void reopen(int epoll, conn_t *c)
{
    close(c->fd);
    open_connection(epoll, c);
}

static void next(int epoll, conn_t *c, apr_pool_t *pool, bool close_first, bool go_on)
{
    if (!go_on) {
        epoll_ctl(epoll, EPOLL_CTL_DEL, c->fd, NULL);
        c->idle = true;
        busy--;
        return;
    }
    if (close_first)
        reopen(epoll, c);
    begin(c, pool);
}

/* A server may close a kept connection at any time, also while the next request is on its way (RFC 9112, 9.3.1): that one is
 * sent again, on a new connection, with the time of its first sending. On a new one the silence is an answer that is missing. */
static void closed(int epoll, conn_t *c, apr_pool_t *pool, bool go_on)
{
    if (c->kept && c->in_len == 0) {
        resent++;
        reopen(epoll, c);
        send_from_start(c);
        return;
    }
    codes[0]++;
    next(epoll, c, pool, true, go_on);
}

static void pull(int epoll, conn_t *c, apr_pool_t *pool, bool go_on)
{
    ssize_t n = read(c->fd, c->in + c->in_len, ANSWER_MAX - c->in_len);
    int code;

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        closed(epoll, c, pool, go_on);
        return;
    }
    c->kept = true;
    c->in_len += (size_t)n;
    code = answered(c);
    if (!code)
        return;
    record(c, code);
    next(epoll, c, pool, strcasestr(c->in, "\r\nConnection: close") != NULL, go_on);
}

/* Everything asked is waited for, so that what was answered and what is stored can be compared. */
static double run(apr_pool_t *pool)
{
    static conn_t conns[CONNECTIONS_MAX];
    struct epoll_event events[256];
    int epoll = epoll_create1(0);
    double start, end;

    for (int i = 0; i < opt.connections; i++) {
        conns[i].in = malloc(ANSWER_MAX + 1);
        if (!conns[i].in)
            bench_die("memory");
        open_connection(epoll, &conns[i]);
    }
    start = bench_now();
    end = start + opt.seconds;
    busy = opt.connections;
    for (int i = 0; i < opt.connections; i++)
        begin(&conns[i], pool);
    while (busy > 0 && bench_now() < end + PATIENCE) {
        int n = epoll_wait(epoll, events, 256, 100);
        for (int i = 0; i < n; i++)
            pull(epoll, events[i].data.ptr, pool, bench_now() < end);
    }
    codes[0] += busy;                   /* never answered */
    return bench_now() - start;
}

/* ---- the report ------------------------------------------------------------------------ */

static void report(double took)
{
    const char *comma = "";
    double p50 = bench_percentile(latency, latency_count, 0.50), p99 = bench_percentile(latency, latency_count, 0.99);

    printf("{\"requests\":%zu,\"seconds\":%.3f,\"rate\":%.1f,\"p50_ms\":%.3f,\"p99_ms\":%.3f,\"bytes\":%llu,\"resent\":%ld,\"codes\":{",
           latency_count, took, (double)latency_count / took, p50, p99, bytes, resent);
    for (int i = 0; i < 600; i++)
        if (codes[i]) {
            printf("%s\"%d\":%ld", comma, i, codes[i]);
            comma = ",";
        }
    printf("}}\n");
}

static const char usage[] =
    "Usage: load [options] http://127.0.0.1:PORT/PATH\n"
    "Sends signed inbound-message webhooks and prints one JSON line. The code 0 stands for\n"
    "connections that were closed instead of an answer, or got none; resent are requests that\n"
    "met a kept connection being closed and were sent again on another.\n"
    "  -c N      connections (32)\n"
    "  -s SEC    seconds (5, at most 120)\n"
    "  -t TOKEN  auth token to sign with\n"
    "  -a SID    AccountSid to send\n"
    "  -f FROM   one sender for all, percent-encoded (default: random ones)\n"
    "  -x        forge: sign with a wrong token\n"
    "  -g        GET the URL instead\n"
    "  -p FILE   GET paths drawn from FILE, one a line, instead\n"
    "  -H LINE   a further header of GETs\n";

/* As many paths as there is room for. */
static void read_paths(const char *name)
{
    FILE *in = fopen(name, "r");
    size_t size = 0;
    ssize_t len;

    if (!in)
        bench_die(name);
    while (path_count < PATHS_MAX && (len = getline(&paths[path_count], &size, in)) > 1) {
        paths[path_count++][len - 1] = '\0';
        size = 0;
    }
    fclose(in);
    opt.get = true;
}

static int misused(int status)
{
    fputs(usage, status ? stderr : stdout);
    return status;
}

int main(int argc, char **argv)
{
    apr_pool_t *pool;
    char header[1024];
    int c;

    while ((c = getopt(argc, argv, "c:s:t:a:f:xgp:H:h")) != -1) {
        switch (c) {
        case 'c': opt.connections = atoi(optarg); break;
        case 's': opt.seconds = atof(optarg); break;
        case 't': opt.token = optarg; break;
        case 'a': opt.account = optarg; break;
        case 'f': opt.from = optarg; break;
        case 'x': opt.forge = true; break;
        case 'g': opt.get = true; break;
        case 'p': read_paths(optarg); break;
        case 'H': snprintf(header, sizeof(header), "%s\r\n", optarg); opt.header = header; break;
        default: return misused(c == 'h' ? 0 : 2);
        }
    }
    if (optind != argc - 1 || opt.connections < 1 || opt.connections > CONNECTIONS_MAX || opt.seconds > SECONDS_MAX
        || !bench_target_parse(&target, argv[optind]))
        return misused(2);
    seed = (unsigned long long)time(NULL) * 2654435761u ^ (unsigned long long)getpid() << 32 ^ 88172645463325252ull;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    report(run(pool));
    apr_terminate();
    return 0;
}
