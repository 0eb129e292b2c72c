/* The client handle and what its parts ask of each other. The parts, from the outside in:
 *
 *      start.c batch.c cluster.c sync.c   the public calls
 *      core.c      lifecycle, the one timer, the turn; completing calls
 *      router.c    which endpoint a call goes to, and when it goes elsewhere
 *      refresh.c   the map: asking for the layout, adopting it
 *      endpoint.c  one node's address: its connections, its backoff, who waits for it
 *      connection.c  one TCP connection: hello, frames out and in
 *
 * Everything runs on the thread of the event base. User callbacks happen only in client_complete,
 * which is only reached from a turn: between client_enter and client_leave. */
#ifndef CLIENT_CORE_H
#define CLIENT_CORE_H

#include "base/arena.h"
#include "base/queue.h"
#include "base/table.h"
#include "base/timers.h"
#include "client/call.h"
#include "client/dial.h"
#include "client/map.h"
#include "client/retry.h"
#include "client/settings.h"

#define CLIENT_TEXT_BYTES 1024u

struct shoal_client {
    struct settings settings;
    struct event_base *base;
    bool base_owned;
    struct dialer dialer;

    /* The turn. */
    uint32_t depth; /* nested turns; user callbacks run only inside one */
    bool closing;   /* freed as soon as depth is 0 */
    uint64_t now_us;
    struct event *turn_event; /* ends the turn: sends what has been written, tells refusals */
    bool turn_scheduled;
    struct queue dirty;   /* connections with frames to send */
    struct queue refused; /* calls to be told why they were never sent */

    /* Time. */
    struct timers timers;
    struct event *timer_event;
    uint64_t armed_us; /* TIMERS_NEVER when not */

    /* Nodes. */
    struct queue endpoints; /* the given ones first, in order */
    uint32_t endpoint_count;
    uint64_t last_endpoint; /* serials */
    bool unwanted;          /* some endpoint is to be dropped at the turn's end */
    struct map *map;        /* NULL until learned */
    struct timer refresh_timer;
    bool refreshing;
    uint64_t refreshed_us; /* when it was last asked for */

    /* Calls. */
    struct table in_flight; /* id -> call */
    uint64_t last_id;
    uint32_t outstanding;
    size_t outstanding_bytes;
    struct arena arena; /* of the answer being handled */

    struct queue watches; /* of the live feed */

    /* Words. */
    int trouble_code; /* why the last endpoint was lost; 0 at first */
    char trouble[CLIENT_TEXT_BYTES];
    char scratch[CLIENT_TEXT_BYTES]; /* a text made for the answer being told */
    char error[CLIENT_TEXT_BYTES];   /* of the last synchronous call */
};

/* core.c */

int client_new(const struct shoal_config *config, struct event_base *base,
               struct shoal_client **out, const char **why);
void client_enter(struct shoal_client *client);
/* May free the client. */
void client_leave(struct shoal_client *client);
/* Sees to it that the turn's end comes, also when nothing else happens. */
void client_schedule_turn(struct shoal_client *client);
void client_start_timer(struct shoal_client *client, struct timer *timer, uint64_t deadline_us);
void client_stop_timer(struct shoal_client *client, struct timer *timer);

/* Starts a call, which is freed if that fails: 0, SHOAL_EOVERLOAD, SHOAL_ENOMEM, SHOAL_ESHUTDOWN.
 */
int client_start(struct shoal_client *client, struct call *call, call_done_fn done);
/* Takes the call out of wherever it is, tells whoever started it, frees it. Only inside a turn. */
void client_complete(struct call *call, const struct answer *answer);
/* As client_complete, at the end of the turn. The text is static. */
void client_refuse(struct call *call, int code, const char *text);

/* router.c */

/* Sends a call to the best endpoint it has not been tried at, or lets it wait there. When there is
 * none left it completes with `otherwise`, or if that is NULL is refused. */
void router_dispatch(struct call *call, const struct answer *otherwise);
/* One attempt has ended: tries elsewhere or completes. `answer` says with what, or why. */
void router_attempt_ended(struct call *call, enum attempt_end end, const struct answer *answer);
/* Takes a call out of the endpoint or connection it is at; it keeps its timer. */
void router_detach(struct call *call);
/* The call's timer. */
void router_timer(struct timer *timer, uint64_t now_us);

/* refresh.c */

/* Asks for the layout if it was never learned and nobody is at it. */
void refresh_first(struct shoal_client *client);
/* Asks for the layout, unless that is under way or was done a moment ago. */
void refresh_soon(struct shoal_client *client);
void refresh_init(struct shoal_client *client);

#endif
