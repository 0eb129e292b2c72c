/* The network model by itself: two nodes stand still (their processes are paused) while frames pass
 * between them, so that what arrives can be looked at item by item. */
#include "sim_connection.h"
#include "sim_world.h"

#include "base/crypto.h"
#include "base/log.h"
#include "wire/frame.h"
#include "wire/messages.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#define FRAMES 200u

struct trial {
    struct sim_world world;
    struct sim_connection *connection;
};

static void discard(void *self, enum log_level level, struct bytes line)
{
    (void)self;
    (void)level;
    (void)line;
}

static struct trial *begin(const struct sim_options *options)
{
    struct trial *trial = calloc(1, sizeof(*trial));
    assert_non_null(trial);
    assert_int_equal(crypto_init(), 0);
    log_configure(LOG_ERROR, LOG_FORMAT_TEXT, NULL, discard, NULL);
    assert_int_equal(sim_world_init(&trial->world, options, NULL), 0);
    assert_int_equal(sim_node_start(&trial->world.nodes[0]), 0);
    assert_int_equal(sim_node_start(&trial->world.nodes[1]), 0);
    sim_world_run_us(&trial->world, 1000000);
    sim_node_pause(&trial->world.nodes[0]);
    sim_node_pause(&trial->world.nodes[1]);
    sim_world_run_us(&trial->world, 1000000);
    /* A connection that has greeted. */
    trial->connection = sim_connection_new(&trial->world.network, 0, 0, 1);
    timers_stop(&trial->world.timers, &trial->connection->handshake);
    trial->connection->established = true;
    trial->connection->server.life = trial->world.nodes[1].life;
    return trial;
}

static void end(struct trial *trial)
{
    assert_false(trial->world.verdict.broken);
    sim_world_deinit(&trial->world);
    free(trial);
}

static void options_of_two(struct sim_options *options)
{
    sim_options_quiet(options);
    options->nodes = 2;
    options->setup = SIM_SETUP_JOIN; /* each its own cluster: nothing else is said */
    options->network.delay_us_mean = 2000;
}

static void send_all(struct trial *trial)
{
    for (uint64_t id = 1; id <= FRAMES; id++) {
        buffer_clear(&trial->world.scratch);
        assert_int_equal(message_ping_encode(id, &trial->world.scratch), 0);
        sim_connection_carry(trial->connection, SIM_TO_SERVER, buffer_bytes(&trial->world.scratch));
    }
}

/* The ids of the pings that wait for node 1, in the order of their arrival. */
static uint32_t arrived(const struct trial *trial, uint64_t *ids, uint32_t max)
{
    uint32_t count = 0;
    const struct queue *held = &trial->world.nodes[1].held;
    for (const struct queue *at = held->next; at != held; at = at->next) {
        const struct sim_item *item = QUEUE_ITEM(at, struct sim_item, link);
        uint32_t kind;
        uint64_t id;
        if (item->kind == SIM_ITEM_FRAME &&
            frame_peek(bytes_make(item->bytes, item->len), &kind, &id) == 0 &&
            kind == MESSAGE_PING && count < max) {
            ids[count++] = id;
        }
    }
    return count;
}

static void a_connection_delivers_everything_once_and_in_order(void **state)
{
    (void)state;
    struct sim_options options;
    uint64_t ids[FRAMES + 1];
    options_of_two(&options);
    struct trial *trial = begin(&options);
    send_all(trial);
    sim_world_run_us(&trial->world, 1000000);
    assert_int_equal(arrived(trial, ids, FRAMES + 1), FRAMES);
    for (uint32_t i = 0; i < FRAMES; i++) {
        assert_int_equal(ids[i], i + 1);
    }
    end(trial);
}

static void a_hostile_network_loses_doubles_and_reorders(void **state)
{
    (void)state;
    struct sim_options options;
    uint64_t ids[3 * FRAMES];
    uint32_t times[FRAMES + 1] = {0};
    options_of_two(&options);
    options.network.hostile = true;
    options.network.drop_rate = 0.1;
    options.network.duplicate_rate = 0.1;
    struct trial *trial = begin(&options);
    send_all(trial);
    sim_world_run_us(&trial->world, 1000000);
    uint32_t count = arrived(trial, ids, 3 * FRAMES);
    bool lost = false;
    bool doubled = false;
    bool reordered = false;
    for (uint32_t i = 0; i < count; i++) {
        times[ids[i]]++;
        reordered = reordered || (i > 0 && ids[i] < ids[i - 1]);
    }
    for (uint32_t id = 1; id <= FRAMES; id++) {
        lost = lost || times[id] == 0;
        doubled = doubled || times[id] == 2;
    }
    assert_true(lost);
    assert_true(doubled);
    assert_true(reordered);
    end(trial);
}

static void a_short_cut_delays_a_long_one_breaks_the_connection(void **state)
{
    (void)state;
    struct sim_options options;
    uint64_t ids[FRAMES + 1];
    options_of_two(&options);
    struct trial *trial = begin(&options);
    trial->connection->patience_us = 1000000;
    sim_network_cut(&trial->world.network, 0, 1, true);
    send_all(trial);
    sim_world_run_us(&trial->world, 500000);
    assert_int_equal(arrived(trial, ids, FRAMES + 1), 0);
    sim_network_mend(&trial->world.network);
    sim_world_run_us(&trial->world, 500000);
    assert_int_equal(arrived(trial, ids, FRAMES + 1), FRAMES);

    uint64_t breaks = trial->world.network.breaks;
    sim_network_cut(&trial->world.network, 0, 1, true);
    send_all(trial);
    sim_world_run_us(&trial->world, 3000000);
    assert_int_equal(trial->world.network.breaks, breaks + 1);
    sim_network_mend(&trial->world.network);
    sim_world_run_us(&trial->world, 1000000);
    assert_int_equal(arrived(trial, ids, FRAMES + 1), FRAMES);
    end(trial);
}

static void what_a_dying_client_had_sent_may_linger_and_arrive(void **state)
{
    (void)state;
    struct sim_options options;
    uint64_t ids[FRAMES + 1];
    options_of_two(&options);
    struct trial *trial = begin(&options);
    send_all(trial);
    sim_connection_break(trial->connection, true);
    sim_world_run_us(&trial->world, 1000000);
    assert_int_equal(arrived(trial, ids, FRAMES + 1), FRAMES);
    end(trial);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_connection_delivers_everything_once_and_in_order),
        cmocka_unit_test(a_hostile_network_loses_doubles_and_reorders),
        cmocka_unit_test(a_short_cut_delays_a_long_one_breaks_the_connection),
        cmocka_unit_test(what_a_dying_client_had_sent_may_linger_and_arrive),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
