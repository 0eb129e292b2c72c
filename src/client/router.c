/* Where a call goes. The candidates, in order: the owners of its key as the map has them, the given
 * nodes, all other nodes of the map. The first one with a ready connection gets it, and those
 * before it are connected to meanwhile: so nobody waits for a node that is away while another could
 * pass the request on. Only when none is ready does the call wait, at the most promising one.
 *
 * A read that isn't answered within an attempt's time, or whose node says nothing for longer than
 * its answers usually take (patience.h), is asked of another node (hedging); a write never is, see
 * retry.h. Each attempt at a read is a request of its own, begun after the call: whichever answers,
 * its quorum has seen all that was acknowledged before the call, so hedging takes nothing from what
 * a client reads of its own writes. A silent node is second choice until something is heard of it.
 */
#include <stdio.h>

#include "base/text.h"
#include "client/connection.h"
#include "client/core.h"
#include "client/endpoint.h"
#include "shoal/error.h"

#define ATTEMPT_US_MAX PATIENCE_US_MAX
#define ATTEMPT_SHARE 3u /* of the call's whole time */

/* A timer that comes later than this tells of the application, which has kept the loop waiting,
 * rather than of a node. */
#define LATE_US (UINT64_C(10) * 1000)

/* ---- choosing -------------------------------------------------------------------------------- */

/* The best candidate so far; worse ranks are larger. */
struct choice {
    const struct call *call;
    struct endpoint *best;
    uint32_t rank;
};

enum rank {
    RANK_READY = 0,
    RANK_OPEN = 1,    /* not connected, and nothing is known against it */
    RANK_SILENT = 2,  /* connected, but it owes an answer */
    RANK_BACKOFF = 3, /* could not be reached a moment ago */
    RANK_NONE = 4,
};

static uint32_t rank_of(const struct endpoint *endpoint)
{
    if (endpoint_ready(endpoint)) {
        return endpoint->silent ? RANK_SILENT : RANK_READY;
    }
    return endpoint_backing_off(endpoint) ? RANK_BACKOFF : RANK_OPEN;
}

/* True when the search is over. `connect`: worth a connection if it has none. */
static bool consider(struct choice *choice, struct endpoint *endpoint, bool connect)
{
    if (endpoint == NULL || call_tried(choice->call, endpoint->serial)) {
        return false;
    }
    uint32_t rank = rank_of(endpoint);
    if (connect && rank == RANK_OPEN) {
        endpoint_connect(endpoint, false);
    }
    if (rank < choice->rank) {
        choice->rank = rank;
        choice->best = endpoint;
    }
    return rank == RANK_READY;
}

static bool consider_owners(struct choice *choice, const struct map *map)
{
    const uint16_t *owners = map_owners(map, call_key(choice->call));
    for (uint32_t i = 0; i < map->replicas; i++) {
        const struct map_node *node = &map->nodes[owners[i]];
        if (consider(choice, node->endpoint, node->state != NODE_DOWN)) {
            return true;
        }
    }
    return false;
}

static struct endpoint *choose(struct shoal_client *client, const struct call *call)
{
    struct choice choice = {.call = call, .rank = RANK_NONE};
    bool routed = client->settings.routing == SHOAL_ROUTE_OWNERS && client->map != NULL &&
                  call_key(call).data != NULL;
    if (routed && consider_owners(&choice, client->map)) {
        return choice.best;
    }
    for (struct queue *at = client->endpoints.next; at != &client->endpoints; at = at->next) {
        struct endpoint *endpoint = QUEUE_ITEM(at, struct endpoint, link);
        /* Given nodes stand first in the list; of several, one connection is enough to begin with.
         */
        bool connect = endpoint->given && choice.best == NULL;
        if (endpoint->wanted && consider(&choice, endpoint, connect)) {
            return choice.best;
        }
    }
    return choice.best;
}

/* ---- attempts -------------------------------------------------------------------------------- */

