/* Lookup by evdns, then one address after the other; each step is an event, and the first of them
 * is always brought by the loop, so that whoever dials has its handle before it hears the outcome.
 */
#include "client/dial.h"

#include <errno.h>
#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/memory.h"
#include "shoal/error.h"

struct dial {
    struct dialer *dialer;
    dial_done_fn done; /* NULL: cancelled */
    void *user;
    struct evdns_getaddrinfo_request *lookup; /* under way */
    struct evutil_addrinfo *addresses;
    struct evutil_addrinfo *next; /* to be tried */
    int lookup_error;
    int fd;              /* -1 or being connected */
    int error;           /* errno of the last address that failed */
    struct event *event; /* waits for fd, or brings dial_start's own outcome from the loop */
};

void dialer_init(struct dialer *dialer, struct event_base *base)
{
    *dialer = (struct dialer){.base = base};
}

void dialer_deinit(struct dialer *dialer)
{
    if (dialer->dns != NULL) {
        evdns_base_free(dialer->dns, 1);
    }
    *dialer = (struct dialer){0};
}

/* Without a usable resolv.conf the hosts file still answers, so a failure to read it is no error.
 */
static struct evdns_base *dialer_dns(struct dialer *dialer)
{
    if (dialer->dns == NULL) {
        dialer->dns = evdns_base_new(dialer->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
        if (dialer->dns != NULL) {
            (void)evdns_base_resolv_conf_parse(dialer->dns, DNS_OPTIONS_ALL, "/etc/resolv.conf");
        }
    }
    return dialer->dns;
}

static void dial_free(struct dial *dial)
{
    if (dial->event != NULL) {
        event_free(dial->event);
    }
    if (dial->fd >= 0) {
        close(dial->fd);
    }
    if (dial->addresses != NULL) {
        evutil_freeaddrinfo(dial->addresses);
    }
    mem_free(dial);
}

static void dial_finish(struct dial *dial, int fd, const char *why)
{
    dial_done_fn done = dial->done;
    void *user = dial->user;
    dial->fd = -1;
    dial_free(dial);
    done(user, fd, why);
}

static void on_connected(evutil_socket_t fd, short what, void *user);

/* Starts to connect to the next address: true when it is under way. */
static bool dial_try_next(struct dial *dial)
{
    while (dial->next != NULL) {
        struct evutil_addrinfo *address = dial->next;
        dial->next = address->ai_next;
        dial->fd = socket(address->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
        if (dial->fd < 0) {
            dial->error = errno;
            continue;
        }
        int on = 1;
        (void)setsockopt(dial->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
        if ((connect(dial->fd, address->ai_addr, address->ai_addrlen) == 0 ||
             errno == EINPROGRESS) &&
            event_assign(dial->event, dial->dialer->base, dial->fd, EV_WRITE, on_connected, dial) ==
                0 &&
            event_add(dial->event, NULL) == 0) {
            return true;
        }
        dial->error = errno;
        close(dial->fd);
        dial->fd = -1;
    }
    return false;
}

static void dial_go_on(struct dial *dial)
{
    if (!dial_try_next(dial)) {
        dial_finish(dial, -1, dial->error == 0 ? "it has no address" : strerror(dial->error));
    }
}

static void on_connected(evutil_socket_t fd, short what, void *user)
{
    (void)what;
    struct dial *dial = user;
    int error = 0;
    socklen_t len = sizeof(error);
    if (getsockopt((int)fd, SOL_SOCKET, SO_ERROR, &error, &len) != 0) {
        error = errno;
    }
    if (error == 0) {
        dial_finish(dial, dial->fd, NULL);
        return;
    }
    dial->error = error;
    close(dial->fd);
    dial->fd = -1;
    dial_go_on(dial);
}

/* The lookup is over; always from the loop, so that dial_start never calls back itself. */
static void on_resolved(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct dial *dial = user;
    if (dial->lookup_error != 0) {
        dial_finish(dial, -1, evutil_gai_strerror(dial->lookup_error));
        return;
    }
    dial_go_on(dial);
}

static void on_lookup(int error, struct evutil_addrinfo *addresses, void *user)
{
    struct dial *dial = user;
    dial->lookup = NULL;
    dial->addresses = addresses;
    dial->next = addresses;
    dial->lookup_error = error;
    if (dial->done == NULL) {
        dial_free(dial);
        return;
    }
    event_active(dial->event, EV_TIMEOUT, 0);
}

static void dial_lookup(struct dial *dial, const char *host, uint16_t port)
{
    char service[sizeof("65535")];
    (void)snprintf(service, sizeof(service), "%u", (unsigned)port);
    struct evutil_addrinfo hints = {
        .ai_family = AF_UNSPEC,
        .ai_socktype = SOCK_STREAM,
        .ai_flags = AI_NUMERICHOST | EVUTIL_AI_NUMERICSERV,
    };
    struct evutil_addrinfo *addresses = NULL;
    if (evutil_getaddrinfo(host, service, &hints, &addresses) == 0) {
        on_lookup(0, addresses, dial);
        return;
    }
    hints.ai_flags = EVUTIL_AI_NUMERICSERV;
    struct evdns_base *dns = dialer_dns(dial->dialer);
    if (dns == NULL) {
        on_lookup(EVUTIL_EAI_MEMORY, NULL, dial);
        return;
    }
    struct evdns_getaddrinfo_request *lookup =
        evdns_getaddrinfo(dns, host, service, &hints, on_lookup, dial);
    if (lookup != NULL) { /* else on_lookup has been called already */
        dial->lookup = lookup;
    }
}

int dial_start(struct dialer *dialer, const char *host, uint16_t port, dial_done_fn done,
               void *user, struct dial **out)
{
    struct dial *dial = mem_alloc_zeroed(1, sizeof(*dial));
    if (dial == NULL) {
        return SHOAL_ENOMEM;
    }
    *dial = (struct dial){.dialer = dialer, .done = done, .user = user, .fd = -1};
    dial->event = event_new(dialer->base, -1, 0, on_resolved, dial);
    if (dial->event == NULL) {
        mem_free(dial);
        return SHOAL_ENOMEM;
    }
    dial_lookup(dial, host, port);
    *out = dial;
    return 0;
}

void dial_cancel(struct dial *dial)
{
    dial->done = NULL;
    if (dial->lookup != NULL) {
        evdns_getaddrinfo_cancel(dial->lookup); /* on_lookup follows and frees */
        return;
    }
    dial_free(dial);
}
