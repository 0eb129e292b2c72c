/* The iterator: a watch whose events wait one at a time until they are asked for. */
#include <event2/event.h>
#include <stdio.h>

#include "client/sync_wait.h"
#include "client/watch.h"
#include "shoal/error.h"

static void never(struct shoal_watch *watch, const struct shoal_event *event, void *user)
{
    (void)watch;
    (void)event;
    (void)user;
}

static void never_ended(struct shoal_watch *watch, int code, const char *text, void *user)
{
    (void)watch;
    (void)code;
    (void)text;
    (void)user;
}

int shoal_watch_open(struct shoal_client *client, const struct shoal_watch_options *options,
                     struct shoal_watch **out)
{
    static const struct shoal_watch_calls calls = {.event = never, .ended = never_ended};
    struct shoal_watch *watch = NULL;
    int code = sync_begin(client);
    if (code != 0) {
        return code;
    }
    code = watch_new(client, options, &calls, NULL, &watch);
    if (code != 0) {
        sync_set_error(client, code == SHOAL_EINVAL ? "the prefix or the cursor is too long"
                                                    : shoal_error_text(code));
    } else {
        watch->sync = true;
    }
    while (code == 0 && !watch->ever) {
        code = watch->ended ? watch->ended_code : sync_turn(client);
    }
    if (code == 0) {
        *out = watch;
    } else {
        shoal_watch_stop(watch);
    }
    client_leave(client);
    return code;
}

static void on_patience(evutil_socket_t fd, short what, void *user)
{
    (void)fd;
    (void)what;
    *(bool *)user = true;
}

/* Until there is an event, the watch has ended, or the time is up. */
static int wait(struct shoal_watch *watch, uint64_t timeout_ms)
{
    struct shoal_client *client = watch->client;
    bool late = false;
    const struct timeval patience = {.tv_sec = (time_t)(timeout_ms / 1000),
                                     .tv_usec = (suseconds_t)(timeout_ms % 1000) * 1000};
    struct event *timer = event_new(client->base, -1, 0, on_patience, &late);
    if (timer == NULL || event_add(timer, &patience) != 0) {
        if (timer != NULL) {
            event_free(timer);
        }
        return SHOAL_ENOMEM;
    }
    int code = 0;
    while (code == 0 && !late && !watch->shown_set && !watch->ended) {
        code = sync_turn(client);
    }
    event_free(timer);
    return code;
}

int shoal_watch_next(struct shoal_watch *watch, uint64_t timeout_ms,
                     const struct shoal_event **event)
{
    struct shoal_client *client = watch->client;
    if (!client->base_owned || client->depth > 0 || !watch->sync) {
        return SHOAL_EINVAL;
    }
    client_enter(client);
    watch->busy++;
    watch->lent = false;
    if (!watch->ended) {
        watch_link_resume(watch);
    }
    int code = 0;
    if (!watch->shown_set && !watch->ended) {
        code = timeout_ms == 0 ? 0 : wait(watch, timeout_ms);
        (void)event_base_loop(client->base, EVLOOP_NONBLOCK);
    }
    if (watch->shown_set) {
        watch->shown_set = false;
        watch->lent = true;
        watch->held_us = client->now_us;
        *event = &watch->shown;
        code = 0;
    } else if (watch->ended) {
        code = watch->ended_code;
    } else if (code == 0) {
        code = SHOAL_ETIMEOUT;
    }
    watch_leave(watch);
    client_leave(client);
    return code;
}