static uint64_t attempt_deadline_us(const struct call *call)
{
    uint64_t share_us = call->timeout_us / ATTEMPT_SHARE;
    uint64_t limit_us = share_us < ATTEMPT_US_MAX ? share_us : ATTEMPT_US_MAX;
    uint64_t at_us = call->client->now_us + limit_us;
    return at_us < call->deadline_us ? at_us : call->deadline_us;
}

/* The next look at an attempt: when it is over, or when silence since then would be too long. */
static void look_again(struct call *call, const struct endpoint *endpoint, uint64_t quiet_us)
{
    uint64_t at_us = quiet_us + patience_us(&endpoint->patience);
    if (call->kind != MESSAGE_REQUEST || at_us > call->attempt_us) {
        at_us = call->attempt_us; /* all other questions may rightly take long */
    }
    client_start_timer(call->client, &call->timer, at_us);
}

void router_dispatch(struct call *call, const struct answer *otherwise)
{
    struct shoal_client *client = call->client;
    struct endpoint *endpoint = call->tries < CALL_TRIES_MAX ? choose(client, call) : NULL;
    if (endpoint == NULL && otherwise != NULL) {
        client_complete(call, otherwise);
        return;
    }
    if (endpoint == NULL) {
        client_refuse(call, SHOAL_ECONNECT, "no node could be reached: there is none to ask");
        return;
    }
    call_note_try(call, endpoint->serial);
    call->attempt_us = attempt_deadline_us(call);
    look_again(call, endpoint, client->now_us);
    endpoint_give(endpoint, call);
}

void router_detach(struct call *call)
{
    queue_remove(&call->link);
    if (call->connection != NULL) {
        table_remove(&call->client->in_flight, call->id);
        call->connection->in_flight--;
        call->connection->endpoint->in_flight--;
    }
    call->connection = NULL;
    call->endpoint = NULL;
}

/* Says of a failure of the library's own making what it means for the call. */
static struct answer explain(const struct call *call, enum attempt_end end, int code,
                             const struct answer *answer)
{
    struct shoal_client *client = call->client;
    struct answer told = *answer;
    told.code = code;
    if (end == ATTEMPT_ANSWERED) {
        return told;
    }
    const char *form = "%s";
    if (code == SHOAL_EUNKNOWN && call->kind != MESSAGE_REQUEST) {
        form = "outcome unknown, it may have been done (%s): look at the status before you ask "
               "again";
    } else if (code == SHOAL_EUNKNOWN) {
        form = "outcome unknown, the write may have been applied (%s): read the key before you "
               "write again";
    } else if (code == SHOAL_ECONNECT) {
        form = "no node could be reached (%s): check the address, and that shoal-server runs there";
    }
    char text[sizeof(client->scratch)];
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wformat-nonliteral"
    (void)snprintf(text, sizeof(text), form, answer->text);
#pragma GCC diagnostic pop
    memcpy(client->scratch, text, sizeof(text));
    told.text = client->scratch;
    return told;
}

void router_attempt_ended(struct call *call, enum attempt_end end, const struct answer *answer)
{
    struct shoal_client *client = call->client;
    struct verdict verdict = retry_decide(call->changes, end, answer->code);
    if (end == ATTEMPT_ANSWERED && verdict.again) {
        refresh_soon(client);
    }
    router_detach(call);
    struct answer told = explain(call, end, verdict.code, answer);
    if (verdict.again && !client->closing) {
        router_dispatch(call, &told);
    } else {
        client_complete(call, &told);
    }
}

/* ---- time ------------------------------------------------------------------------------------ */

static bool heard_nothing_since(const struct call *call)
{
    return call->connection != NULL && call->connection->heard_us <= call->sent_us;
}

