/* Copyright 2026 the mod_twchat authors. SPDX-License-Identifier: Apache-2.0
 *
 * webhook.c - what the programs of ./bench share: requests as Twilio signs them, sockets, clocks.
 * Must never connect anywhere but to loopback.
 * Called by load.c and pages.c.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

#include "tests/bench/webhook.h"
#include "twilio/signature.h"

void bench_die(const char *what)
{
    fprintf(stderr, "bench: %s: %s\n", what, strerror(errno));
    exit(1);
}

double bench_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

bool bench_target_parse(bench_target_t *t, const char *url)
{
    *t = (bench_target_t){ .url = url, .path = "/" };
    return sscanf(url, "http://%63[0-9.]:%d%511s", t->host, &t->port, t->path) >= 2 && strncmp(t->host, "127.", 4) == 0;
}

int bench_connect(const bench_target_t *t)
{
    struct sockaddr_in to = { .sin_family = AF_INET, .sin_port = htons((uint16_t)t->port) };
    int fd = socket(AF_INET, SOCK_STREAM, 0), one = 1;

    inet_pton(AF_INET, t->host, &to.sin_addr);
    if (fd < 0 || connect(fd, (struct sockaddr *)&to, sizeof(to)) != 0)
        bench_die("connect");
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    fcntl(fd, F_SETFL, O_NONBLOCK);
    return fd;
}

size_t bench_webhook_compose(const bench_webhook_t *w, char out[BENCH_REQUEST_MAX], apr_pool_t *scratch)
{
    const bench_target_t *t = w->target;
    char form[2048], signature[TWC_SIGNATURE_LEN + 1];
    const twc_form_t *parsed;
    int len;

    len = snprintf(form, sizeof(form),
                   "ToCountry=US&ToState=CA&SmsMessageSid=%s&NumMedia=0&ToCity=SAN+FRANCISCO&FromZip=94107"
                   "&SmsSid=%s&FromState=CA&SmsStatus=received&FromCity=SAN+FRANCISCO&Body=%s"
                   "&FromCountry=US&To=%%2B15005550006&ToZip=94105&NumSegments=1&MessageSid=%s"
                   "&AccountSid=%s&From=%s&ApiVersion=2010-04-01", w->sid, w->sid, w->body, w->sid, w->account, w->from);
    twc_form_parse(scratch, form, (apr_size_t)len, &parsed);
    twc_signature_make(scratch, w->token, t->url, parsed, signature);
    return (size_t)snprintf(out, BENCH_REQUEST_MAX,
                            "POST %s HTTP/1.1\r\nHost: %s:%d\r\nX-Twilio-Signature: %s\r\n"
                            "Content-Type: application/x-www-form-urlencoded\r\nContent-Length: %d\r\n\r\n%s",
                            t->path, t->host, t->port, signature, len, form);
}

static int ascending(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return x < y ? -1 : x > y;
}

double bench_percentile(double *seconds, size_t count, double p)
{
    qsort(seconds, count, sizeof(*seconds), ascending);
    return count ? seconds[(size_t)(p * (double)(count - 1))] * 1000 : 0;
}
