/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * pages.c - many open live pages in one process: to be there while something else is measured, or to
 * measure how long it takes from a webhook's first byte until each page has been told of the message.
 * Must never be pointed anywhere but at loopback, nor stay for ever: it refuses both.
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

#define PAGES_MAX 15000
#define SECONDS_MAX 300
#define RATE_MAX 1000
#define READ_MAX (64 * 1024)
#define MARK_LEN 26                     /* "SM" and 24 characters of this run; the webhook's number follows */
#define TAIL_MAX (BENCH_SID_LEN - 1)    /* what may be the beginning of a SID at the end of a read */
#define LINGER 3                        /* seconds for the last events to arrive */

typedef struct page_t {
    int fd;
    bool accepted;                      /* its answer said 200 */
    bool greeted;                       /* it was told its place: from there on nothing may be missed */
    unsigned next;                      /* number of the webhook it waits for */
    char tail[TAIL_MAX];
    size_t tail_len;
} page_t;

static bench_target_t stream, hook;
static page_t pages[PAGES_MAX];
static int page_count = 1000, open_count, lost_count;
static double seconds = 10;
static int rate;
static const char *token = "12345", *account = "ACaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", *header = "";
static char mark[MARK_LEN + 1];
static double *sent_at, *latency;
static unsigned sent, planned;
static size_t told;
static unsigned long long bytes;

/* ---- pages ------------------------------------------------------------------------- */

static void lose(page_t *page)
{
    close(page->fd);
    page->fd = -1;
    if (page->greeted)
        open_count--;
    lost_count++;
}

/* What each page was told, in the order of the webhooks: a number is counted once. */
static void found(page_t *page, const char *digits, double now)
{
    char text[9] = { 0 };
    unsigned n;

    memcpy(text, digits, 8);
    n = (unsigned)strtoul(text, NULL, 16);
    if (n < page->next || n >= sent)
        return;
    page->next = n + 1;
    latency[told++] = now - sent_at[n];
}

static void scan(page_t *page, const char *data, size_t len, double now)
{
    const char *end = data + len, *p = data;

    while ((p = memmem(p, (size_t)(end - p), mark, MARK_LEN)) && end - p >= BENCH_SID_LEN) {
        found(page, p + MARK_LEN, now);
        p += BENCH_SID_LEN;
    }
}

/* Small, and sent at once: it is not looked for across reads. */
static void greet(page_t *page, const char *data)
{
    if (!page->accepted && strncmp(data, "HTTP/1.1 200", 12) != 0) {
        lose(page);
        return;
    }
    page->accepted = true;
    if (strstr(data, "\nid: ") || strncmp(data, "id: ", 4) == 0) {
        page->greeted = true;
        open_count++;
    }
}

static void pull(page_t *page)
{
    static char buffer[TAIL_MAX + READ_MAX + 1];
    char *data = buffer + TAIL_MAX - page->tail_len;
    ssize_t n = read(page->fd, buffer + TAIL_MAX, READ_MAX);
    size_t len;

    if (n < 0 && errno == EAGAIN)
        return;
    if (n <= 0) {
        lose(page);
        return;
    }
    bytes += (size_t)n;
    buffer[TAIL_MAX + n] = '\0';
    if (!page->greeted) {
        greet(page, buffer + TAIL_MAX);
        return;
    }
    memcpy(data, page->tail, page->tail_len);
    len = page->tail_len + (size_t)n;
    scan(page, data, len, bench_now());
    page->tail_len = len < TAIL_MAX ? len : TAIL_MAX;
    memcpy(page->tail, data + len - page->tail_len, page->tail_len);
}

static void attend(int epoll, int wait_ms)
{
    struct epoll_event events[512];
    int n = epoll_wait(epoll, events, 512, wait_ms);

    for (int i = 0; i < n; i++)
        if (events[i].data.ptr)
            pull(events[i].data.ptr);
}

static void open_pages(int epoll)
{
    char request[1024];
    int len = snprintf(request, sizeof(request), "GET %s HTTP/1.1\r\nHost: %s:%d\r\n%s\r\n", stream.path, stream.host, stream.port,
                       header);
    double deadline = bench_now() + 60;

    for (int i = 0; i < page_count; i++) {
        struct epoll_event ev = { .events = EPOLLIN, .data.ptr = &pages[i] };
        pages[i].fd = bench_connect(&stream);
        if (epoll_ctl(epoll, EPOLL_CTL_ADD, pages[i].fd, &ev) != 0 || write(pages[i].fd, request, (size_t)len) != len)
            bench_die("open a page");
        /* no more at once than a listen queue holds */
        while (i - open_count - lost_count > 100 && bench_now() < deadline)
            attend(epoll, 100);
    }
    while (open_count + lost_count < page_count && bench_now() < deadline)
        attend(epoll, 100);
}

/* ---- webhooks ------------------------------------------------------------------------ */

