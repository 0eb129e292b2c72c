/* The exchange is taken as one instant: what a real one may suffer in between, a break, is the same
 * as a break just after it. */
#include "sim_handshake.h"

#include "base/assert.h"
#include "sim_connection.h"
#include "sim_world.h"
#include "wire/frame.h"

static uint64_t cluster_of(const struct worker *worker)
{
    const struct snapshot *snapshot = worker_snapshot(worker);
    return snapshot == NULL ? 0 : view_facts(snapshot->view)->id;
}

static struct bytes payload_of(const struct buffer *frame)
{
    struct bytes payload;
    size_t taken;
    size_t need;
    ASSERT(frame_next(buffer_bytes(frame), LIMIT_FRAME_BYTES_BEFORE_HELLO, &payload, &taken,
                      &need) == 0);
    ASSERT(taken == frame->len);
    ASSERT(frame_validate(payload) == 0);
    return payload;
}

/* The client's hello, as the server reads it. */
static bool greet(struct sim_world *world, const struct sim_connection *connection)
{
    const struct sim_worker *client =
        &world->nodes[connection->client.node].workers[connection->client.worker];
    const struct sim_worker *server =
        &world->nodes[connection->server.node].workers[connection->server.worker];
    struct message_hello hello = {
        .id = 1,
        .version_min = PROTOCOL_VERSION,
        .version_max = PROTOCOL_VERSION,
        .role = ROLE_PEER,
        .cluster = connection->is_contact ? 0 : cluster_of(client->core),
        .node = worker_node_id(client->core),
        .worker = client->index,
    };
    memcpy(hello.name, client->node->config.name, sizeof(hello.name));
    struct message_hello heard;
    char text[256] = "";
    buffer_clear(&world->scratch);
    arena_reset(&world->arena);
    ASSERT(message_hello_encode(&hello, &world->scratch) == 0);
    ASSERT(message_hello_decode(payload_of(&world->scratch), &world->arena, &heard) == 0);
    int code = worker_check_hello(server->core, &heard, text);
    if (code != 0) {
        sim_trace_say(&world->trace, world->now_us, "node%u refuses node%u: %s",
                      connection->server.node, connection->client.node, text);
    }
    return code == 0;
}

/* The server's answer, as the client reads it: a hello in what it says. */
static bool answer(struct sim_world *world, const struct sim_connection *connection)
{
    const struct sim_worker *client =
        &world->nodes[connection->client.node].workers[connection->client.worker];
    const struct sim_worker *server =
        &world->nodes[connection->server.node].workers[connection->server.worker];
    struct message_hello_reply reply = {
        .id = 1,
        .version = PROTOCOL_VERSION,
        .cluster = cluster_of(server->core),
        .node = worker_node_id(server->core),
        .frame_bytes_max = LIMIT_FRAME_BYTES,
    };
    memcpy(reply.name, server->node->config.name, sizeof(reply.name));
    struct message_hello_reply heard;
    buffer_clear(&world->scratch);
    arena_reset(&world->arena);
    ASSERT(message_hello_reply_encode(&reply, &world->scratch) == 0);
    ASSERT(message_hello_reply_decode(payload_of(&world->scratch), &world->arena, &heard) == 0);
    if (connection->is_contact) {
        return true;
    }
    if (heard.node != connection->owner->to) {
        return false;
    }
    struct message_hello hello = {.id = heard.id,
                                  .version_min = heard.version,
                                  .version_max = heard.version,
                                  .role = ROLE_PEER,
                                  .cluster = heard.cluster,
                                  .node = heard.node};
    memcpy(hello.name, heard.name, sizeof(hello.name));
    char text[256] = "";
    return worker_check_hello(client->core, &hello, text) == 0;
}

enum sim_handshake_outcome sim_handshake(struct sim_connection *connection)
{
    struct sim_network *network = connection->network;
    struct sim_world *world = network->world;
    const struct sim_node *client = &world->nodes[connection->client.node];
    const struct sim_node *server = &world->nodes[connection->server.node];
    uint32_t a = client->index;
    uint32_t b = server->index;
    if (sim_network_is_cut(network, a, b) || sim_network_is_cut(network, b, a) || client->paused) {
        return SIM_HANDSHAKE_WAIT;
    }
    if (server->state == SIM_DOWN) {
        return SIM_HANDSHAKE_REFUSED;
    }
    if (server->paused) {
        return SIM_HANDSHAKE_WAIT;
    }
    connection->server.life = server->life;
    connection->server.worker = (uint32_t)random_below(&network->random, server->worker_count);
    if (!greet(world, connection) || !answer(world, connection)) {
        network->refused_hellos++;
        return SIM_HANDSHAKE_REFUSED;
    }
    return SIM_HANDSHAKE_DONE;
}
