/* The fixture behind the scenarios. */
#include "cluster.h"

#include "base/crypto.h"
#include "base/log.h"
#include "ring/partition.h"
#include "shoal/error.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define FORM_US (30 * SECOND_US)
#define ANSWER_US (30 * SECOND_US)
#define STEP_US (MILLISECOND_US / 10)

static void check(struct cluster *cluster)
{
    const struct sim_verdict *verdict = &cluster->world.verdict;
    if (verdict->broken) {
        fail_msg("invariant %s: %s", sim_invariant_text(verdict->invariant), verdict->text);
    }
}

static void discard(void *self, enum log_level level, struct bytes line)
{
    (void)self;
    (void)level;
    (void)line;
}

void cluster_open_empty(struct cluster *cluster, const struct sim_options *options)
{
    assert_int_equal(crypto_init(), 0);
    log_configure(LOG_ERROR, LOG_FORMAT_TEXT, NULL, discard, NULL);
    assert_int_equal(sim_world_init(&cluster->world, options, NULL), 0);
    sim_joins_init(&cluster->joins, &cluster->world);
}

void cluster_open(struct cluster *cluster, const struct sim_options *options)
{
    cluster_open_empty(cluster, options);
    sim_joins_begin(&cluster->joins);
    cluster_settle(cluster);
}

void cluster_close(struct cluster *cluster)
{
    check(cluster);
    sim_world_check_holdings(&cluster->world);
    check(cluster);
    timers_stop(&cluster->world.timers, &cluster->joins.timer);
    sim_world_deinit(&cluster->world);
}

/* ---- requests ---- */

struct answer cluster_await(struct cluster *cluster, struct sim_request *request)
{
    struct sim_world *world = &cluster->world;
    struct answer answer = {0};
    uint64_t end_us = world->now_us + ANSWER_US;
    while (!request->done && !request->orphaned && world->now_us < end_us) {
        sim_world_run_us(world, STEP_US);
        check(cluster);
    }
    assert_true(request->done || request->orphaned);
    answer.orphaned = !request->done;
    answer.took_us = world->now_us - request->submitted_us;
    if (request->done) {
        const struct outcome *outcome = &request->outcome;
        answer.code = request->code;
        answer.owners = outcome->owners;
        answer.fallbacks = outcome->fallbacks;
        answer.needed = outcome->needed;
        answer.value_count = outcome->value_count;
        if (outcome->changed != NULL) {
            answer.committed = outcome->changed->committed;
            answer.may_lose = outcome->changed->may_lose;
        }
        for (uint32_t i = 0; i < outcome->value_count && i < ANSWER_VALUES; i++) {
            snprintf(answer.values[i], sizeof(answer.values[i]), "%.*s",
                     (int)outcome->values[i].value.len,
                     (const char *)outcome->values[i].value.data);
            answer.hlc[i] = outcome->values[i].hlc;
        }
        assert_true(outcome->context.len <= sizeof(answer.token));
        if (outcome->context.data != NULL) {
            memcpy(answer.token, outcome->context.data, outcome->context.len);
            answer.token_len = outcome->context.len;
        }
        snprintf(answer.text, sizeof(answer.text), "%.*s", (int)outcome->text.len,
                 outcome->text.data == NULL ? "" : (const char *)outcome->text.data);
    }
    sim_request_release(request);
    return answer;
}

static struct sim_ask ask_for(uint32_t node, uint32_t op, const char *key,
                              const struct answer *context)
{
    struct sim_ask ask = {.node = node, .op = op, .key = bytes_from_string(key)};
    if (context != NULL) {
        assert_true(context->token_len > 0);
        ask.context = bytes_make(context->token, context->token_len);
    }
    return ask;
}

static struct answer ask_and_wait(struct cluster *cluster, const struct sim_ask *ask)
{
    return cluster_await(cluster, sim_request_submit(&cluster->world, ask));
}

struct answer cluster_put(struct cluster *cluster, uint32_t node, const char *key,
                          const char *value, const struct answer *context)
{
    struct sim_ask ask = ask_for(node, REQUEST_PUT, key, context);
    ask.value = bytes_from_string(value);
    return ask_and_wait(cluster, &ask);
}

struct sim_request *cluster_begin_put(struct cluster *cluster, uint32_t node, const char *key,
                                      const char *value)
{
    struct sim_ask ask = ask_for(node, REQUEST_PUT, key, NULL);
    ask.value = bytes_from_string(value);
    return sim_request_submit(&cluster->world, &ask);
}

