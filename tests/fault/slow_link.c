/* A slow or untidy link: holds the packets that the kernel gives it through NFQUEUE back for a
 * while. Runs in the network namespace of a node; which packets come is the packet filter's choice,
 * and how long they stay the harness's:
 *
 *      slow-link SEED
 *
 * It takes queue 0 (packets that arrive) and 1 (that leave), prints "ready", and reads settings
 * from stdin, a line each; the newest holds for packets from then on:
 *
 *      LEAST MOST SHARE HOLD     microseconds, microseconds, millionths, microseconds
 *
 * A packet stays for a time drawn between LEAST and MOST and keeps its place among the others, as
 * on a long line; but a SHARE of them stays for HOLD more, and whatever comes after them overtakes
 * them. When stdin ends it lets go of all and ends: a harness that is gone slows nothing. Should it
 * die, the kernel drops what it held and lets everything else pass.
 *
 * The bytes of packets are never seen here: the kernel keeps them, QUEUE_MAX a queue at most, and
 * drops what is beyond, as a router does. */
#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <linux/netfilter.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <libnetfilter_queue/libnetfilter_queue.h>
#include <libnfnetlink/libnfnetlink.h>

#include "base/random.h"

#define QUEUE_MAX 8192u
#define RECEIVE_BYTES (8u * 1024 * 1024) /* of news of packets that are not read yet */
#define NS_PER_US UINT64_C(1000)
#define NS_PER_S UINT64_C(1000000000)
#define MILLION UINT64_C(1000000)
#define QUEUES 2u
#define TIME_US_MAX (60 * MILLION)

struct settings {
    uint64_t least_us;
    uint64_t most_us;
    uint64_t share_ppm;
    uint64_t hold_us;
};

struct held {
    uint32_t id; /* the kernel's, of the packet */
    uint64_t due_ns;
};

/* First in, first out: none is due before the one in front of it. */
struct shelf {
    struct held packets[QUEUE_MAX];
    size_t first;
    size_t count;
    uint64_t last_due_ns;
};

struct line {
    struct nfq_q_handle *queue;
    struct link *link;
    struct shelf shelves[2]; /* those that keep their place, those that are overtaken */
};

struct link {
    struct settings settings;
    struct random random;
    struct line lines[QUEUES];
    char input[256]; /* of stdin, up to the end of a line */
    size_t input_bytes;
};

static uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * NS_PER_S + (uint64_t)now.tv_nsec;
}

/* ---- packets ---- */

static void shelf_put(struct shelf *shelf, uint32_t id, uint64_t due_ns)
{
    assert(shelf->count < QUEUE_MAX); /* the kernel's own bound */
    if (due_ns < shelf->last_due_ns) {
        due_ns = shelf->last_due_ns;
    }
    shelf->last_due_ns = due_ns;
    shelf->packets[(shelf->first + shelf->count) % QUEUE_MAX] =
        (struct held){.id = id, .due_ns = due_ns};
    shelf->count++;
}

static void line_release(struct line *line, uint64_t until_ns)
{
    for (size_t i = 0; i < 2; i++) {
        struct shelf *shelf = &line->shelves[i];
        while (shelf->count > 0 && shelf->packets[shelf->first].due_ns <= until_ns) {
            (void)nfq_set_verdict(line->queue, shelf->packets[shelf->first].id, NF_ACCEPT, 0, NULL);
            shelf->first = (shelf->first + 1) % QUEUE_MAX;
            shelf->count--;
        }
    }
}

static int on_packet(struct nfq_q_handle *queue, struct nfgenmsg *message, struct nfq_data *data,
                     void *argument)
{
    (void)queue;
    (void)message;
    struct line *line = argument;
    struct link *link = line->link;
    const struct settings *settings = &link->settings;
    const struct nfqnl_msg_packet_hdr *header = nfq_get_msg_packet_hdr(data);
    if (header == NULL) {
        return 0;
    }
    uint64_t stay_us = settings->least_us +
                       random_below(&link->random, settings->most_us - settings->least_us + 1);
    bool overtaken = random_below(&link->random, MILLION) < settings->share_ppm;
    if (overtaken) {
        stay_us += settings->hold_us;
    }
    shelf_put(&line->shelves[overtaken], ntohl(header->packet_id), now_ns() + stay_us * NS_PER_US);
    return 0;
}

/* When the next packet is due; UINT64_MAX: there is none. */
static uint64_t link_next_ns(const struct link *link)
{
    uint64_t next = UINT64_MAX;
    for (size_t i = 0; i < QUEUES * 2; i++) {
        const struct shelf *shelf = &link->lines[i / 2].shelves[i % 2];
        if (shelf->count > 0 && shelf->packets[shelf->first].due_ns < next) {
            next = shelf->packets[shelf->first].due_ns;
        }
    }
    return next;
}

