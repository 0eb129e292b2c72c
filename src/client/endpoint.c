/* Connections of one node, and the calls that wait for them. Waiting calls belong to the endpoint,
 * not to a connection: whichever has room first takes them, in order. */
#include "client/endpoint.h"

#include <stdio.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/text.h"
#include "client/connection.h"
#include "shoal/error.h"

#define BACKOFF_MIN_US (UINT64_C(100) * 1000)
#define BACKOFF_MAX_US (UINT64_C(5) * 1000 * 1000)
#define BACKOFF_DOUBLINGS 6u

static struct endpoint *endpoint_find(struct shoal_client *client, const char *host, uint16_t port)
{
    for (struct queue *at = client->endpoints.next; at != &client->endpoints; at = at->next) {
        struct endpoint *endpoint = QUEUE_ITEM(at, struct endpoint, link);
        if (endpoint->port == port && strcmp(endpoint->host, host) == 0) {
            return endpoint;
        }
    }
    return NULL;
}

struct endpoint *endpoint_obtain(struct shoal_client *client, const char *host, uint16_t port)
{
    struct endpoint *endpoint = endpoint_find(client, host, port);
    if (endpoint != NULL) {
        return endpoint;
    }
    endpoint = mem_alloc_zeroed(1, sizeof(*endpoint));
    if (endpoint == NULL) {
        return NULL;
    }
    endpoint->client = client;
    endpoint->serial = ++client->last_endpoint;
    memcpy(endpoint->host, host, strnlen(host, LIMIT_NAME_BYTES));
    endpoint->port = port;
    queue_init(&endpoint->connections);
    queue_init(&endpoint->waiting);
    queue_push(&client->endpoints, &endpoint->link);
    client->endpoint_count++;
    return endpoint;
}

void endpoint_free(struct endpoint *endpoint)
{
    while (!queue_empty(&endpoint->connections)) {
        connection_free(QUEUE_ITEM(endpoint->connections.next, struct connection, link));
    }
    queue_remove(&endpoint->link);
    endpoint->client->endpoint_count--;
    mem_free(endpoint);
}

static void send_waiting_elsewhere(struct endpoint *endpoint, int code, const char *why)
{
    struct queue leaving;
    queue_init(&leaving);
    for (struct queue *at = queue_pop(&endpoint->waiting); at != NULL;
         at = queue_pop(&endpoint->waiting)) {
        QUEUE_ITEM(at, struct call, link)->endpoint = NULL;
        queue_push(&leaving, at);
    }
    const struct answer lost = {.code = code, .text = why};
    for (struct queue *at = queue_pop(&leaving); at != NULL; at = queue_pop(&leaving)) {
        router_attempt_ended(QUEUE_ITEM(at, struct call, link), ATTEMPT_UNSENT, &lost);
    }
}

void endpoint_drop_unwanted(struct shoal_client *client)
{
    bool later = false;
    struct queue *next;
    for (struct queue *at = client->endpoints.next; at != &client->endpoints; at = next) {
        next = at->next;
        struct endpoint *endpoint = QUEUE_ITEM(at, struct endpoint, link);
        if (endpoint->wanted) {
            continue;
        }
        char where[TEXT_ADDRESS_BYTES];
        char text[CLIENT_TEXT_BYTES];
        text_address(endpoint->host, endpoint->port, where);
        (void)snprintf(text, sizeof(text), "%s: it has left the cluster", where);
        send_waiting_elsewhere(endpoint, SHOAL_ECONNECT, text);
        if (endpoint->in_flight > 0 || !queue_empty(&endpoint->waiting)) {
            later = true;
        } else {
            endpoint_free(endpoint);
        }
    }
    client->unwanted = later;
}

bool endpoint_backing_off(const struct endpoint *endpoint)
{
    return endpoint->client->now_us < endpoint->retry_at_us;
}

void endpoint_connect(struct endpoint *endpoint, bool now)
{
    if (!now && endpoint_backing_off(endpoint)) {
        return;
    }
    while (endpoint->connection_count < endpoint->client->settings.connections) {
        if (connection_open(endpoint) != 0) {
            return;
        }
    }
}