struct answer cluster_get_from(struct cluster *cluster, uint32_t node, const char *key, int32_t r)
{
    struct sim_ask ask = ask_for(node, REQUEST_GET, key, NULL);
    ask.options.r = r;
    return ask_and_wait(cluster, &ask);
}

struct answer cluster_get(struct cluster *cluster, uint32_t node, const char *key)
{
    return cluster_get_from(cluster, node, key, QUORUM_DEFAULT);
}

struct answer cluster_delete(struct cluster *cluster, uint32_t node, const char *key,
                             const struct answer *context)
{
    struct sim_ask ask = ask_for(node, REQUEST_DELETE, key, context);
    return ask_and_wait(cluster, &ask);
}

struct answer cluster_join(struct cluster *cluster, uint32_t node, const char *host, uint16_t port)
{
    struct sim_ask ask = ask_for(node, REQUEST_JOIN, host, NULL);
    ask.limit = port;
    return ask_and_wait(cluster, &ask);
}

void cluster_rejoin(struct cluster *cluster, uint32_t node, uint32_t at)
{
    const struct node_config *config = &cluster_node(cluster, at)->config;
    struct answer answer = cluster_join(cluster, node, config->advertise_host, config->peer_port);
    if (answer.code != 0) {
        fail_msg("%s: %s", shoal_error_text(answer.code), answer.text);
    }
}

struct answer cluster_change(struct cluster *cluster, uint32_t node,
                             const struct message_change *change)
{
    struct sim_ask ask = {.node = node, .op = REQUEST_CHANGE, .change = change};
    cluster_expect_change(cluster);
    return ask_and_wait(cluster, &ask);
}

struct answer cluster_leave(struct cluster *cluster, uint32_t node)
{
    struct message_change change = {.op = CHANGE_LEAVE};
    return cluster_change(cluster, node, &change);
}

struct answer cluster_remove(struct cluster *cluster, uint32_t node, uint32_t target, bool force)
{
    struct message_change change = {
        .op = CHANGE_REMOVE,
        .force = force,
        .node = bytes_from_string(cluster_node(cluster, target)->config.name)};
    return cluster_change(cluster, node, &change);
}

/* ---- what happens ---- */

void cluster_run(struct cluster *cluster, uint64_t duration_us)
{
    sim_world_run_us(&cluster->world, duration_us);
    check(cluster);
}

void cluster_settle(struct cluster *cluster)
{
    bool settled = sim_world_run_until(&cluster->world, sim_world_settled, FORM_US);
    check(cluster);
    assert_true(settled);
}

void cluster_start(struct cluster *cluster, uint32_t node)
{
    assert_int_equal(sim_node_start(cluster_node(cluster, node)), 0);
}

void cluster_start_joiner(struct cluster *cluster, uint32_t node)
{
    cluster_expect_change(cluster);
    cluster_start(cluster, node);
}

void cluster_expect_change(struct cluster *cluster)
{
    sim_oracle_loss(&cluster->world.oracle);
    cluster->world.oracle.unstable = true;
}

void cluster_bury(struct cluster *cluster, uint32_t node)
{
    struct sim_node *at = cluster_node(cluster, node);
    sim_members_look(&cluster->world);
    at->buried = true;
    at->lost = true;
    sim_oracle_loss(&cluster->world.oracle);
    sim_node_crash(at, SIM_EXIT_POWER);
}

void cluster_stop(struct cluster *cluster, uint32_t node)
{
    sim_node_stop(cluster_node(cluster, node));
    for (uint32_t i = 0; i < 20 && cluster_node(cluster, node)->state != SIM_DOWN; i++) {
        cluster_run(cluster, SECOND_US / 2);
    }
    assert_int_equal(cluster_node(cluster, node)->state, SIM_DOWN);
}

void cluster_restart(struct cluster *cluster, uint32_t node, enum sim_exit how)
{
    if (how == SIM_EXIT_STOP) {
        cluster_stop(cluster, node);
    } else {
        sim_node_crash(cluster_node(cluster, node), how);
    }
    cluster_start(cluster, node);
    cluster_settle(cluster);
}

void cluster_part(struct cluster *cluster, uint32_t a, uint32_t b)
{
    struct sim_network *network = &cluster->world.network;
    sim_network_cut(network, a, b, true);
    sim_network_cut(network, b, a, true);
    sim_network_break_between(network, a, b);
    cluster_run(cluster, SECOND_US);
}

