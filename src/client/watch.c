/* Watches: where they go, what becomes of them, and the public calls. A node that is lost costs
 * nothing but a moment: the next one is asked for what comes after the last cursor. */
#include "client/watch.h"

#include <event2/event.h>
#include <stdio.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"
#include "client/endpoint.h"
#include "shoal/error.h"

#define SILENCE_US_DEFAULT (UINT64_C(15000) * 1000)
#define SILENCE_US_MIN (UINT64_C(300) * 1000)
#define SILENCE_US_MAX (UINT64_C(3600) * 1000 * 1000)
#define PAUSE_US_MIN (UINT64_C(100) * 1000)
#define PAUSE_US_MAX (UINT64_C(5) * 1000 * 1000)
#define PAUSE_DOUBLINGS 6u

/* ---- where it goes --------------------------------------------------------------------------- */

/* The next in the list, which is in the order of serials, and after the last the first. */
static struct endpoint *next_endpoint(const struct shoal_watch *watch, bool *around)
{
    struct shoal_client *client = watch->client;
    struct endpoint *first = NULL;
    *around = false;
    for (struct queue *at = client->endpoints.next; at != &client->endpoints; at = at->next) {
        struct endpoint *endpoint = QUEUE_ITEM(at, struct endpoint, link);
        if (!endpoint->wanted) {
            continue;
        }
        if (endpoint->serial > watch->serial) {
            return endpoint;
        }
        first = first == NULL ? endpoint : first;
    }
    *around = true;
    return first;
}

static void go(struct shoal_watch *watch, struct endpoint *endpoint)
{
    watch->serial = endpoint->serial;
    text_address(endpoint->host, endpoint->port, watch->where);
    watch->state = WATCH_DIALLING;
    if (watch_link_open(watch, endpoint->host, endpoint->port) != 0) {
        watch_lost(watch, SHOAL_ENOMEM, shoal_error_text(SHOAL_ENOMEM));
        return;
    }
    client_start_timer(watch->client, &watch->timer,
                       watch->client->now_us + watch->client->settings.connect_timeout_us);
}

static void wait_to_try(struct shoal_watch *watch, uint64_t us)
{
    watch->state = WATCH_WAITING;
    client_start_timer(watch->client, &watch->timer, watch->client->now_us + us);
}

/* At once to a node that wasn't tried in this round; before the next round a pause, that grows. */
static void try_next(struct shoal_watch *watch)
{
    bool around;
    struct endpoint *endpoint = next_endpoint(watch, &around);
    if (endpoint != NULL && (!around || watch->failures == 0)) {
        go(watch, endpoint);
        return;
    }
    watch->serial = 0;
    uint32_t doublings = watch->failures < PAUSE_DOUBLINGS ? watch->failures : PAUSE_DOUBLINGS;
    uint64_t pause_us = PAUSE_US_MIN << doublings;
    pause_us = pause_us < PAUSE_US_MAX ? pause_us : PAUSE_US_MAX;
    pause_us -= hash_mix(watch->client->now_us) % (pause_us / 4);
    uint64_t left_us = watch->give_up_us - watch->client->now_us; /* not over: watch_lost */
    wait_to_try(watch, watch->ever || pause_us < left_us ? pause_us : left_us);
}

void watch_lost(struct shoal_watch *watch, int code, const char *why)
{
    char text[CLIENT_TEXT_BYTES];
    (void)snprintf(text, sizeof(text), "%s: %s", watch->where, why);
    memcpy(watch->trouble, text, sizeof(text));
    bool was_reading = watch->state == WATCH_READING;
    watch_link_close(watch);
    client_stop_timer(watch->client, &watch->timer);
    watch->failures++;
    watch->without_feed = code == SHOAL_EUNSUPPORTED ? watch->without_feed + 1 : 0;
    if (watch->without_feed >= watch->client->endpoint_count) {
        watch_end(watch, SHOAL_EUNSUPPORTED, text);
        return;
    }
    if (!watch->ever && watch->client->now_us >= watch->give_up_us) {
        watch_end(watch, SHOAL_ECONNECT, text);
        return;
    }
    if (was_reading && watch->calls->moved != NULL) {
        watch->busy++;
        watch->calls->moved(watch, text, watch->user);
        bool stopped = watch->stopped || watch->client->closing;
        watch_leave(watch);
        if (stopped) {
            return;
        }
    }
    refresh_soon(watch->client);
    try_next(watch);
}

void watch_reading(struct shoal_watch *watch)
{
    watch->state = WATCH_READING;
    watch->trouble[0] = 0;
    watch->failures = 0;
    watch->without_feed = 0;
    watch->ever = true;
    if (watch->calls->moved != NULL) {
        watch->calls->moved(watch, NULL, watch->user);
    }
}