void endpoint_heard(struct endpoint *endpoint)
{
    if (endpoint->silent) {
        endpoint->silent = false;
        patience_silence_ended(&endpoint->patience);
    }
}

/* One connection after the other, so that calls spread; but calls of one turn travel together. */
static struct connection *connection_with_room(struct endpoint *endpoint)
{
    uint64_t room = (uint64_t)endpoint->ready_count * endpoint->client->settings.in_flight_max;
    if (endpoint->in_flight >= room) {
        return NULL;
    }
    struct connection *last = QUEUE_ITEM(endpoint->connections.previous, struct connection, link);
    if (!queue_empty(&last->dirty) && connection_has_room(last)) {
        return last;
    }
    for (uint32_t i = 0; i < endpoint->connection_count; i++) {
        struct queue *link = queue_pop(&endpoint->connections);
        queue_push(&endpoint->connections, link);
        struct connection *connection = QUEUE_ITEM(link, struct connection, link);
        if (connection_has_room(connection)) {
            return connection;
        }
    }
    return NULL;
}

/* True when the call is off: in flight, or refused. */
static bool endpoint_send(struct endpoint *endpoint, struct call *call)
{
    struct connection *connection = connection_with_room(endpoint);
    if (connection == NULL) {
        return false;
    }
    int error = connection_send(connection, call);
    if (error != 0) {
        client_refuse(call, error,
                      error == SHOAL_ETOOBIG ? "the request is larger than the node takes"
                                             : shoal_error_text(error));
    }
    return true;
}

void endpoint_give(struct endpoint *endpoint, struct call *call)
{
    call->endpoint = endpoint;
    if (queue_empty(&endpoint->waiting) && endpoint_send(endpoint, call)) {
        return;
    }
    queue_push(&endpoint->waiting, &call->link);
    endpoint_connect(endpoint, !endpoint_ready(endpoint));
}

void endpoint_drain(struct endpoint *endpoint)
{
    while (!queue_empty(&endpoint->waiting)) {
        struct call *call = QUEUE_ITEM(endpoint->waiting.next, struct call, link);
        queue_remove(&call->link);
        if (!endpoint_send(endpoint, call)) {
            /* Back to the front: nothing can have joined meanwhile. */
            queue_push(endpoint->waiting.next, &call->link);
            return;
        }
    }
}

void endpoint_connection_ready(struct endpoint *endpoint)
{
    endpoint->failures = 0;
    endpoint->retry_at_us = 0;
    endpoint_heard(endpoint);
    endpoint_drain(endpoint);
}

static void back_off(struct endpoint *endpoint)
{
    struct shoal_client *client = endpoint->client;
    uint32_t doublings =
        endpoint->failures < BACKOFF_DOUBLINGS ? endpoint->failures : BACKOFF_DOUBLINGS;
    uint64_t pause_us = BACKOFF_MIN_US << doublings;
    pause_us = pause_us < BACKOFF_MAX_US ? pause_us : BACKOFF_MAX_US;
    uint64_t jitter_us = hash_mix(client->now_us ^ endpoint->serial) % (pause_us / 4);
    endpoint->failures++;
    endpoint->retry_at_us = client->now_us + pause_us - jitter_us;
}

/* Nothing is asked on the connections that are left, for others are preferred; so what they are
 * worth is found out as if they owed an answer. */
static void suspect_the_rest(struct endpoint *endpoint)
{
    for (struct queue *at = endpoint->connections.next; at != &endpoint->connections;
         at = at->next) {
        struct connection *connection = QUEUE_ITEM(at, struct connection, link);
        if (connection->state == CONNECTION_READY) {
            connection_is_silent(connection);
        }
    }
}

void endpoint_connection_lost(struct endpoint *endpoint, int code, const char *why)
{
    struct shoal_client *client = endpoint->client;
    client->trouble_code = code;
    char where[TEXT_ADDRESS_BYTES];
    text_address(endpoint->host, endpoint->port, where);
    (void)snprintf(client->trouble, sizeof(client->trouble), "%s: %s", where, why);
    back_off(endpoint);
    refresh_soon(client);
    if (!endpoint_ready(endpoint)) {
        send_waiting_elsewhere(endpoint, code, client->trouble);
    } else if (endpoint->silent) {
        suspect_the_rest(endpoint);
    }
}
