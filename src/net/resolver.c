/*      given by any thread --channel--> joins a query of the same name, or begins one --evdns-->
 *      addresses --errand--> the asker's loop
 */
#include "net/resolver.h"

#include <errno.h>
#include <event2/dns.h>
#include <event2/util.h>
#include <netinet/in.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/limits.h"
#include "base/log.h"
#include "base/memory.h"
#include "shoal/error.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define HOSTS_FILE "/etc/hosts"
/* The files are read again after so long. */
#define FILES_AGE_S 5
/* Whoever dials has a few seconds in all. */
#define ASK_TIMEOUT_S "1"
#define ASK_ATTEMPTS "2"
/* One of A and AAAA is there: how long the other is waited for. */
#define OTHER_KIND_S "0.5"

struct query {
    struct resolver *resolver;
    struct queue link;
    struct queue waiting; /* lookups */
    struct evdns_getaddrinfo_request *request;
    char host[LIMIT_NAME_BYTES + 1];
};

struct resolver {
    char server[80];
    pthread_t thread;
    struct event_base *base;
    struct event *wake;
    int wake_fd;
    struct channel given;
    atomic_bool stopping;
    struct evdns_base *dns;
    time_t dns_made_s;
    struct queue queries;
};

static pthread_once_t evdns_log_once = PTHREAD_ONCE_INIT;

static time_t now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* evdns tells of every name server that is silent; whoever asked is told, too. */
static void log_evdns(int is_warning, const char *text)
{
    (void)is_warning;
    log_debug("resolver", LOG_TEXT("evdns", text));
}

/* It is one for the process. */
static void set_evdns_log(void)
{
    evdns_set_log_fn(log_evdns);
}

/* ---- where names are asked for --------------------------------------------------------------- */

/* A file that can't be read is none: the other, or a name server on this machine, may do. */
static struct evdns_base *make_dns(const struct resolver *resolver)
{
    struct evdns_base *dns = evdns_base_new(resolver->base, 0);
    if (dns == NULL) {
        return NULL;
    }
    (void)evdns_base_set_option(dns, "timeout:", ASK_TIMEOUT_S);
    (void)evdns_base_set_option(dns, "attempts:", ASK_ATTEMPTS);
    (void)evdns_base_set_option(dns, "getaddrinfo-allow-skew:", OTHER_KIND_S);
    if (resolver->server[0] != 0) {
        (void)evdns_base_load_hosts(dns, HOSTS_FILE);
        if (evdns_base_nameserver_ip_add(dns, resolver->server) != 0) {
            log_warning("resolver: not the address of a name server",
                        LOG_TEXT("server", resolver->server));
        }
    } else {
        (void)evdns_base_resolv_conf_parse(dns, DNS_OPTIONS_ALL, RESOLV_CONF);
    }
    return dns;
}

static struct evdns_base *current_dns(struct resolver *resolver)
{
    if (resolver->dns != NULL && queue_empty(&resolver->queries) &&
        now_s() - resolver->dns_made_s >= FILES_AGE_S) {
        evdns_base_free(resolver->dns, 0);
        resolver->dns = NULL;
    }
    if (resolver->dns == NULL) {
        resolver->dns = make_dns(resolver);
        resolver->dns_made_s = now_s();
    }
    return resolver->dns;
}

/* ---- answers --------------------------------------------------------------------------------- */

static void come_back(struct errand *errand, struct loop *loop, bool dropped)
{
    (void)loop;
    struct lookup *lookup = QUEUE_ITEM(errand, struct lookup, errand);
    lookup->done(lookup, dropped);
}

static void send_back(struct lookup *lookup)
{
    lookup->errand.run = come_back;
    loop_errand(lookup->loop, &lookup->errand);
}

static void set_addresses(struct lookup *lookup, const struct evutil_addrinfo *list)
{
    lookup->addresses.count = 0;
    for (; list != NULL && lookup->addresses.count < ADDRESSES_MAX; list = list->ai_next) {
        struct address address = {.len = (socklen_t)list->ai_addrlen};
        if (list->ai_addrlen <= sizeof(address.storage)) {
            memcpy(&address.storage, list->ai_addr, list->ai_addrlen);
            address_set_port(&address, lookup->port);
            lookup->addresses.items[lookup->addresses.count++] = address;
        }
    }
}

static void conclude(struct query *query, int error, const struct evutil_addrinfo *list)
{
    struct queue *link;
    while ((link = queue_pop(&query->waiting)) != NULL) {
        struct lookup *lookup = QUEUE_ITEM(link, struct lookup, waiting);
        set_addresses(lookup, list);
        lookup->code = lookup->addresses.count > 0 ? 0 : SHOAL_ECONNECT;
        lookup->why = evutil_gai_strerror(error != 0 ? error : EVUTIL_EAI_NODATA);
        send_back(lookup);
    }
    queue_remove(&query->link);
    mem_free(query);
}

static void on_answer(int error, struct evutil_addrinfo *list, void *self)
{
    struct query *query = self;
    conclude(query, error, error == 0 ? list : NULL);
    if (list != NULL) {
        evutil_freeaddrinfo(list);
    }
}

/* ---- questions ------------------------------------------------------------------------------- */

static void refuse(struct lookup *lookup, int error)
{
    lookup->code = SHOAL_ECONNECT;
    lookup->why = evutil_gai_strerror(error);
    send_back(lookup);
}