static void on_timer(struct timer *timer, uint64_t now_us)
{
    struct shoal_watch *watch = QUEUE_ITEM(timer, struct shoal_watch, timer);
    switch (watch->state) {
    case WATCH_WAITING:
        try_next(watch);
        break;
    case WATCH_DIALLING:
        watch_lost(watch, SHOAL_ECONNECT, "no connection within the time limit");
        break;
    default:
        if (watch->paused || watch->lent || watch->shown_set ||
            now_us - watch->heard_us < watch->silence_us) {
            watch_link_listen(watch);
        } else {
            watch_lost(watch, SHOAL_ETIMEOUT, "it has stopped answering");
        }
        break;
    }
}

/* ---- what it tells --------------------------------------------------------------------------- */

static const char *show_text(struct shoal_watch *watch, struct bytes text)
{
    char *copy = arena_alloc(&watch->arena, text.len + 1);
    if (copy == NULL) {
        return "?";
    }
    if (text.len > 0) {
        memcpy(copy, text.data, text.len);
    }
    copy[text.len] = 0;
    return copy;
}

static void show(struct shoal_watch *watch, const struct watched_event *event,
                 struct shoal_event *out)
{
    *out = (struct shoal_event){
        .op = (enum shoal_event_op)event->op,
        .op_text = feed_op_text(event->op),
        .time_ms = event->time_ms,
        .node = show_text(watch, event->node),
        .key = shoal_bytes(event->key.data, event->key.len),
        .value = shoal_bytes(event->value.data, event->value.len),
        .value_bytes = event->value_bytes,
        .expiry_ms = event->expiry_ms,
        .gap = (enum shoal_gap)event->reason,
        .gap_text = "",
        .missed = event->missed,
        .text = "",
        .cursor = shoal_bytes(event->cursor.data, event->cursor.len),
    };
    if (event->op == FEED_GAP) {
        char text[FEED_GAP_MESSAGE_BYTES];
        feed_gap_message(event->reason, out->node, event->missed, text);
        out->gap_text = feed_gap_text(event->reason);
        out->text = show_text(watch, bytes_from_string(text));
    }
}

/* The place is kept before the event is told: whoever stops in the callback has had it. */
static void keep_place(struct shoal_watch *watch, struct bytes cursor)
{
    if (cursor.len == 0) {
        return;
    }
    struct buffer kept;
    buffer_init(&kept, 0);
    if (buffer_append_bytes(&kept, cursor) == 0) {
        struct buffer old = watch->cursor;
        watch->cursor = kept;
        kept = old;
    }
    buffer_deinit(&kept);
}

static bool may_tell(const struct shoal_watch *watch)
{
    return !watch->stopped && !watch->paused && !watch->client->closing && !watch->shown_set &&
           !watch->lent;
}

void watch_tell(struct shoal_watch *watch)
{
    while (watch->next < watch->frame.count && may_tell(watch)) {
        const struct watched_event *event = &watch->frame.events[watch->next++];
        keep_place(watch, event->cursor);
        if (event->op == 0) {
            continue; /* a heartbeat: only the place */
        }
        show(watch, event, &watch->shown);
        if (watch->sync) {
            watch->shown_set = true;
        } else {
            watch->calls->event(watch, &watch->shown, watch->user);
        }
    }
}

/* ---- life ------------------------------------------------------------------------------------ */

static void destroy(struct shoal_watch *watch)
{
    client_stop_timer(watch->client, &watch->timer);
    watch_link_close(watch);
    queue_remove(&watch->link);
    if (watch->wake != NULL) {
        event_free(watch->wake);
    }
    buffer_deinit(&watch->prefix);
    buffer_deinit(&watch->cursor);
    buffer_deinit(&watch->in);
    buffer_deinit(&watch->out);
    arena_deinit(&watch->arena);
    mem_free(watch);
}

void watch_leave(struct shoal_watch *watch)
{
    if (--watch->busy == 0 && watch->stopped) {
        destroy(watch);
    }
}

void watch_end(struct shoal_watch *watch, int code, const char *text)
{
    char copy[CLIENT_TEXT_BYTES];
    (void)snprintf(copy, sizeof(copy), "%s", text);
    client_stop_timer(watch->client, &watch->timer);
    watch_link_close(watch);
    watch->state = WATCH_WAITING;
    watch->ended = true;
    watch->ended_code = code;
    if (watch->sync) {
        (void)snprintf(watch->client->error, sizeof(watch->client->error), "%s", copy);
        return;
    }
    watch->busy++;
    watch->calls->ended(watch, code, copy, watch->user);
    watch->stopped = true;
    watch_leave(watch);
}

