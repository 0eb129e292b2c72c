/* The demands of invariant 5 on data. See sim_converge.h. */
#include "sim_converge.h"

#include "base/metrics.h"
#include "ring/partition.h"
#include "shoal/error.h"

#include <stdio.h>

#define SECOND_US UINT64_C(1000000)
/* What may take its time: ended actors are closed after several syncs, each in a later period. */
#define CONVERGE_PERIODS 20u
#define CONVERGE_US (40 * SECOND_US)
#define EXPIRY_US (90 * SECOND_US) /* after a start, what expires is looked for after a while */
#define METRICS_US (3 * SECOND_US) /* until what was counted is told */
#define EXPIRES_SOON_MS 20000u
#define VERIFY_US (20 * SECOND_US)

static struct sim_node *node_by_id(struct sim_world *world, uint64_t id)
{
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct sim_node *node = &world->nodes[i];
        if (node->state == SIM_UP && worker_node_id(node->workers[0].core) == id) {
            return node;
        }
    }
    return NULL;
}

/* ---- the same everywhere ---- */

static bool siblings_equal(const struct object *a, const struct object *b)
{
    bool equal = a->sibling_count == b->sibling_count;
    for (uint32_t i = 0; equal && i < a->sibling_count; i++) {
        const struct sibling *one = &a->siblings[i];
        const struct sibling *other = &b->siblings[i];
        equal = dot_equal(one->dot, other->dot) && one->kind == other->kind &&
                one->hlc == other->hlc && one->expiry_ms == other->expiry_ms &&
                bytes_equal(one->value, other->value);
    }
    return equal;
}

/* Neither a tombstone in it nor anything whose time has come or will soon. What a clock put off
 * that was far ahead for a while may wait until that time has come by all. */
static bool lives(struct sim_world *world, const struct object *object)
{
    uint64_t wall_ms = sim_clock_moment(&sim_members_any(world)->clock, world->now_us).wall_ms;
    for (uint32_t i = 0; i < object->sibling_count; i++) {
        const struct sibling *sibling = &object->siblings[i];
        bool expired = sibling->expiry_ms != 0 && sibling->expiry_ms < wall_ms + EXPIRES_SOON_MS &&
                       sim_clocks_agree(&world->options.clock);
        if (sibling->kind == SIBLING_TOMBSTONE || expired) {
            return false;
        }
    }
    return true;
}

static bool key_converged(struct sim_world *world, const struct sim_key *key, char *why,
                          size_t size)
{
    struct bytes name = bytes_make(key->name, key->name_len);
    const struct layout *layout = view_newest(sim_members_snapshot(world)->view);
    uint64_t owners[LIMIT_REPLICAS];
    uint32_t count =
        layout_owners(layout, partition_of_key(name, world->options.partitions), owners);
    struct object first = object_empty();
    arena_reset(&world->arena);
    for (uint32_t i = 0; i < count; i++) {
        struct sim_node *node = node_by_id(world, owners[i]);
        struct object object = object_empty();
        int code = node == NULL ? SHOAL_ENOTFOUND : sim_world_peek(world, node, name, &object);
        if (node == NULL || (code != 0 && code != SHOAL_ENOTFOUND)) {
            snprintf(why, size, "an owner of %.*s can't be looked at: %d", (int)name.len,
                     (const char *)name.data, code);
            return false;
        }
        if (!lives(world, &object)) {
            snprintf(why, size, "node%u keeps a tombstone, or what has expired, of %.*s",
                     node->index, (int)name.len, (const char *)name.data);
            return false;
        }
        first = i == 0 ? object : first;
        if (!siblings_equal(&first, &object)) {
            snprintf(why, size, "node%u holds something else of %.*s than its first owner",
                     node->index, (int)name.len, (const char *)name.data);
            return false;
        }
    }
    return true;
}