static void post(int fd, apr_pool_t *pool)
{
    char sid[BENCH_SID_LEN + 1], from[32], request[BENCH_REQUEST_MAX], ignored[8192];
    size_t len;

    while (read(fd, ignored, sizeof(ignored)) > 0)
        ;
    snprintf(sid, sizeof(sid), "%s%08x", mark, sent);
    snprintf(from, sizeof(from), "%%2B1415%07u", sent % 10000000);
    len = bench_webhook_compose(&(bench_webhook_t){ .target = &hook, .token = token, .account = account, .from = from, .sid = sid,
                                .body = "Is+it+open" }, request, pool);
    apr_pool_clear(pool);
    sent_at[sent++] = bench_now();
    if (write(fd, request, len) != (ssize_t)len)
        bench_die("post");
}

static void measure(int epoll, apr_pool_t *pool)
{
    int fd = bench_connect(&hook);
    double start = bench_now(), gap = 1.0 / rate;

    while (sent < planned) {
        double left = start + sent * gap - bench_now();
        if (left <= 0)
            post(fd, pool);
        attend(epoll, left > 0 ? (int)(left * 1000) + 1 : 0);
    }
    for (double end = bench_now() + LINGER; bench_now() < end && told < (size_t)sent * (size_t)open_count;)
        attend(epoll, 50);
    close(fd);
}

/* Until whoever started us closes our input. */
static void hold(int epoll)
{
    struct epoll_event ev = { .events = EPOLLIN, .data.ptr = NULL }, events[512];
    double end = bench_now() + seconds;

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, STDIN_FILENO, &ev) != 0)
        bench_die("standard input must be a pipe");
    while (bench_now() < end) {
        int n = epoll_wait(epoll, events, 512, 200);
        for (int i = 0; i < n; i++) {
            if (!events[i].data.ptr)
                return;
            pull(events[i].data.ptr);
        }
    }
}

/* ---- the program ------------------------------------------------------------------------- */

static void prepare(void)
{
    unsigned long long r = (unsigned long long)time(NULL) << 20 ^ (unsigned long long)getpid();

    snprintf(mark, sizeof(mark), "SM%024llx", r);
    planned = (unsigned)(seconds * rate);
    sent_at = calloc(planned + 1, sizeof(*sent_at));
    latency = calloc((size_t)planned * (size_t)page_count + 1, sizeof(*latency));
    if (!sent_at || !latency)
        bench_die("memory");
}

static void report(void)
{
    printf("{\"open\":%d,\"lost\":%d,\"webhooks\":%u,\"told\":%zu,\"missing\":%lld,\"bytes\":%llu", open_count, lost_count, sent, told,
           (long long)sent * open_count - (long long)told, bytes);
    printf(",\"p50_ms\":%.2f,\"p99_ms\":%.2f,\"max_ms\":%.2f}\n", bench_percentile(latency, told, 0.50),
           bench_percentile(latency, told, 0.99), bench_percentile(latency, told, 1));
}

static const char usage[] =
    "Usage: pages [options] EVENTS_URL [WEBHOOK_URL]\n"
    "Opens live pages and prints \"open N\". With a WEBHOOK_URL it then sends webhooks and prints one JSON line: how long it took\n"
    "until each page was told. Without, it stays until its input is closed.\n"
    "  -n N      pages (1000, at most 15000)\n"
    "  -s SEC    seconds (10, at most 300)\n"
    "  -r RATE   webhooks a second (20, at most 1000)\n"
    "  -t TOKEN  auth token to sign with\n"
    "  -a SID    AccountSid to send\n"
    "  -H LINE   a further header of the pages' requests\n";

static int misused(int status)
{
    fputs(usage, status ? stderr : stdout);
    return status;
}

int main(int argc, char **argv)
{
    static char line[512];
    apr_pool_t *pool;
    int c, epoll;

    rate = 20;
    while ((c = getopt(argc, argv, "n:s:r:t:a:H:h")) != -1) {
        switch (c) {
        case 'n': page_count = atoi(optarg); break;
        case 's': seconds = atof(optarg); break;
        case 'r': rate = atoi(optarg); break;
        case 't': token = optarg; break;
        case 'a': account = optarg; break;
        case 'H': snprintf(line, sizeof(line), "%s\r\n", optarg); header = line; break;
        default: return misused(c == 'h' ? 0 : 2);
        }
    }
    if (argc - optind < 1 || argc - optind > 2 || page_count < 1 || page_count > PAGES_MAX || seconds > SECONDS_MAX || rate < 1
        || rate > RATE_MAX || !bench_target_parse(&stream, argv[optind])
        || (argc - optind == 2 && !bench_target_parse(&hook, argv[optind + 1])))
        return misused(2);
    apr_initialize();
    apr_pool_create(&pool, NULL);
    prepare();
    epoll = epoll_create1(0);
    open_pages(epoll);
    printf("open %d\n", open_count);
    fflush(stdout);
    if (hook.url)
        measure(epoll, pool);
    else
        hold(epoll);
    report();
    apr_terminate();
    return 0;
}