/* What an iterator still looks at stays until it is stopped; there it is only told. */
void watches_end(struct shoal_client *client)
{
    struct queue watches;
    queue_init(&watches);
    struct queue *link;
    while ((link = queue_pop(&client->watches)) != NULL) {
        queue_push(&watches, link);
    }
    while ((link = queue_pop(&watches)) != NULL) {
        struct shoal_watch *watch = QUEUE_ITEM(link, struct shoal_watch, link);
        if (watch->stopped) {
            continue;
        }
        watch->busy++;
        watch_end(watch, SHOAL_ESHUTDOWN, "the client was closed");
        watch->stopped = true;
        watch_leave(watch);
    }
}

void shoal_watch_stop(struct shoal_watch *watch)
{
    if (watch == NULL || watch->stopped) {
        return;
    }
    watch->stopped = true;
    watch->busy++;
    watch_leave(watch);
}

static void on_wake(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    struct shoal_watch *watch = user;
    struct shoal_client *client = watch->client;
    client_enter(client);
    watch->busy++;
    if (!watch->ended && watch->state == WATCH_WAITING && !timer_running(&watch->timer)) {
        try_next(watch);
    } else if (!watch->ended) {
        watch_link_resume(watch);
    }
    watch_leave(watch);
    client_leave(client);
}

static int keep(struct shoal_watch *watch, const struct shoal_watch_options *options)
{
    uint64_t us =
        options->silence_ms < SILENCE_US_MAX / 1000 ? options->silence_ms * 1000 : SILENCE_US_MAX;
    us = us == 0 ? SILENCE_US_DEFAULT : us;
    watch->silence_us = us > SILENCE_US_MIN ? us : SILENCE_US_MIN;
    watch->ops = options->ops;
    int code = buffer_append(&watch->prefix, options->prefix.data, options->prefix.len);
    if (code == 0) {
        code = buffer_append(&watch->cursor, options->after.data, options->after.len);
    }
    return code == SHOAL_ETOOBIG ? SHOAL_EINVAL : code;
}

int watch_new(struct shoal_client *client, const struct shoal_watch_options *options,
              const struct shoal_watch_calls *calls, void *user, struct shoal_watch **out)
{
    static const struct shoal_watch_options everything = {.ops = 0};
    if (client->closing) {
        return SHOAL_ESHUTDOWN;
    }
    struct shoal_watch *watch = mem_alloc_zeroed(1, sizeof(*watch));
    if (watch == NULL) {
        return SHOAL_ENOMEM;
    }
    watch->client = client;
    watch->calls = calls;
    watch->user = user;
    watch->fd = -1;
    watch->timer.fire = on_timer;
    queue_init(&watch->link);
    buffer_init(&watch->prefix, LIMIT_KEY_BYTES_MAX);
    buffer_init(&watch->cursor, LIMIT_FEED_CURSOR_BYTES);
    buffer_init(&watch->in, 0);
    buffer_init(&watch->out, 0);
    arena_init(&watch->arena, LIMIT_ARENA_KEEP_BYTES);
    client_enter(client);
    watch->give_up_us = client->now_us + client->settings.timeout_us;
    watch->wake = event_new(client->base, -1, 0, on_wake, watch);
    int code =
        watch->wake == NULL ? SHOAL_ENOMEM : keep(watch, options == NULL ? &everything : options);
    if (code == 0) {
        queue_push(&client->watches, &watch->link);
        refresh_first(client);
        event_active(watch->wake, EV_TIMEOUT, 0);
        *out = watch;
    } else {
        destroy(watch);
    }
    client_leave(client);
    return code;
}

int shoal_watch_start(struct shoal_client *client, const struct shoal_watch_options *options,
                      const struct shoal_watch_calls *calls, void *user, struct shoal_watch **out)
{
    if (calls == NULL || calls->event == NULL || calls->ended == NULL) {
        return SHOAL_EINVAL;
    }
    return watch_new(client, options, calls, user, out);
}

void shoal_watch_pause(struct shoal_watch *watch)
{
    client_enter(watch->client);
    watch->held_us = watch->held_us != 0 ? watch->held_us : watch->client->now_us;
    watch->paused = true;
    if (watch->read_event != NULL) {
        (void)event_del(watch->read_event);
    }
    client_leave(watch->client);
}

void shoal_watch_resume(struct shoal_watch *watch)
{
    if (watch->paused) {
        watch->paused = false;
        event_active(watch->wake, EV_TIMEOUT, 0);
    }
}

struct shoal_bytes shoal_watch_cursor(const struct shoal_watch *watch)
{
    return watch->cursor.len == 0 ? (struct shoal_bytes){0}
                                  : shoal_bytes(watch->cursor.data, watch->cursor.len);
}

const char *shoal_watch_trouble(const struct shoal_watch *watch)
{
    return watch->state == WATCH_READING || watch->trouble[0] == 0 ? NULL : watch->trouble;
}
