/* Wanted links and the ports' calls; connections themselves are in sim_connection.c. */
#include "sim_network.h"

#include "base/assert.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "sim_connection.h"
#include "sim_world.h"

#include <math.h>
#include <stdio.h>

#define RETRY_US_MIN UINT64_C(20000)
#define RETRY_US_SPREAD UINT64_C(400000)
#define NOTICE_US_SPREAD UINT64_C(20000)

void sim_network_init(struct sim_network *network, struct sim_world *world, uint64_t seed)
{
    *network = (struct sim_network){.world = world};
    random_init(&network->random, seed);
    queue_init(&network->links);
    queue_init(&network->connections);
    table_init(&network->link_index);
    table_init(&network->connection_index);
}

static struct sim_link *link_at(const struct queue *at)
{
    return QUEUE_ITEM(at, struct sim_link, link);
}

static struct sim_connection *connection_at(const struct queue *at)
{
    return QUEUE_ITEM(at, struct sim_connection, link);
}

static uint64_t link_key(uint32_t node, uint32_t worker, uint64_t to)
{
    return to ^ (uint64_t)(node * SIM_WORKERS_MAX + worker + 1) * UINT64_C(0x9e3779b97f4a7c15);
}

static void link_free(struct sim_link *link)
{
    (void)table_remove(&link->network->link_index, link_key(link->node, link->worker, link->to));
    timers_stop(&link->network->world->timers, &link->timer);
    queue_remove(&link->link);
    mem_free(link);
}

void sim_network_deinit(struct sim_network *network)
{
    while (!queue_empty(&network->connections)) {
        sim_connection_free(connection_at(network->connections.next));
    }
    while (!queue_empty(&network->links)) {
        link_free(link_at(network->links.next));
    }
    table_deinit(&network->link_index);
    table_deinit(&network->connection_index);
}

uint64_t sim_network_delay(struct sim_network *network)
{
    const struct sim_network_options *options = &network->world->options.network;
    double exponential = -log(1.0 - random_unit(&network->random));
    double delay_us = (double)options->delay_us_mean * exponential;
    if (!network->calm && random_chance(&network->random, options->slow_rate)) {
        delay_us = delay_us * 10.0 + 1000.0;
    }
    return options->delay_us_min + (uint64_t)delay_us;
}

int sim_network_resolve(const struct sim_network *network, const char *host, uint16_t port)
{
    const struct sim_world *world = network->world;
    for (uint32_t i = 0; i < world->node_count; i++) {
        const struct node_config *config = &world->nodes[i].config;
        if (config->peer_port == port && strcmp(config->advertise_host, host) == 0) {
            return (int)i;
        }
    }
    return -1;
}

/* ---- wanted links ---- */

static void link_retry(struct sim_link *link)
{
    struct sim_network *network = link->network;
    timers_start(&network->world->timers, &link->timer,
                 network->world->now_us + RETRY_US_MIN +
                     random_below(&network->random, RETRY_US_SPREAD));
}

static void link_connect(struct sim_link *link)
{
    int server = sim_network_resolve(link->network, link->host, link->port);
    if (server < 0 || (uint32_t)server == link->node) {
        link_retry(link);
        return;
    }
    link->connection =
        sim_connection_new(link->network, link->node, link->worker, (uint32_t)server);
    link->connection->owner = link;
}

static void tell(struct sim_link *link, bool up)
{
    struct sim_node *node = &link->network->world->nodes[link->node];
    struct sim_item *item = sim_item_new(node, link->worker, SIM_ITEM_LINK, (struct bytes){0});
    item->number = link->to;
    item->code = up ? 1 : 0;
    link->up = up;
    sim_item_at(item, link->network->world->now_us);
}

static void link_timer_fires(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    struct sim_link *link = QUEUE_ITEM(timer, struct sim_link, timer);
    if (link->up) {
        link_retry(link);
        tell(link, false);
    } else {
        link_connect(link);
    }
}

void sim_link_established(struct sim_link *link)
{
    tell(link, true);
}

/* The connection is gone. Until the notice comes, what is sent vanishes. */
void sim_link_lost(struct sim_link *link, bool was_established)
{
    struct sim_network *network = link->network;
    link->connection = NULL;
    if (!was_established) {
        link_retry(link);
        return;
    }
    uint64_t notice_us =
        random_chance(&network->random, 0.5) ? 0 : random_below(&network->random, NOTICE_US_SPREAD);
    timers_start(&network->world->timers, &link->timer, network->world->now_us + notice_us);
}

static struct sim_link *link_find(const struct sim_network *network, uint32_t node, uint32_t worker,
                                  uint64_t to)
{
    struct sim_link *link = table_get(&network->link_index, link_key(node, worker, to));
    ASSERT(link == NULL || (link->node == node && link->worker == worker && link->to == to));
    return link;
}

bool sim_network_wanted(const struct sim_network *network, uint32_t node, uint32_t worker,
                        uint64_t to)
{
    return link_find(network, node, worker, to) != NULL;
}

static void link_close(struct sim_link *link)
{
    struct sim_connection *connection = link->connection;
    if (connection != NULL) {
        link->connection = NULL;
        connection->owner = NULL;
        sim_connection_break(connection, true);
    }
}