/* Who owns it no more has let go of it. */
static bool key_released(struct sim_world *world, const struct sim_key *key, char *why, size_t size)
{
    struct bytes name = bytes_make(key->name, key->name_len);
    const struct layout *layout = view_newest(sim_members_snapshot(world)->view);
    uint32_t partition = partition_of_key(name, world->options.partitions);
    arena_reset(&world->arena);
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct sim_node *node = &world->nodes[i];
        struct object object = object_empty();
        if (node->state == SIM_UP && !node->removed && !layout_owns(layout, node->id, partition) &&
            sim_world_peek(world, node, name, &object) != SHOAL_ENOTFOUND) {
            snprintf(why, size, "node%u still holds %.*s, which it does not own", i, (int)name.len,
                     (const char *)name.data);
            return false;
        }
    }
    return true;
}

bool sim_converged(struct sim_world *world, char *why, size_t size)
{
    for (uint32_t i = 0; i < world->oracle.history.key_count; i++) {
        if (!key_converged(world, &world->oracle.history.keys[i], why, size) ||
            !key_released(world, &world->oracle.history.keys[i], why, size)) {
            return false;
        }
    }
    return true;
}

static bool is_converged(struct sim_world *world)
{
    char why[200];
    return sim_converged(world, why, sizeof(why));
}

/* ---- silence ---- */

static uint64_t repairs(const struct sim_world *world)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < world->node_count; i++) {
        metric_id id;
        const struct metrics *metrics = world->nodes[i].metrics;
        if (metrics != NULL && metrics_find(metrics, "shoal_sync_repairs_total", NULL, &id) == 0) {
            sum += metrics_value(metrics, id);
        }
    }
    return sum;
}

static void fall_silent(struct sim_world *world)
{
    if (world->options.client.ttl_rate > 0 && !sim_clocks_agree(&world->options.clock)) {
        return; /* something may expire at any time */
    }
    sim_world_run_us(world, METRICS_US);
    uint64_t before = repairs(world);
    sim_world_run_us(world, 2 * world->options.repair_us + METRICS_US);
    uint64_t after = repairs(world);
    if (after != before) {
        sim_world_fail(world, SIM_CONVERGENCE,
                       "repair goes on after all owners are identical: %llu objects in two periods",
                       (unsigned long long)(after - before));
    }
}

/* ---- by their own account ---- */

static void verified(struct sim_request *request)
{
    *(int *)request->user = request->done ? request->code : SHOAL_EUNKNOWN;
}

static bool run_idle(struct sim_world *world)
{
    return queue_empty(&world->requests);
}

static void verify(struct sim_world *world)
{
    int code = SHOAL_EUNKNOWN;
    struct sim_ask ask = {.node = sim_members_any(world)->index,
                          .op = REQUEST_VERIFY,
                          .with_values = true,
                          .options = {.timeout_us = VERIFY_US},
                          .completed = verified,
                          .user = &code};
    sim_request_submit(world, &ask);
    sim_world_run_until(world, run_idle, 2 * VERIFY_US);
    if (code != 0) {
        sim_world_fail(world, SIM_CONVERGENCE, "verifying finds otherwise: %s",
                       shoal_error_text(code));
    }
}

void sim_converge(struct sim_world *world)
{
    uint64_t patience_us = CONVERGE_US + CONVERGE_PERIODS * world->options.repair_us;
    patience_us += world->options.client.ttl_rate > 0 ? EXPIRY_US : 0;
    uint64_t began_us = world->now_us;
    if (!sim_world_run_until(world, is_converged, patience_us)) {
        char why[200] = "";
        (void)sim_converged(world, why, sizeof(why));
        sim_world_fail(world, SIM_CONVERGENCE, "owners do not become the same by themselves: %s",
                       why);
        return;
    }
    world->counts.converged_us += world->now_us - began_us;
    world->counts.converged++;
    if (world->now_us - began_us > world->counts.converged_us_max) {
        world->counts.converged_us_max = world->now_us - began_us;
    }
    fall_silent(world);
    if (!world->verdict.broken) {
        verify(world);
    }
}