static void time_is_up(struct call *call)
{
    struct shoal_client *client = call->client;
    struct connection *silent = heard_nothing_since(call) ? call->connection : NULL;
    enum attempt_end end = call->connection != NULL ? ATTEMPT_TIMED_OUT : ATTEMPT_EXPIRED;
    char text[CLIENT_TEXT_BYTES];
    if (call->endpoint != NULL) {
        char where[TEXT_ADDRESS_BYTES];
        text_address(call->endpoint->host, call->endpoint->port, where);
        (void)snprintf(text, sizeof(text), "%s %s within %llu ms",
                       end == ATTEMPT_TIMED_OUT ? "no answer from" : "no connection with room to",
                       where, (unsigned long long)(call->timeout_us / 1000));
    } else {
        (void)snprintf(text, sizeof(text), "no node within %llu ms",
                       (unsigned long long)(call->timeout_us / 1000));
    }
    bool reached = call->endpoint != NULL && endpoint_ready(call->endpoint);
    struct answer answer = {.code = reached ? SHOAL_ETIMEOUT : SHOAL_ECONNECT, .text = text};
    router_attempt_ended(call, end, &answer);
    /* A connection on which nothing came for a request's whole time is taken for dead. */
    if (silent != NULL && !client->closing) {
        connection_lose(silent, SHOAL_ETIMEOUT, "it has stopped answering");
    }
}

/* Since when nothing was heard that could be an answer to the call. */
static uint64_t quiet_since_us(const struct call *call)
{
    const struct connection *connection = call->connection;
    return connection->heard_us > call->sent_us ? connection->heard_us : call->sent_us;
}

/* The attempt has taken long: marks who kept silent, asks another node where that is safe. */
static void attempt_is_up(struct call *call)
{
    struct shoal_client *client = call->client;
    bool in_flight = call->connection != NULL;
    if (heard_nothing_since(call)) {
        connection_is_silent(call->connection);
    }
    struct endpoint *other = NULL;
    if (!(in_flight && call->changes) && call->tries < CALL_TRIES_MAX) {
        other = choose(client, call);
    }
    if (other == NULL) {
        client_start_timer(client, &call->timer, call->deadline_us);
        return;
    }
    router_detach(call);
    router_dispatch(call, NULL);
}

/* Its node has kept silent for longer than it should, and there is time yet: only a node that is
 * there and speaks is better. */
static void patience_is_up(struct call *call)
{
    struct shoal_client *client = call->client;
    bool in_flight = call->connection != NULL;
    struct endpoint *other = NULL;
    if (!(in_flight && call->changes) && call->tries < CALL_TRIES_MAX) {
        other = choose(client, call);
    }
    if (other != NULL && rank_of(other) == RANK_READY) {
        router_detach(call);
        router_dispatch(call, NULL);
    } else if (in_flight) {
        client_start_timer(client, &call->timer, call->attempt_us);
    } else {
        look_again(call, call->endpoint, client->now_us);
    }
}

/* A look at an attempt that is not over yet. */
static void look_at_silence(struct call *call, uint64_t late_us)
{
    uint64_t now_us = call->client->now_us;
    struct endpoint *endpoint = call->endpoint;
    bool in_flight = call->connection != NULL;
    uint64_t quiet_us = in_flight ? quiet_since_us(call) : now_us;
    if (late_us > LATE_US) {
        look_again(call, endpoint, now_us);
    } else if (in_flight && now_us - quiet_us >= patience_us(&endpoint->patience)) {
        connection_is_silent(call->connection);
        patience_is_up(call);
    } else if (!in_flight && (!endpoint_ready(endpoint) || endpoint->silent)) {
        patience_is_up(call); /* it waits for a connection, or for one that says nothing */
    } else {
        look_again(call, endpoint, quiet_us);
    }
}

void router_timer(struct timer *timer, uint64_t now_us)
{
    struct call *call = QUEUE_ITEM(timer, struct call, timer);
    if (now_us >= call->deadline_us) {
        time_is_up(call);
    } else if (now_us >= call->attempt_us) {
        attempt_is_up(call);
    } else {
        look_at_silence(call, now_us - timer->deadline_us);
    }
}