void sim_network_link(struct sim_network *network, uint32_t node, uint32_t worker, uint64_t to,
                      const char *host, uint16_t port)
{
    struct sim_link *link = link_find(network, node, worker, to);
    if (link != NULL && link->port == port && strcmp(link->host, host) == 0) {
        return;
    }
    if (link == NULL) {
        link = mem_alloc_zeroed(1, sizeof(*link));
        ASSERT(link != NULL);
        link->network = network;
        link->node = node;
        link->worker = worker;
        link->to = to;
        link->timer.fire = link_timer_fires;
        queue_push(&network->links, &link->link);
        ASSERT(table_put(&network->link_index, link_key(node, worker, to), link) == 0);
    } else {
        link_close(link);
    }
    snprintf(link->host, sizeof(link->host), "%s", host);
    link->port = port;
    timers_start(&network->world->timers, &link->timer, network->world->now_us);
}

void sim_network_unlink(struct sim_network *network, uint32_t node, uint32_t worker, uint64_t to)
{
    struct sim_link *link = link_find(network, node, worker, to);
    if (link != NULL) {
        link_close(link);
        link_free(link);
    }
}

/* ---- sending ---- */

int sim_network_send(struct sim_network *network, uint32_t node, uint32_t worker, uint64_t to,
                     struct bytes frame)
{
    struct sim_link *link = link_find(network, node, worker, to);
    if (link == NULL || !link->up) {
        return SHOAL_ECONNECT;
    }
    if (!network->calm &&
        random_chance(&network->random, network->world->options.network.refuse_rate)) {
        return SHOAL_EOVERLOAD;
    }
    if (link->connection != NULL) {
        sim_connection_carry(link->connection, SIM_TO_SERVER, frame);
    }
    return 0;
}

void sim_network_reply(struct sim_network *network, uint32_t node, struct source source,
                       struct bytes frame)
{
    struct sim_connection *connection = table_get(&network->connection_index, source.serial);
    ASSERT(connection == NULL || connection->server.node == node);
    if (connection != NULL && connection->client.open) {
        sim_connection_carry(connection, SIM_TO_CLIENT, frame);
    }
}

static void contact_times_out(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    struct sim_connection *connection = QUEUE_ITEM(timer, struct sim_connection, timeout);
    sim_connection_break(connection, false);
}

void sim_network_contact(struct sim_network *network, uint32_t node, const char *host,
                         uint16_t port, struct bytes frame, uint64_t ticket, uint64_t timeout_us)
{
    struct sim_world *world = network->world;
    int server = sim_network_resolve(network, host, port);
    if (server < 0) {
        struct sim_item *item =
            sim_item_new(&world->nodes[node], 0, SIM_ITEM_CONTACTED, (struct bytes){0});
        item->number = ticket;
        item->code = SHOAL_ECONNECT;
        sim_item_at(item, world->now_us + sim_network_delay(network));
        return;
    }
    struct sim_connection *connection = sim_connection_new(network, node, 0, (uint32_t)server);
    connection->is_contact = true;
    connection->ticket = ticket;
    connection->question = mem_alloc(frame.len);
    ASSERT(connection->question != NULL);
    memcpy(connection->question, frame.data, frame.len);
    connection->question_len = frame.len;
    connection->timeout.fire = contact_times_out;
    timers_start(&world->timers, &connection->timeout, world->now_us + timeout_us);
}

/* ---- faults ---- */

void sim_network_forget(struct sim_network *network, uint32_t node, bool clean)
{
    for (struct queue *at = network->links.next; at != &network->links;) {
        struct sim_link *link = link_at(at);
        at = at->next;
        if (link->node == node) {
            struct sim_connection *connection = link->connection;
            link->connection = NULL;
            if (connection != NULL) {
                connection->owner = NULL;
                sim_connection_break(connection, clean || random_chance(&network->random, 0.5));
            }
            link_free(link);
        }
    }
    for (struct queue *at = network->connections.next; at != &network->connections;) {
        struct sim_connection *connection = connection_at(at);
        at = at->next;
        bool serves = connection->server.node == node && connection->established;
        bool asks = connection->client.node == node && connection->client.open;
        if (serves || asks) {
            sim_connection_break(connection, false);
        }
    }
}

void sim_network_cut(struct sim_network *network, uint32_t from, uint32_t to, bool cut)
{
    network->cut[from][to] = cut && from != to;
}

void sim_network_mend(struct sim_network *network)
{
    memset(network->cut, 0, sizeof(network->cut));
}

void sim_network_break_one(struct sim_network *network)
{
    uint32_t count = 0;
    struct sim_connection *chosen = NULL;
    for (struct queue *at = network->connections.next; at != &network->connections; at = at->next) {
        struct sim_connection *connection = connection_at(at);
        if (connection->established && connection->client.open) {
            count++;
            if (random_below(&network->random, count) == 0) {
                chosen = connection;
            }
        }
    }
    if (chosen != NULL) {
        sim_connection_break(chosen, random_chance(&network->random, 0.5));
    }
}

void sim_network_break_between(struct sim_network *network, uint32_t a, uint32_t b)
{
    for (struct queue *at = network->connections.next; at != &network->connections;) {
        struct sim_connection *connection = connection_at(at);
        at = at->next;
        uint32_t client = connection->client.node;
        uint32_t server = connection->server.node;
        if ((client == a && server == b) || (client == b && server == a)) {
            sim_connection_break(connection, false);
        }
    }
}

bool sim_network_linked(const struct sim_network *network, uint32_t node, uint64_t to)
{
    for (const struct queue *at = network->links.next; at != &network->links; at = at->next) {
        const struct sim_link *link = link_at(at);
        if (link->node == node && link->to == to && link->up && link->connection != NULL) {
            return true;
        }
    }
    return false;
}
