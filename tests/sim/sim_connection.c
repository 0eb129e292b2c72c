/* Frames in flight are events of their own; a lane keeps them in order as TCP does unless the
 * network is hostile. */
#include "sim_connection.h"

#include "base/assert.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "sim_handshake.h"
#include "sim_world.h"
#include "wire/frame.h"

#define RETRANSMIT_US UINT64_C(50000)
#define PATIENCE_US_MIN UINT64_C(300000)
#define PATIENCE_US_SPREAD UINT64_C(6000000)
#define CONNECT_US UINT64_C(3000000)

struct flight {
    struct queue link;
    struct timer timer;
    struct sim_connection *connection;
    enum sim_direction direction;
    bool due;
    size_t len;
    uint8_t bytes[];
};

static struct flight *flight_at(struct queue *link)
{
    return QUEUE_ITEM(link, struct flight, link);
}

static struct sim_world *world_of(const struct sim_connection *connection)
{
    return connection->network->world;
}

static void flight_free(struct flight *flight)
{
    timers_stop(&world_of(flight->connection)->timers, &flight->timer);
    queue_remove(&flight->link);
    mem_free(flight);
}

static void lane_clear(struct sim_lane *lane)
{
    while (!queue_empty(&lane->frames)) {
        flight_free(flight_at(lane->frames.next));
    }
}

/* ---- delivery ---- */

static void hand_over(struct sim_connection *connection, enum sim_direction direction,
                      struct bytes frame)
{
    struct sim_world *world = world_of(connection);
    struct sim_end *end = direction == SIM_TO_SERVER ? &connection->server : &connection->client;
    struct sim_node *node = &world->nodes[end->node];
    if (!end->open || node->life != end->life || node->state == SIM_DOWN) {
        return;
    }
    struct bytes payload;
    size_t taken;
    size_t need;
    if (frame_next(frame, LIMIT_FRAME_BYTES, &payload, &taken, &need) != 0 || taken != frame.len ||
        frame_validate(payload) != 0) {
        sim_world_fail(world, SIM_ROBUSTNESS, "node%u was sent a frame that is not well-formed",
                       end->node);
        return;
    }
    enum sim_item_kind kind = direction == SIM_TO_SERVER ? SIM_ITEM_FRAME
                              : connection->is_contact   ? SIM_ITEM_CONTACTED
                                                         : SIM_ITEM_ANSWER;
    struct sim_item *item = sim_item_new(node, end->worker, kind, payload);
    if (kind == SIM_ITEM_FRAME) {
        item->source = (struct source){.worker = end->worker,
                                       .slot = (uint32_t)connection->serial,
                                       .serial = connection->serial,
                                       .node = world->nodes[connection->client.node].id};
    } else if (kind == SIM_ITEM_CONTACTED) {
        item->number = connection->ticket;
    } else {
        item->number = connection->owner->to;
    }
    sim_item_at(item, world->now_us);
}

/* A contact is over with its answer, a broken connection with its last lingering frame. */
static bool is_finished(const struct sim_connection *connection, enum sim_direction direction)
{
    if (connection->is_contact && direction == SIM_TO_CLIENT) {
        return true;
    }
    return !connection->client.open && queue_empty(&connection->lanes[SIM_TO_SERVER].frames);
}

/* Delivers one frame; true when the connection has ceased to be. */
static bool arrive(struct flight *flight)
{
    struct sim_connection *connection = flight->connection;
    enum sim_direction direction = flight->direction;
    queue_remove(&flight->link);
    hand_over(connection, direction, bytes_make(flight->bytes, flight->len));
    timers_stop(&world_of(connection)->timers, &flight->timer);
    mem_free(flight);
    if (is_finished(connection, direction)) {
        sim_connection_free(connection);
        return true;
    }
    return false;
}

static bool is_cut(const struct flight *flight)
{
    const struct sim_connection *connection = flight->connection;
    uint32_t client = connection->client.node;
    uint32_t server = connection->server.node;
    return flight->direction == SIM_TO_SERVER
               ? sim_network_is_cut(connection->network, client, server)
               : sim_network_is_cut(connection->network, server, client);
}

static bool lane_out_of_patience(struct sim_lane *lane, uint64_t patience_us, uint64_t now_us)
{
    if (lane->blocked_since_us == 0) {
        lane->blocked_since_us = now_us;
    }
    return now_us - lane->blocked_since_us > patience_us;
}

static void flight_arrives(struct timer *timer, uint64_t now_us)
{
    struct flight *flight = QUEUE_ITEM(timer, struct flight, timer);
    struct sim_connection *connection = flight->connection;
    struct sim_network *network = connection->network;
    struct sim_lane *lane = &connection->lanes[flight->direction];
    bool ordered = !network->world->options.network.hostile || network->calm;
    if (ordered && lane->frames.next != &flight->link) {
        flight->due = true;
        return;
    }
    if (is_cut(flight)) {
        if (lane_out_of_patience(lane, connection->patience_us, now_us)) {
            sim_connection_break(connection, false);
        } else if (ordered) {
            timers_start(&network->world->timers, timer, now_us + RETRANSMIT_US);
        } else {
            network->dropped++;
            flight_free(flight);
        }
        return;
    }
    lane->blocked_since_us = 0;
    while (!arrive(flight) && !queue_empty(&lane->frames)) {
        flight = flight_at(lane->frames.next);
        if (!flight->due) {
            return;
        }
    }
}

