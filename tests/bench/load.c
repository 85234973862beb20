/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * load.c - a client that sends signed webhooks as fast as a server takes them, over
 * kept-alive connections, and reports rate, latency and status codes as one JSON line.
 * Must never be pointed anywhere but at loopback: it refuses other hosts.
 * Run by ./bench; see --help.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <apr_general.h>

#include "twilio/signature.h"

#define REQUEST_MAX 4096
#define CONNECTIONS_MAX 1024

typedef struct options_t {
    const char *url;                    /* http://127.0.0.1:PORT/path, as signed */
    const char *token, *account;
    const char *from;                   /* one hot peer, NULL: a random one each */
    int connections;
    double seconds;
    bool forge;                         /* wrong signatures */
    bool get;                           /* plain GETs of the URL: the yardstick */
} options_t;

typedef struct conn_t {
    int fd;
    char out[REQUEST_MAX], in[8192];
    size_t out_len, out_pos, in_len;
    double started;
} conn_t;

static options_t opt = { .connections = 32, .seconds = 5, .token = "12345", .account = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa" };
static char host[64], path[512];
static int port;
static double *latency;
static size_t latency_count, latency_max;
static long codes[600];
static unsigned long long seed;

static double now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec + t.tv_nsec / 1e9;
}

static unsigned long long next_random(void)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return seed;
}

static void die(const char *what)
{
    fprintf(stderr, "load: %s: %s\n", what, strerror(errno));
    exit(1);
}

/* ---- requests --------------------------------------------------------------------- */

/* What Twilio sends for a text: nineteen parameters. */
static void compose(conn_t *c, apr_pool_t *pool)
{
    char body[2048], sig[TWC_SIGNATURE_LEN + 1], peer[32];
    unsigned long long r = next_random();
    const twc_form_t *form;
    int len;

    if (opt.get) {
        c->out_len = (size_t)snprintf(c->out, sizeof(c->out), "GET %s HTTP/1.1\r\nHost: %s:%d\r\n\r\n", path, host, port);
        return;
    }
    snprintf(peer, sizeof(peer), "%%2B1415%07llu", r % 10000000);
    len = snprintf(body, sizeof(body),
                   "ToCountry=US&ToState=CA&SmsMessageSid=SM%016llx%016llx&NumMedia=0&ToCity=SAN+FRANCISCO&FromZip=94107"
                   "&SmsSid=SM%016llx%016llx&FromState=CA&SmsStatus=received&FromCity=SAN+FRANCISCO&Body=Is+it+open+today+%llu"
                   "&FromCountry=US&To=%%2B15005550006&ToZip=94105&NumSegments=1&MessageSid=SM%016llx%016llx"
                   "&AccountSid=%s&From=%s&ApiVersion=2010-04-01",
                   r, seed, r, seed, r % 1000, r, seed, opt.account, opt.from ? opt.from : peer);
    twc_form_parse(pool, body, (apr_size_t)len, &form);
    twc_signature_make(pool, opt.forge ? "forged" : opt.token, opt.url, form, sig);
    apr_pool_clear(pool);
    c->out_len = (size_t)snprintf(c->out, sizeof(c->out),
                                  "POST %s HTTP/1.1\r\nHost: %s:%d\r\nX-Twilio-Signature: %s\r\n"
                                  "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
                                  path, host, port, sig, len, body);
}

static void begin(conn_t *c, apr_pool_t *pool)
{
    compose(c, pool);
    c->out_pos = 0;
    c->in_len = 0;
    c->started = now();
}

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
    return c->in_len >= need ? atoi(c->in + 9) : 0;
}

static void record(conn_t *c, int code)
{
    if (code > 0 && code < 600)
        codes[code]++;
    if (latency_count == latency_max) {
        latency_max = latency_max ? latency_max * 2 : 1 << 16;
        latency = realloc(latency, latency_max * sizeof(*latency));
    }
    latency[latency_count++] = now() - c->started;
}

/* ---- connections -------------------------------------------------------------------- */

static void connect_to(conn_t *c)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)port) };
    int one = 1;

    inet_pton(AF_INET, host, &to.sin_addr);
    c->fd = socket(AF_INET, SOCK_STREAM, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    fcntl(c->fd, F_SETFL, O_NONBLOCK);
}

static void push(conn_t *c)
{
    while (c->out_pos < c->out_len) {
        ssize_t n = write(c->fd, c->out + c->out_pos, c->out_len - c->out_pos);
        if (n <= 0)
            return;
        c->out_pos += (size_t)n;
    }
}

static void watch(int epoll, conn_t *c)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = c };

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &ev) != 0)
        die("epoll");
}

