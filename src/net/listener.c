/* Binding and accepting. When descriptors run out, accepting rests for a moment instead of
 * spinning. */
#include "net/listener.h"

#include <errno.h>
#include <event2/listener.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "shoal/error.h"

#define BACKLOG 1024
#define REST_US 100000u

struct listener {
    struct loop *loop;
    listener_accepted accepted;
    void *self;
    struct evconnlistener *sockets[ADDRESSES_MAX];
    uint32_t socket_count;
    struct timer rest;
};

static void explain(const struct address *address, char text[256])
{
    char where[64];
    address_text(address, where, sizeof(where));
    snprintf(text, 256, "can't listen on %s: %s", where, strerror(errno));
}

static bool is_every_address(const struct address *address)
{
    const struct sockaddr_in6 *ipv6 = (const struct sockaddr_in6 *)(const void *)&address->storage;
    return address->storage.ss_family == AF_INET6 && IN6_IS_ADDR_UNSPECIFIED(&ipv6->sin6_addr);
}

/* A bound socket, or -1 and errno. */
static int bind_one(const struct address *address, bool share_port)
{
    int one = 1;
    int v6_only = !is_every_address(address); /* "::" takes IPv4 along */
    int fd = socket(address->storage.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return -1;
    }
    int failed = setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
    if (failed == 0 && share_port) {
        failed = setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof(one));
    }
    if (failed == 0 && address->storage.ss_family == AF_INET6) {
        failed = setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6_only, sizeof(v6_only));
    }
    if (failed == 0) {
        failed = bind(fd, (const struct sockaddr *)&address->storage, address->len);
    }
    if (failed != 0) {
        int saved = errno;
        close(fd);
        errno = saved;
        return -1;
    }
    return fd;
}

/* Tries an address; the port is filled in if it was 0. */
static int try_address(struct address *address)
{
    int fd = bind_one(address, false);
    if (fd < 0) {
        return -1;
    }
    socklen_t len = sizeof(address->storage);
    int failed = getsockname(fd, (struct sockaddr *)&address->storage, &len);
    close(fd);
    return failed;
}

int listener_choose(const char *host, uint16_t port, struct addresses *out, uint16_t *port_out,
                    char text[256])
{
    const char *why;
    struct addresses found;
    struct addresses chosen = {0};
    if (address_look_up(host, port, &found, &why) != 0) {
        snprintf(text, 256, "can't listen on \"%.200s\": %s", host, why);
        return SHOAL_ECONNECT;
    }
    for (uint32_t i = 0; i < found.count; i++) {
        struct address *address = &found.items[i];
        address_set_port(address, port);
        if (try_address(address) == 0) {
            port = address_port(address);
            chosen.items[chosen.count++] = *address;
        } else {
            explain(address, text);
            /* A name may stand for addresses of a family this machine doesn't have. */
            if (errno != EADDRNOTAVAIL && errno != EAFNOSUPPORT) {
                return SHOAL_ECONNECT;
            }
        }
    }
    if (chosen.count == 0) {
        return SHOAL_ECONNECT;
    }
    *out = chosen;
    *port_out = port;
    return 0;
}

static void on_accept(struct evconnlistener *socket, evutil_socket_t fd, struct sockaddr *address,
                      int address_len, void *self)
{
    (void)socket;
    (void)address;
    (void)address_len;
    struct listener *listener = self;
    listener->accepted(listener->self, listener->loop, fd);
}

static void set_accepting(struct listener *listener, bool accepting)
{
    for (uint32_t i = 0; i < listener->socket_count; i++) {
        if (accepting) {
            evconnlistener_enable(listener->sockets[i]);
        } else {
            evconnlistener_disable(listener->sockets[i]);
        }
    }
}

static void on_rested(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    set_accepting(QUEUE_ITEM(timer, struct listener, rest), true);
}

static void on_error(struct evconnlistener *socket, void *self)
{
    (void)socket;
    struct listener *listener = self;
    if (!timer_running(&listener->rest)) {
        log_warning("listener: can't accept for now", LOG_TEXT("error", strerror(errno)));
        set_accepting(listener, false);
        loop_start_timer(listener->loop, &listener->rest, REST_US);
    }
}

static int add_socket(struct listener *listener, const struct address *address, char text[256])
{
    int fd = bind_one(address, true);
    if (fd < 0) {
        explain(address, text);
        return SHOAL_ECONNECT;
    }
    struct evconnlistener *socket =
        evconnlistener_new(listener->loop->base, on_accept, listener,
                           LEV_OPT_CLOSE_ON_FREE | LEV_OPT_CLOSE_ON_EXEC, BACKLOG, fd);
    if (socket == NULL) {
        explain(address, text);
        close(fd);
        return SHOAL_ECONNECT;
    }
    evconnlistener_set_error_cb(socket, on_error);
    listener->sockets[listener->socket_count++] = socket;
    return 0;
}

int listener_new(struct loop *loop, const struct addresses *addresses, listener_accepted accepted,
                 void *self, struct listener **out, char text[256])
{
    struct listener *listener = mem_alloc_zeroed(1, sizeof(*listener));
    if (listener == NULL) {
        snprintf(text, 256, "out of memory");
        return SHOAL_ENOMEM;
    }
    listener->loop = loop;
    listener->accepted = accepted;
    listener->self = self;
    listener->rest.fire = on_rested;
    for (uint32_t i = 0; i < addresses->count; i++) {
        int code = add_socket(listener, &addresses->items[i], text);
        if (code != 0) {
            listener_free(listener);
            return code;
        }
    }
    *out = listener;
    return 0;
}

void listener_free(struct listener *listener)
{
    if (listener == NULL) {
        return;
    }
    timers_stop(&listener->loop->timers, &listener->rest);
    for (uint32_t i = 0; i < listener->socket_count; i++) {
        evconnlistener_free(listener->sockets[i]);
    }
    mem_free(listener);
}
