/* What happens to processes and their disks, within what the promises allow: at most W-1 nodes at a
 * time may have forgotten anything that they had confirmed. A node whose disk rots counts as one
 * until the disk is replaced, for nobody can say whether all the rot was found. */
#include "sim_faults.h"

#include "storage/engine.h"

#define REPAIR_US_MEAN UINT64_C(1500000)
#define DOOM_CHANCE 0.6
#define ROT_BITS_MAX 16u

/* A process that runs ends, at once or in the middle of something; where its end would make it
 * forget and none may forget now, it is only killed, or spared. */
static void end(struct sim_faults *faults, struct sim_node *node, enum sim_exit how)
{
    struct sim_world *world = faults->world;
    if (sim_store_forgets(&node->store, how) && !sim_world_may_lose(world, node)) {
        how = SIM_EXIT_KILL;
        if (sim_store_forgets(&node->store, how)) {
            return;
        }
    }
    /* From now on: nobody else may forget meanwhile. */
    node->lost = node->lost || sim_store_forgets(&node->store, how);
    if (node->store.disk != NULL && random_chance(&faults->random, DOOM_CHANCE)) {
        sim_node_doom(node, how);
    } else {
        sim_node_crash(node, how);
    }
    sim_faults_revive(faults, node);
}

enum sim_exit sim_wear_exit(struct sim_faults *faults, const struct sim_node *node)
{
    bool power = random_chance(&faults->random, 0.7);
    return power && !sim_store_forgets(&node->store, SIM_EXIT_POWER) ? SIM_EXIT_POWER
                                                                     : SIM_EXIT_KILL;
}

static void stop(struct sim_faults *faults, struct sim_node *node)
{
    bool forgets = sim_store_forgets(&node->store, SIM_EXIT_STOP);
    if (forgets && !sim_world_may_lose(faults->world, node)) {
        return;
    }
    node->lost = node->lost || forgets;
    sim_node_stop(node);
    sim_faults_revive(faults, node);
}

/* Its disk is lost, or replaced by an older copy of it; sometimes a copy is made instead. */
static void lose(struct sim_faults *faults, struct sim_node *node, bool restore)
{
    struct sim_world *world = faults->world;
    if (restore && (node->store.copy == NULL || random_chance(&faults->random, 0.3))) {
        sim_store_copy_aside(&node->store);
        sim_feed_copy_aside(&node->feed);
        return;
    }
    if (!sim_world_may_lose(world, node)) {
        return;
    }
    if (restore) {
        (void)sim_node_restore(node);
    } else {
        sim_node_lose_disk(node);
    }
    sim_faults_revive(faults, node);
}

static void note_rot(struct sim_world *world, const struct sim_node *node)
{
    sim_trace_say(&world->trace, world->now_us, "node%u's disk rots", node->index);
    world->counts.rots++;
    sim_oracle_forget(&world->oracle, node->index);
    sim_oracle_loss(&world->oracle);
}

static void rot(struct sim_faults *faults, struct sim_node *node)
{
    struct sim_world *world = faults->world;
    if (!sim_world_may_lose(world, node) || !sim_store_rot(&node->store, &faults->random)) {
        return;
    }
    note_rot(world, node);
    for (uint64_t more = random_below(&faults->random, ROT_BITS_MAX); more > 0; more--) {
        (void)sim_store_rot(&node->store, &faults->random);
    }
}

static void fill(struct sim_faults *faults, struct sim_node *node)
{
    struct sim_world *world = faults->world;
    if (node->store.disk != NULL) {
        sim_trace_say(&world->trace, world->now_us, "node%u's disk is full", node->index);
        world->counts.fulls++;
        sim_store_fill(&node->store, &faults->random);
        sim_faults_arm(faults, &faults->repairs[node->index], REPAIR_US_MEAN);
    }
}

static void fail(struct sim_faults *faults, struct sim_node *node)
{
    struct sim_world *world = faults->world;
    bool reads = random_chance(&faults->random, 0.15) && sim_world_may_lose(world, node);
    if (node->store.disk != NULL) {
        sim_trace_say(&world->trace, world->now_us, "node%u's disk fails", node->index);
        world->counts.failures++;
        sim_store_break(&node->store, &faults->random, reads);
        sim_feed_break(&node->feed);
        sim_faults_arm(faults, &faults->repairs[node->index], REPAIR_US_MEAN);
        if (reads) {
            note_rot(world, node);
        }
    }
}

void sim_wear_strike(struct sim_faults *faults, struct sim_node *node, enum sim_fault fault)
{
    switch (fault) {
    case SIM_FAULT_CRASH:
        end(faults, node, SIM_EXIT_KILL);
        break;
    case SIM_FAULT_POWER:
        end(faults, node, SIM_EXIT_POWER);
        break;
    case SIM_FAULT_STOP:
        stop(faults, node);
        break;
    case SIM_FAULT_LOSS:
    case SIM_FAULT_RESTORE:
        lose(faults, node, fault == SIM_FAULT_RESTORE);
        break;
    case SIM_FAULT_ROT:
        rot(faults, node);
        break;
    case SIM_FAULT_FULL:
        fill(faults, node);
        break;
    default:
        fail(faults, node);
        break;
    }
}

void sim_wear_blackout(struct sim_faults *faults)
{
    struct sim_world *world = faults->world;
    sim_trace_say(&world->trace, world->now_us, "---- blackout ----");
    world->counts.blackouts++;
    for (uint32_t i = 0; i < world->node_count; i++) {
        struct sim_node *node = &world->nodes[i];
        if (node->state == SIM_UP && !node->paused) {
            end(faults, node, SIM_EXIT_POWER);
        }
    }
}

static bool disabled(const struct sim_node *node)
{
    for (uint32_t i = 0; i < node->worker_count && node->state == SIM_UP; i++) {
        const struct engine *engine = node->workers[i].engine;
        if (engine->ops->health(engine) == ENGINE_FAILED) {
            return true;
        }
    }
    return false;
}

void sim_wear_mend(struct sim_faults *faults, struct sim_node *node)
{
    sim_store_mend(&node->store);
    sim_feed_mend(&node->feed);
    if (disabled(node)) {
        sim_node_crash(node, SIM_EXIT_KILL);
        sim_faults_revive(faults, node);
    }
}
