#include "api/redis/client_roll.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "base/text.h"
#include "shoal/error.h"

#define LINE_BYTES_MAX 1024u /* without the texts that clients set */

int client_roll_init(struct client_roll *roll)
{
    *roll = (struct client_roll){0};
    queue_init(&roll->cards);
    return pthread_mutex_init(&roll->lock, NULL) == 0 ? 0 : SHOAL_ENOMEM;
}

void client_roll_deinit(struct client_roll *roll)
{
    pthread_mutex_destroy(&roll->lock);
}

static void address_text(const struct sockaddr_storage *address, char *out)
{
    char host[INET6_ADDRSTRLEN] = "";
    const char *form = "%s:%u";
    unsigned port = 0;
    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *v4 = (const struct sockaddr_in *)address;
        inet_ntop(AF_INET, &v4->sin_addr, host, sizeof(host));
        port = ntohs(v4->sin_port);
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)address;
        inet_ntop(AF_INET6, &v6->sin6_addr, host, sizeof(host));
        port = ntohs(v6->sin6_port);
        form = "[%s]:%u";
    } else {
        snprintf(host, sizeof(host), "?");
    }
    snprintf(out, CLIENT_ADDRESS_BYTES_MAX + 1, form, host, port);
}

typedef int (*ask_socket)(int fd, struct sockaddr *address, socklen_t *len);

static void describe_socket(int fd, ask_socket ask, char *out)
{
    struct sockaddr_storage address = {.ss_family = AF_UNSPEC};
    socklen_t len = sizeof(address);
    if (ask(fd, (struct sockaddr *)&address, &len) != 0) {
        address.ss_family = AF_UNSPEC;
    }
    address_text(&address, out);
}

void client_roll_enter(struct client_roll *roll, struct client_card *card, struct loop *loop,
                       int fd, uint64_t now_ms)
{
    *card = (struct client_card){.loop = loop, .fd = fd, .created_ms = now_ms};
    queue_init(&card->link);
    atomic_init(&card->active_ms, now_ms);
    atomic_init(&card->queued, -1);
    atomic_init(&card->protocol, 2);
    describe_socket(fd, getpeername, card->address);
    describe_socket(fd, getsockname, card->local_address);
    pthread_mutex_lock(&roll->lock);
    card->id = ++roll->last_id;
    roll->count++;
    roll->accepted++;
    queue_push(&roll->cards, &card->link);
    pthread_mutex_unlock(&roll->lock);
}

void client_roll_leave(struct client_roll *roll, struct client_card *card)
{
    if (card->id == 0) {
        return;
    }
    pthread_mutex_lock(&roll->lock);
    queue_remove(&card->link);
    roll->count--;
    pthread_mutex_unlock(&roll->lock);
    card->id = 0;
    for (uint32_t i = 0; i < CLIENT_TEXTS; i++) {
        mem_free(card->texts[i]);
        card->texts[i] = NULL;
    }
}

int client_text_check(struct bytes text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (text.data[i] < '!' || text.data[i] > '~') {
            return SHOAL_EINVAL;
        }
    }
    return text.len > CLIENT_NAME_BYTES_MAX ? SHOAL_ETOOBIG : 0;
}

int client_roll_set(struct client_roll *roll, struct client_card *card, enum client_text which,
                    struct bytes text)
{
    int code = client_text_check(text);
    if (code != 0) {
        return code;
    }
    char *copy = NULL;
    if (text.len > 0) {
        copy = mem_copy_string((const char *)text.data, text.len);
        if (copy == NULL) {
            return SHOAL_ENOMEM;
        }
    }
    pthread_mutex_lock(&roll->lock);
    char *old = card->texts[which];
    card->texts[which] = copy;
    pthread_mutex_unlock(&roll->lock);
    mem_free(old);
    return 0;
}

uint32_t client_roll_count(struct client_roll *roll)
{
    pthread_mutex_lock(&roll->lock);
    uint32_t count = roll->count;
    pthread_mutex_unlock(&roll->lock);
    return count;
}

uint64_t client_roll_accepted(struct client_roll *roll)
{
    pthread_mutex_lock(&roll->lock);
    uint64_t accepted = roll->accepted;
    pthread_mutex_unlock(&roll->lock);
    return accepted;
}

/* ---- a line of CLIENT LIST ------------------------------------------------------------------- */

static const char *text_of(const struct client_card *card, enum client_text which)
{
    return card->texts[which] == NULL ? "" : card->texts[which];
}

static uint64_t seconds_since(uint64_t then_ms, uint64_t now_ms)
{
    return now_ms > then_ms ? (now_ms - then_ms) / 1000 : 0;
}

static void flags_of(const struct client_card *card, char out[5])
{
    char *end = out;
    if (atomic_load_explicit(&card->queued, memory_order_relaxed) >= 0) {
        *end++ = 'x';
    }
    if (atomic_load_explicit(&card->doomed, memory_order_relaxed)) {
        *end++ = 'd';
    }
    if (atomic_load_explicit(&card->no_evict, memory_order_relaxed)) {
        *end++ = 'e';
    }
    if (end == out) {
        *end++ = 'N';
    }
    *end = 0;
}

int client_card_describe(const struct client_card *card, uint64_t now_ms, size_t asking,
                         struct buffer *out)
{
    const struct command *command = atomic_load_explicit(&card->command, memory_order_relaxed);
    size_t waiting = atomic_load_explicit(&card->output_bytes, memory_order_relaxed);
    char name[COMMAND_NAME_BYTES] = "NULL";
    char flags[5];
    char line[LINE_BYTES_MAX + (CLIENT_TEXTS * (CLIENT_NAME_BYTES_MAX + 1))];
    if (command != NULL) {
        command_full_name(command, name);
    }
    flags_of(card, flags);
    int len = snprintf(
        line, sizeof(line),
        "id=%llu addr=%s laddr=%s fd=%d name=%s age=%llu idle=%llu flags=%s db=0 sub=0 psub=0 "
        "ssub=0 multi=%d qbuf=%zu qbuf-free=0 argv-mem=0 multi-mem=0 rbs=0 rbp=0 obl=0 oll=0 "
        "omem=%zu tot-mem=%zu events=%s cmd=%s user=default redir=-1 resp=%u lib-name=%s "
        "lib-ver=%s",
        (unsigned long long)card->id, card->address, card->local_address, card->fd,
        text_of(card, CLIENT_NAME), (unsigned long long)seconds_since(card->created_ms, now_ms),
        (unsigned long long)seconds_since(
            atomic_load_explicit(&card->active_ms, memory_order_relaxed), now_ms),
        flags, atomic_load_explicit(&card->queued, memory_order_relaxed), asking, waiting,
        waiting + sizeof(*card), waiting > 0 ? "rw" : "r", name,
        atomic_load_explicit(&card->protocol, memory_order_relaxed), text_of(card, CLIENT_LIBRARY),
        text_of(card, CLIENT_LIBRARY_VERSION));
    return buffer_append(out, line, (size_t)len);
}