/* ---- settings ---- */

static bool settings_read(const char *text, struct settings *settings)
{
    struct settings said;
    char end;
    if (sscanf(text, "%" SCNu64 " %" SCNu64 " %" SCNu64 " %" SCNu64 "%c", &said.least_us,
               &said.most_us, &said.share_ppm, &said.hold_us, &end) != 4 ||
        said.least_us > said.most_us || said.most_us > TIME_US_MAX || said.share_ppm > MILLION ||
        said.hold_us > TIME_US_MAX) {
        return false;
    }
    *settings = said;
    return true;
}

/* Takes what stdin has; false when it has ended or says what can't be read. */
static bool link_read_settings(struct link *link)
{
    ssize_t got = read(STDIN_FILENO, link->input + link->input_bytes,
                       sizeof(link->input) - link->input_bytes);
    if (got <= 0) {
        return got < 0 && errno == EINTR;
    }
    link->input_bytes += (size_t)got;
    char *newline;
    while ((newline = memchr(link->input, '\n', link->input_bytes)) != NULL) {
        *newline = '\0';
        if (!settings_read(link->input, &link->settings)) {
            (void)fprintf(stderr, "slow-link: can't read: %s\n", link->input);
            return false;
        }
        size_t used = (size_t)(newline - link->input) + 1;
        memmove(link->input, link->input + used, link->input_bytes - used);
        link->input_bytes -= used;
    }
    return link->input_bytes < sizeof(link->input);
}

/* ---- the program ---- */

static bool link_open(struct link *link, struct nfq_handle *handle)
{
    for (uint16_t i = 0; i < QUEUES; i++) {
        struct line *line = &link->lines[i];
        line->link = link;
        line->queue = nfq_create_queue(handle, i, on_packet, line);
        if (line->queue == NULL || nfq_set_mode(line->queue, NFQNL_COPY_META, 0) < 0 ||
            nfq_set_queue_maxlen(line->queue, QUEUE_MAX) < 0) {
            return false;
        }
    }
    (void)nfnl_rcvbufsiz(nfq_nfnlh(handle), RECEIVE_BYTES);
    return true;
}

/* Until stdin ends (true), or something fails. */
static bool link_run(struct link *link, struct nfq_handle *handle)
{
    char buffer[65536] __attribute__((aligned(8)));
    struct pollfd polled[] = {{.fd = nfq_fd(handle), .events = POLLIN},
                              {.fd = STDIN_FILENO, .events = POLLIN}};
    for (;;) {
        uint64_t now = now_ns();
        for (size_t i = 0; i < QUEUES; i++) {
            line_release(&link->lines[i], now);
        }
        polled[1].revents = 0;
        uint64_t next = link_next_ns(link);
        uint64_t wait = next <= now ? 0 : next - now;
        struct timespec timeout = {.tv_sec = (time_t)(wait / NS_PER_S),
                                   .tv_nsec = (long)(wait % NS_PER_S)};
        if (ppoll(polled, 2, next == UINT64_MAX ? NULL : &timeout, NULL) < 0 && errno != EINTR) {
            return false;
        }
        ssize_t got = recv(polled[0].fd, buffer, sizeof(buffer), MSG_DONTWAIT);
        if (got > 0) {
            (void)nfq_handle_packet(handle, buffer, (int)got);
        } else if (got < 0 && errno != EAGAIN && errno != EINTR && errno != ENOBUFS) {
            return false;
        }
        if (polled[1].revents != 0 && !link_read_settings(link)) {
            return true;
        }
    }
}

int main(int argc, char **argv)
{
    static struct link link; /* too large for the stack */
    if (argc != 2) {
        (void)fprintf(stderr, "usage: slow-link SEED\n");
        return 2;
    }
    random_init(&link.random, strtoull(argv[1], NULL, 10));
    struct nfq_handle *handle = nfq_open();
    if (handle == NULL || !link_open(&link, handle)) {
        (void)fprintf(stderr, "slow-link: the kernel gives it no queues: %s\n", strerror(errno));
        return 1;
    }
    (void)puts("ready");
    (void)fflush(stdout);
    bool good = link_run(&link, handle);
    for (size_t i = 0; i < QUEUES; i++) {
        line_release(&link.lines[i], UINT64_MAX);
        (void)nfq_destroy_queue(link.lines[i].queue);
    }
    (void)nfq_close(handle);
    return good ? 0 : 1;
}