static void reconnect(int epoll, conn_t *c, apr_pool_t *pool)
{
    close(c->fd);
    connect_to(c);
    watch(epoll, c);
    begin(c, pool);
    push(c);
}

static void pull(int epoll, conn_t *c, apr_pool_t *pool, bool go_on)
{
    ssize_t n = read(c->fd, c->in + c->in_len, sizeof(c->in) - 1 - c->in_len);
    int code;

    if (n <= 0) {
        if (n < 0 && errno == EAGAIN)
            return;
        codes[0]++;                     /* closed without an answer */
        if (go_on)
            reconnect(epoll, c, pool);
        return;
    }
    c->in_len += (size_t)n;
    code = answered(c);
    if (!code)
        return;
    record(c, code);
    if (!go_on)
        return;
    if (strcasestr(c->in, "\r\nConnection: close"))
        reconnect(epoll, c, pool);
    else {
        begin(c, pool);
        push(c);
    }
}

static double run(apr_pool_t *pool)
{
    static conn_t conns[CONNECTIONS_MAX];
    struct epoll_event events[256];
    int epoll = epoll_create1(0);
    double start, end;

    for (int i = 0; i < opt.connections; i++) {
        connect_to(&conns[i]);
        watch(epoll, &conns[i]);
    }
    start = now();
    end = start + opt.seconds;
    for (int i = 0; i < opt.connections; i++) {
        begin(&conns[i], pool);
        push(&conns[i]);
    }
    while (now() < end) {
        int n = epoll_wait(epoll, events, 256, 100);
        for (int i = 0; i < n; i++)
            pull(epoll, events[i].data.ptr, pool, now() < end);
    }
    return now() - start;
}

/* ---- the report ------------------------------------------------------------------------ */

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

static double percentile(double p)
{
    return latency_count ? latency[(size_t)(p * (double)(latency_count - 1))] * 1000 : 0;
}

static void report(double took)
{
    const char *comma = "";

    qsort(latency, latency_count, sizeof(*latency), ascending);
    printf("{\"requests\":%zu,\"seconds\":%.3f,\"rate\":%.0f,\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"codes\":{",
           latency_count, took, (double)latency_count / took, percentile(0.50), percentile(0.99));
    for (int i = 0; i < 600; i++)
        if (codes[i]) {
            printf("%s\"%d\":%ld", comma, i, codes[i]);
            comma = ",";
        }
    printf("}}\n");
}

static const char usage[] =
    "Usage: load [options] http://127.0.0.1:PORT/PATH\n"
    "Sends signed inbound-message webhooks and prints one JSON line.\n"
    "  -c N      connections (32)\n"
    "  -s SEC    seconds (5, at most 120)\n"
    "  -t TOKEN  auth token to sign with\n"
    "  -a SID    AccountSid to send\n"
    "  -f FROM   one sender for all, percent-encoded (default: random ones)\n"
    "  -x        forge: sign with a wrong token\n"
    "  -g        plain GET requests instead\n";

static void parse_url(const char *url)
{
    path[0] = '\0';
    if (sscanf(url, "http://%63[0-9.]:%d%511s", host, &port, path) < 2 || strncmp(host, "127.", 4) != 0) {
        fputs("load: the URL must be http://127.x.x.x:PORT/PATH\n", stderr);
        exit(2);
    }
    if (!*path)
        strcpy(path, "/");
    opt.url = url;
}

int main(int argc, char **argv)
{
    apr_pool_t *pool;
    int c;

    while ((c = getopt(argc, argv, "c:s:t:a:f:xgh")) != -1) {
        switch (c) {
        case 'c': opt.connections = atoi(optarg); break;
        case 's': opt.seconds = atof(optarg); break;
        case 't': opt.token = optarg; break;
        case 'a': opt.account = optarg; break;
        case 'f': opt.from = optarg; break;
        case 'x': opt.forge = true; break;
        case 'g': opt.get = true; break;
        default: fputs(usage, c == 'h' ? stdout : stderr); return c == 'h' ? 0 : 2;
        }
    }
    if (optind != argc - 1 || opt.connections < 1 || opt.connections > CONNECTIONS_MAX || opt.seconds > 120) {
        fputs(usage, stderr);
        return 2;
    }
    parse_url(argv[optind]);
    seed = (unsigned long long)time(NULL) * 2654435761u ^ (unsigned long long)getpid() << 32 ^ 88172645463325252ull;
    apr_initialize();
    apr_pool_create(&pool, NULL);
    report(run(pool));
    apr_terminate();
    return 0;
}