void cluster_mute(struct cluster *cluster, uint32_t a, uint32_t b)
{
    sim_network_cut(&cluster->world.network, a, b, true);
}

void cluster_split(struct cluster *cluster, uint32_t side, uint32_t other_side)
{
    struct sim_network *network = &cluster->world.network;
    for (uint32_t a = 0; a < cluster->world.node_count; a++) {
        for (uint32_t b = 0; b < cluster->world.node_count; b++) {
            if ((side >> a & 1) != 0 && (other_side >> b & 1) != 0) {
                sim_network_cut(network, a, b, true);
                sim_network_cut(network, b, a, true);
                sim_network_break_between(network, a, b);
            }
        }
    }
    cluster_run(cluster, SECOND_US);
}

void cluster_mend(struct cluster *cluster)
{
    sim_network_mend(&cluster->world.network);
}

/* ---- what is ---- */

struct sim_node *cluster_node(struct cluster *cluster, uint32_t node)
{
    assert_true(node < cluster->world.node_count);
    return &cluster->world.nodes[node];
}

static const struct snapshot *snapshot_of(struct cluster *cluster, uint32_t node)
{
    const struct snapshot *snapshot = sim_node_snapshot(cluster_node(cluster, node));
    assert_non_null(snapshot);
    return snapshot;
}

int cluster_owner_position(struct cluster *cluster, uint32_t node, const char *key)
{
    const struct snapshot *snapshot = snapshot_of(cluster, node);
    uint64_t owners[LIMIT_REPLICAS];
    uint32_t partition =
        partition_of_key(bytes_from_string(key), cluster->world.options.partitions);
    uint32_t count = layout_owners(view_newest(snapshot->view), partition, owners);
    for (uint32_t i = 0; i < count; i++) {
        if (owners[i] == snapshot->self) {
            return (int)i;
        }
    }
    return -1;
}

const char *cluster_key(uint32_t i)
{
    static char key[32];
    snprintf(key, sizeof(key), "key %u", i);
    return key;
}

const char *cluster_key_of(struct cluster *cluster, uint32_t first_owner)
{
    static char key[32];
    for (uint32_t i = 0; i < 10000; i++) {
        snprintf(key, sizeof(key), "k%u", i);
        if (cluster_owner_position(cluster, first_owner, key) == 0) {
            return key;
        }
    }
    fail_msg("node%u is nowhere first", first_owner);
    return NULL;
}

struct dot cluster_last_dot(struct cluster *cluster, const char *key)
{
    struct sim_history *history = &cluster->world.oracle.history;
    const struct sim_key *at = &history->keys[sim_history_key(history, bytes_from_string(key))];
    assert_true(at->dot_count > 0);
    return at->dots[at->dot_count - 1].dot;
}

uint32_t cluster_held(struct cluster *cluster, uint32_t node, const char *key)
{
    struct sim_node *at = cluster_node(cluster, node);
    struct bytes name = bytes_from_string(key);
    struct object object = object_empty();
    arena_reset(&cluster->world.arena);
    int code = sim_world_peek(&cluster->world, at, name, &object);
    return code == 0 ? object.sibling_count : 0;
}

uint32_t cluster_held_keys(struct cluster *cluster, uint32_t node, uint32_t count)
{
    uint32_t held = 0;
    for (uint32_t i = 0; i < count; i++) {
        held += cluster_held(cluster, node, cluster_key(i));
    }
    return held;
}

enum sim_standing cluster_standing(struct cluster *cluster, uint32_t node)
{
    return sim_members_standing(&cluster->world, cluster_node(cluster, node));
}

uint32_t cluster_members(struct cluster *cluster, uint32_t node)
{
    return view_newest(snapshot_of(cluster, node)->view)->member_count;
}

uint32_t cluster_live_layouts(struct cluster *cluster, uint32_t node)
{
    return snapshot_of(cluster, node)->view->live_count;
}

/* ---- assertions ---- */

static bool has_value(const struct answer *answer, const char *value)
{
    for (uint32_t i = 0; i < answer->value_count; i++) {
        if (strcmp(answer->values[i], value) == 0) {
            return true;
        }
    }
    return false;
}

void assert_values(const struct answer *answer, const char *first, const char *second)
{
    if (answer->code != 0) {
        fail_msg("%s: %s", shoal_error_text(answer->code), answer->text);
    }
    assert_int_equal(answer->value_count, second == NULL ? 1 : 2);
    assert_true(has_value(answer, first));
    assert_true(second == NULL || has_value(answer, second));
}
