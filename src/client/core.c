/* The client's life: making and ending it, its one timer, and the turn. All that happens to a
 * client happens in a turn, begun by an event (or by a public call) and ended by sending in one go
 * what was written during it. A callback that frees the client only marks it; the turn's end frees
 * it, so no code has to ask itself whether the client is still there. */
#include "client/core.h"

#include <event2/event.h>
#include <time.h>

#include "base/assert.h"
#include "base/memory.h"
#include "client/connection.h"
#include "client/endpoint.h"
#include "client/watch.h"
#include "shoal/error.h"

static uint64_t monotonic_us(void)
{
    struct timespec now;
    ASSERT(clock_gettime(CLOCK_MONOTONIC, &now) == 0);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

/* ---- the turn -------------------------------------------------------------------------------- */

void client_schedule_turn(struct shoal_client *client)
{
    if (!client->turn_scheduled) {
        client->turn_scheduled = true;
        event_active(client->turn_event, EV_TIMEOUT, 0);
    }
}

static void tell_refused(struct shoal_client *client)
{
    /* Those that are there now; what their callbacks add waits for the next turn. */
    struct queue batch;
    queue_init(&batch);
    for (struct queue *at = queue_pop(&client->refused); at != NULL;
         at = queue_pop(&client->refused)) {
        queue_push(&batch, at);
    }
    for (struct queue *at = queue_pop(&batch); at != NULL; at = queue_pop(&batch)) {
        struct call *call = QUEUE_ITEM(at, struct call, link);
        struct answer answer = {.code = call->refusal, .text = call->refusal_text};
        client_complete(call, &answer);
    }
}

static void flush_dirty(struct shoal_client *client)
{
    while (!queue_empty(&client->dirty)) {
        connection_flush(QUEUE_ITEM(client->dirty.next, struct connection, dirty));
    }
}

static void on_turn(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct shoal_client *client = user;
    client_enter(client);
    client->turn_scheduled = false;
    tell_refused(client);
    flush_dirty(client);
    if (client->unwanted) {
        endpoint_drop_unwanted(client);
    }
    client_leave(client);
}

static void arm_timer(struct shoal_client *client)
{
    uint64_t next_us = timers_next_us(&client->timers);
    if (next_us >= client->armed_us) {
        return; /* an early wake-up is cheaper than arming anew for every call */
    }
    uint64_t wait_us = next_us > client->now_us ? next_us - client->now_us : 0;
    struct timeval wait = {
        .tv_sec = (time_t)(wait_us / 1000000),
        .tv_usec = (suseconds_t)(wait_us % 1000000),
    };
    if (event_add(client->timer_event, &wait) == 0) {
        client->armed_us = next_us;
    }
}

static void on_timer(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct shoal_client *client = user;
    client_enter(client);
    client->armed_us = TIMERS_NEVER;
    timers_fire(&client->timers, client->now_us);
    client_leave(client);
}

static void client_destroy(struct shoal_client *client);

void client_enter(struct shoal_client *client)
{
    client->depth++;
    client->now_us = monotonic_us();
}

void client_leave(struct shoal_client *client)
{
    if (client->depth == 1 && client->closing) {
        client_destroy(client);
        return;
    }
    client->depth--;
    arm_timer(client);
}

/* Without memory for the heap a call goes without its time limit; its answer or the loss of its
 * connection still ends it. */
void client_start_timer(struct shoal_client *client, struct timer *timer, uint64_t deadline_us)
{
    (void)timers_start(&client->timers, timer, deadline_us);
}

void client_stop_timer(struct shoal_client *client, struct timer *timer)
{
    timers_stop(&client->timers, timer);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static bool over_bounds(const struct shoal_client *client, const struct call *call)
{
    return client->outstanding >= client->settings.waiting_max ||
           client->outstanding_bytes + call->counted > client->settings.waiting_bytes_max;
}

int client_start(struct shoal_client *client, struct call *call, call_done_fn done)
{
    if (client->closing || (!call->internal && over_bounds(client, call))) {
        call_free(call);
        return client->closing ? SHOAL_ESHUTDOWN : SHOAL_EOVERLOAD;
    }
    client_enter(client);
    if (!call->internal) {
        client->outstanding++;
        client->outstanding_bytes += call->counted;
        refresh_first(client);
    }
    call->client = client;
    call->done = done;
    call->timer.fire = router_timer;
    if (call->timeout_us == 0) {
        call->timeout_us = client->settings.timeout_us;
    }
    call->deadline_us = client->now_us + call->timeout_us;
    if (call->refusal != 0) {
        client_refuse(call, call->refusal, call->refusal_text);
    } else {
        router_dispatch(call, NULL);
    }
    client_leave(client);
    return 0;
}

void client_complete(struct call *call, const struct answer *answer)
{
    struct shoal_client *client = call->client;
    ASSERT(client->depth > 0);
    router_detach(call);
    client_stop_timer(client, &call->timer);
    if (!call->internal) {
        client->outstanding--;
        client->outstanding_bytes -= call->counted;
    }
    call->done(call, answer);
    call_free(call);
}

void client_refuse(struct call *call, int code, const char *text)
{
    struct shoal_client *client = call->client;
    router_detach(call);
    client_stop_timer(client, &call->timer);
    call->refusal = code;
    call->refusal_text = text;
    queue_push(&client->refused, &call->link);
    client_schedule_turn(client);
}

/* ---- life ------------------------------------------------------------------------------------ */

static int make_events(struct shoal_client *client)
{
    client->turn_event = event_new(client->base, -1, 0, on_turn, client);
    client->timer_event = event_new(client->base, -1, 0, on_timer, client);
    return client->turn_event == NULL || client->timer_event == NULL ? SHOAL_ENOMEM : 0;
}

static int add_given(struct shoal_client *client)
{
    for (uint32_t i = 0; i < client->settings.host_count; i++) {
        const struct settings_host *host = &client->settings.hosts[i];
        struct endpoint *endpoint = endpoint_obtain(client, host->name, host->port);
        if (endpoint == NULL) {
            return SHOAL_ENOMEM;
        }
        endpoint->given = true;
        endpoint->wanted = true;
    }
    return 0;
}

int client_new(const struct shoal_config *config, struct event_base *base,
               struct shoal_client **out, const char **why)
{
    struct settings settings;
    *why = shoal_error_text(SHOAL_ENOMEM);
    int error = settings_init(&settings, config, why);
    if (error != 0) {
        return error;
    }
    struct shoal_client *client = mem_alloc_zeroed(1, sizeof(*client));
    if (client == NULL) {
        settings_deinit(&settings);
        return SHOAL_ENOMEM;
    }
    client->settings = settings;
    client->base = base;
    client->armed_us = TIMERS_NEVER;
    dialer_init(&client->dialer, base);
    queue_init(&client->dirty);
    queue_init(&client->refused);
    queue_init(&client->endpoints);
    queue_init(&client->watches);
    timers_init(&client->timers);
    table_init(&client->in_flight);
    arena_init(&client->arena, LIMIT_ARENA_KEEP_BYTES);
    client_enter(client);
    error = make_events(client);
    if (error == 0) {
        error = add_given(client);
    }
    if (error != 0) {
        client_destroy(client);
        return error;
    }
    refresh_init(client);
    client_leave(client);
    *out = client;
    return 0;
}

/* Everything that was started is called back, as far as it is known what came of it. */
static void settle(struct call *call, bool sent)
{
    struct answer lost = {.code = SHOAL_ESHUTDOWN, .text = "the client was closed first"};
    router_attempt_ended(call, sent ? ATTEMPT_LOST : ATTEMPT_UNSENT, &lost);
}

static void settle_endpoint(struct endpoint *endpoint)
{
    while (!queue_empty(&endpoint->waiting)) {
        settle(QUEUE_ITEM(endpoint->waiting.next, struct call, link), false);
    }
    for (struct queue *at = endpoint->connections.next; at != &endpoint->connections;
         at = at->next) {
        struct connection *connection = QUEUE_ITEM(at, struct connection, link);
        while (!queue_empty(&connection->calls)) {
            struct call *call = QUEUE_ITEM(connection->calls.next, struct call, link);
            settle(call, connection_has_sent(connection, call));
        }
    }
}

static void client_destroy(struct shoal_client *client)
{
    client->closing = true;
    tell_refused(client);
    watches_end(client);
    while (!queue_empty(&client->endpoints)) {
        struct endpoint *endpoint = QUEUE_ITEM(client->endpoints.next, struct endpoint, link);
        settle_endpoint(endpoint);
        endpoint_free(endpoint);
    }
    if (client->turn_event != NULL) {
        event_free(client->turn_event);
    }
    if (client->timer_event != NULL) {
        event_free(client->timer_event);
    }
    dialer_deinit(&client->dialer);
    map_free(client->map);
    timers_deinit(&client->timers);
    table_deinit(&client->in_flight);
    arena_deinit(&client->arena);
    settings_deinit(&client->settings);
    if (client->base_owned) {
        event_base_free(client->base);
    }
    mem_free(client);
}

void shoal_client_free(struct shoal_client *client)
{
    if (client == NULL) {
        return;
    }
    client->closing = true;
    if (client->depth == 0) {
        client_enter(client);
        client_leave(client);
    }
}

int shoal_client_new(const struct shoal_config *config, struct event_base *base,
                     struct shoal_client **out)
{
    const char *why;
    return base == NULL ? SHOAL_EINVAL : client_new(config, base, out, &why);
}

struct event_base *shoal_client_base(const struct shoal_client *client)
{
    return client->base;
}

const char *shoal_client_error(const struct shoal_client *client)
{
    return client->error;
}

size_t shoal_client_node_count(const struct shoal_client *client)
{
    return client->map == NULL ? client->endpoint_count : client->map->node_count;
}