static struct query *find_query(struct resolver *resolver, const char *host)
{
    for (struct queue *at = resolver->queries.next; at != &resolver->queries; at = at->next) {
        struct query *query = QUEUE_ITEM(at, struct query, link);
        if (strcmp(query->host, host) == 0) {
            return query;
        }
    }
    return NULL;
}

static void begin_query(struct resolver *resolver, struct lookup *lookup)
{
    struct evdns_base *dns = current_dns(resolver);
    struct query *query = mem_alloc_zeroed(1, sizeof(*query));
    if (dns == NULL || query == NULL) {
        mem_free(query);
        refuse(lookup, EVUTIL_EAI_MEMORY);
        return;
    }
    query->resolver = resolver;
    snprintf(query->host, sizeof(query->host), "%s", lookup->host);
    queue_init(&query->link);
    queue_init(&query->waiting);
    queue_push(&query->waiting, &lookup->waiting);
    queue_push(&resolver->queries, &query->link);
    const struct evutil_addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM};
    /* NULL: it has been answered, and is gone. */
    struct evdns_getaddrinfo_request *request =
        evdns_getaddrinfo(dns, query->host, NULL, &hints, on_answer, query);
    if (request != NULL) {
        query->request = request;
    }
}

static void take_given(struct resolver *resolver)
{
    struct channel_link *link;
    while ((link = channel_pop(&resolver->given)) != NULL) {
        struct lookup *lookup = QUEUE_ITEM(link, struct lookup, given);
        struct query *query = find_query(resolver, lookup->host);
        queue_init(&lookup->waiting);
        if (atomic_load(&resolver->stopping)) {
            refuse(lookup, EVUTIL_EAI_CANCEL);
        } else if (query != NULL) {
            queue_push(&query->waiting, &lookup->waiting);
        } else {
            begin_query(resolver, lookup);
        }
    }
}

static void on_wake(evutil_socket_t fd, short what, void *self)
{
    (void)what;
    struct resolver *resolver = self;
    uint64_t count;
    if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN && errno != EINTR) {
        log_error("resolver: the wake-up descriptor failed", LOG_I64("errno", errno));
    }
    channel_begin(&resolver->given);
    take_given(resolver);
}

/* ---- the thread ------------------------------------------------------------------------------ */

/* Cancelling is an event, too. */
static void cancel_all(struct resolver *resolver)
{
    for (struct queue *at = resolver->queries.next; at != &resolver->queries; at = at->next) {
        evdns_getaddrinfo_cancel(QUEUE_ITEM(at, struct query, link)->request);
    }
    while (!queue_empty(&resolver->queries)) {
        event_base_loop(resolver->base, EVLOOP_ONCE);
    }
}

static void *run(void *self)
{
    struct resolver *resolver = self;
    while (!atomic_load(&resolver->stopping)) {
        event_base_loop(resolver->base, EVLOOP_ONCE);
    }
    take_given(resolver);
    cancel_all(resolver);
    if (resolver->dns != NULL) {
        evdns_base_free(resolver->dns, 0);
    }
    return NULL;
}

static void wake_up(struct resolver *resolver)
{
    uint64_t one = 1;
    while (write(resolver->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

void resolver_look_up(struct resolver *resolver, struct lookup *lookup)
{
    if (channel_push(&resolver->given, &lookup->given)) {
        wake_up(resolver);
    }
}

/* ---- birth and end --------------------------------------------------------------------------- */

static void free_resolver(struct resolver *resolver)
{
    if (resolver->wake != NULL) {
        event_free(resolver->wake);
    }
    if (resolver->base != NULL) {
        event_base_free(resolver->base);
    }
    if (resolver->wake_fd >= 0) {
        close(resolver->wake_fd);
    }
    mem_free(resolver);
}

static int open_resolver(struct resolver *resolver)
{
    resolver->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (resolver->wake_fd < 0) {
        return SHOAL_EIO;
    }
    struct event_config *config = event_config_new();
    if (config == NULL) {
        return SHOAL_ENOMEM;
    }
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    resolver->base = event_base_new_with_config(config);
    event_config_free(config);
    if (resolver->base == NULL) {
        return SHOAL_ENOMEM;
    }
    resolver->wake =
        event_new(resolver->base, resolver->wake_fd, EV_READ | EV_PERSIST, on_wake, resolver);
    if (resolver->wake == NULL || event_add(resolver->wake, NULL) != 0) {
        return SHOAL_ENOMEM;
    }
    return pthread_create(&resolver->thread, NULL, run, resolver) == 0 ? 0 : SHOAL_EIO;
}

int resolver_start(const char *server, struct resolver **out)
{
    struct resolver *resolver = mem_alloc_zeroed(1, sizeof(*resolver));
    if (resolver == NULL) {
        return SHOAL_ENOMEM;
    }
    resolver->wake_fd = -1;
    snprintf(resolver->server, sizeof(resolver->server), "%s", server);
    channel_init(&resolver->given);
    queue_init(&resolver->queries);
    atomic_init(&resolver->stopping, false);
    pthread_once(&evdns_log_once, set_evdns_log);
    int code = open_resolver(resolver);
    if (code != 0) {
        free_resolver(resolver);
        return code;
    }
    pthread_setname_np(resolver->thread, "names");
    *out = resolver;
    return 0;
}

void resolver_stop(struct resolver *resolver)
{
    if (resolver == NULL) {
        return;
    }
    atomic_store(&resolver->stopping, true);
    wake_up(resolver);
    pthread_join(resolver->thread, NULL);
    free_resolver(resolver);
}
