/* Keeping the map fresh: the layout is asked for when the client has first something to do, then
 * every so often, and soon after anything that hints at a change (a node lost, a key's owner
 * denying it). At most once in a while however much goes wrong: a cluster in trouble needs no storm
 * of questions. */
#include "client/core.h"
#include "client/endpoint.h"
#include "shoal/error.h"

#define PAUSE_US (UINT64_C(500) * 1000)

static void ask(struct shoal_client *client);

static void again_in(struct shoal_client *client, uint64_t pause_us)
{
    client_start_timer(client, &client->refresh_timer, client->now_us + pause_us);
}

static void on_due(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    ask(QUEUE_ITEM(timer, struct shoal_client, refresh_timer));
}

/* Every node of the map gets its endpoint; endpoints that are no longer in it go. */
static void adopt(struct shoal_client *client, struct map *map)
{
    for (struct queue *at = client->endpoints.next; at != &client->endpoints; at = at->next) {
        struct endpoint *endpoint = QUEUE_ITEM(at, struct endpoint, link);
        endpoint->wanted = endpoint->given;
    }
    for (uint32_t i = 0; i < map->node_count; i++) {
        struct map_node *node = &map->nodes[i];
        if (node->port != 0 && node->host[0] != '\0') {
            node->endpoint = endpoint_obtain(client, node->host, node->port);
        }
        if (node->endpoint != NULL) {
            node->endpoint->wanted = true;
        }
    }
    map_free(client->map);
    client->map = map;
    client->unwanted = true;
    client_schedule_turn(client);
}

static void on_ring(struct call *call, const struct answer *answer)
{
    struct shoal_client *client = call->client;
    client->refreshing = false;
    struct map *map = NULL;
    if (answer->code == 0 && map_new(answer->ring, &map) == 0) {
        adopt(client, map);
    }
    if (!client->closing) {
        again_in(client, map != NULL ? client->settings.refresh_us : PAUSE_US);
    }
}

static void ask(struct shoal_client *client)
{
    if (client->refreshing || client->closing) {
        return;
    }
    struct call *call = call_new_plain(MESSAGE_RING, NULL);
    if (call == NULL) {
        again_in(client, PAUSE_US);
        return;
    }
    call->internal = true;
    client->refreshing = true;
    client->refreshed_us = client->now_us;
    if (client_start(client, call, on_ring) != 0) {
        client->refreshing = false;
    }
}

void refresh_soon(struct shoal_client *client)
{
    if (client->settings.routing != SHOAL_ROUTE_OWNERS || client->refreshing || client->closing) {
        return;
    }
    uint64_t earliest_us = client->refreshed_us + PAUSE_US;
    uint64_t at_us = earliest_us > client->now_us ? earliest_us : client->now_us;
    if (!timer_running(&client->refresh_timer) || at_us < client->refresh_timer.deadline_us) {
        client_start_timer(client, &client->refresh_timer, at_us);
    }
}

void refresh_first(struct shoal_client *client)
{
    if (client->settings.routing == SHOAL_ROUTE_OWNERS && client->map == NULL &&
        !timer_running(&client->refresh_timer)) {
        ask(client);
    }
}

void refresh_init(struct shoal_client *client)
{
    client->refresh_timer.fire = on_due;
}