static void launch(struct sim_connection *connection, enum sim_direction direction,
                   struct bytes frame)
{
    struct sim_network *network = connection->network;
    struct sim_world *world = network->world;
    struct sim_lane *lane = &connection->lanes[direction];
    struct flight *flight = mem_alloc(sizeof(*flight) + frame.len);
    ASSERT(flight != NULL);
    *flight = (struct flight){.connection = connection,
                              .direction = direction,
                              .timer = {.fire = flight_arrives},
                              .len = frame.len};
    memcpy(flight->bytes, frame.data, frame.len);
    queue_push(&lane->frames, &flight->link);
    uint64_t due_us = world->now_us + sim_network_delay(network);
    bool ordered = !world->options.network.hostile || network->calm;
    if (ordered && due_us < lane->last_due_us) {
        due_us = lane->last_due_us;
    }
    lane->last_due_us = due_us;
    timers_start(&world->timers, &flight->timer, due_us);
}

void sim_connection_carry(struct sim_connection *connection, enum sim_direction direction,
                          struct bytes frame)
{
    struct sim_network *network = connection->network;
    const struct sim_network_options *options = &network->world->options.network;
    network->frames++;
    if (network->traffic.wanted) {
        sim_traffic_take(&network->traffic, frame);
    }
    if (options->hostile && !network->calm) {
        if (random_chance(&network->random, options->drop_rate)) {
            network->dropped++;
            return;
        }
        if (random_chance(&network->random, options->duplicate_rate)) {
            network->duplicated++;
            launch(connection, direction, frame);
        }
    }
    launch(connection, direction, frame);
}

/* ---- coming and going ---- */

static void ask_question(struct sim_connection *connection)
{
    sim_connection_carry(connection, SIM_TO_SERVER,
                         bytes_make(connection->question, connection->question_len));
}

static void handshake_fires(struct timer *timer, uint64_t now_us)
{
    struct sim_connection *connection = QUEUE_ITEM(timer, struct sim_connection, handshake);
    struct sim_network *network = connection->network;
    switch (sim_handshake(connection)) {
    case SIM_HANDSHAKE_DONE:
        network->connects++;
        connection->established = true;
        if (connection->is_contact) {
            ask_question(connection);
        } else {
            sim_link_established(connection->owner);
        }
        break;
    case SIM_HANDSHAKE_WAIT:
        if (now_us < connection->give_up_us) {
            timers_start(&network->world->timers, timer, now_us + RETRANSMIT_US);
            break;
        }
        sim_connection_break(connection, false);
        break;
    case SIM_HANDSHAKE_REFUSED:
        sim_connection_break(connection, false);
        break;
    }
}

struct sim_connection *sim_connection_new(struct sim_network *network, uint32_t client_node,
                                          uint32_t client_worker, uint32_t server_node)
{
    struct sim_world *world = network->world;
    struct sim_connection *connection = mem_alloc_zeroed(1, sizeof(*connection));
    ASSERT(connection != NULL);
    uint64_t now_us = world->now_us;
    connection->network = network;
    connection->serial = ++network->next_serial;
    connection->client = (struct sim_end){.node = client_node,
                                          .worker = client_worker,
                                          .life = world->nodes[client_node].life,
                                          .open = true};
    connection->server = (struct sim_end){.node = server_node, .open = true};
    connection->give_up_us = now_us + CONNECT_US;
    connection->patience_us = PATIENCE_US_MIN + random_below(&network->random, PATIENCE_US_SPREAD);
    connection->handshake.fire = handshake_fires;
    queue_init(&connection->lanes[0].frames);
    queue_init(&connection->lanes[1].frames);
    queue_push(&network->connections, &connection->link);
    ASSERT(table_put(&network->connection_index, connection->serial, connection) == 0);
    timers_start(&world->timers, &connection->handshake, now_us + 2 * sim_network_delay(network));
    return connection;
}

void sim_connection_free(struct sim_connection *connection)
{
    struct timers *timers = &world_of(connection)->timers;
    timers_stop(timers, &connection->handshake);
    timers_stop(timers, &connection->timeout);
    lane_clear(&connection->lanes[0]);
    lane_clear(&connection->lanes[1]);
    queue_remove(&connection->link);
    (void)table_remove(&connection->network->connection_index, connection->serial);
    mem_free(connection->question);
    mem_free(connection);
}

static void contact_failed(struct sim_connection *connection, int code)
{
    struct sim_world *world = world_of(connection);
    struct sim_node *node = &world->nodes[connection->client.node];
    if (node->state == SIM_DOWN || node->life != connection->client.life) {
        return;
    }
    struct sim_item *item = sim_item_new(node, 0, SIM_ITEM_CONTACTED, (struct bytes){0});
    item->number = connection->ticket;
    item->code = code;
    sim_item_at(item, world->now_us);
}

void sim_connection_break(struct sim_connection *connection, bool linger)
{
    struct sim_network *network = connection->network;
    bool established = connection->established;
    network->breaks += established;
    if (connection->client.open) {
        connection->client.open = false;
        if (connection->is_contact) {
            contact_failed(connection, SHOAL_ECONNECT);
        } else if (connection->owner != NULL) {
            sim_link_lost(connection->owner, established);
        }
    }
    connection->owner = NULL;
    lane_clear(&connection->lanes[SIM_TO_CLIENT]);
    if (!linger || !established || queue_empty(&connection->lanes[SIM_TO_SERVER].frames)) {
        sim_connection_free(connection);
    }
}
