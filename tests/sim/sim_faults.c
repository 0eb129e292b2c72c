/* Every fault plans its own end; the budget of disks is the world's. */
#include "sim_faults.h"

#include <math.h>

#define REVIVE_US_MEAN UINT64_C(1200000)
#define RESUME_US_MEAN UINT64_C(500000)
#define MEND_US_MEAN UINT64_C(1500000)
#define LONG_US_MEAN UINT64_C(5000000)
#define FLAP_US_MEAN UINT64_C(150000)
#define TROUBLE_US_MEAN UINT64_C(700000)
#define DOOMED_START_CHANCE 0.3

uint64_t sim_faults_draw_us(struct sim_faults *faults, uint64_t mean_us)
{
    return (uint64_t)(-log(1.0 - random_unit(&faults->random)) * (double)mean_us) + 1;
}

void sim_faults_arm(struct sim_faults *faults, struct sim_fault_timer *timer, uint64_t mean_us)
{
    timers_start(&faults->world->timers, &timer->timer,
                 faults->world->now_us + sim_faults_draw_us(faults, mean_us));
}

struct sim_node *sim_faults_choose(struct sim_faults *faults)
{
    struct sim_world *world = faults->world;
    struct sim_node *node = &world->nodes[random_below(&faults->random, world->node_count)];
    return node->state == SIM_UP && !node->paused ? node : NULL;
}

/* ---- nodes ---- */

static void revive(struct timer *at, uint64_t now_us)
{
    struct sim_fault_timer *timer = QUEUE_ITEM(at, struct sim_fault_timer, timer);
    struct sim_world *world = timer->faults->world;
    struct sim_node *node = &world->nodes[timer->index];
    (void)now_us;
    if (node->buried) {
        return;
    }
    if (node->state == SIM_DOWN && node->life > 0) {
        if (timer->faults->going && node->store.disk != NULL &&
            random_chance(&timer->faults->random, DOOMED_START_CHANCE)) {
            sim_store_doom(&node->store, sim_wear_exit(timer->faults, node));
        }
        int code = sim_node_start(node);
        if (code == 0) {
            sim_node_spare(node);
        }
        if (code > 0 || (code < 0 && node->store.troubled)) {
            world->counts.starts_failed += code < 0;
            sim_faults_revive(timer->faults, node);
        } else if (code < 0) {
            sim_world_fail(world, SIM_ROBUSTNESS, "node%u does not start again: code %d: %s",
                           node->index, code, node->why);
        }
    } else if (node->state == SIM_STOPPING || timer_running(&node->doom)) {
        sim_faults_arm(timer->faults, timer, REVIVE_US_MEAN);
    }
}

void sim_faults_revive(struct sim_faults *faults, const struct sim_node *node)
{
    sim_faults_arm(faults, &faults->revivals[node->index], REVIVE_US_MEAN);
}

static void resume(struct timer *at, uint64_t now_us)
{
    struct sim_fault_timer *timer = QUEUE_ITEM(at, struct sim_fault_timer, timer);
    struct sim_node *node = &timer->faults->world->nodes[timer->index];
    (void)now_us;
    if (node->paused) {
        sim_node_resume(node);
    }
}

static void repair(struct timer *at, uint64_t now_us)
{
    struct sim_fault_timer *timer = QUEUE_ITEM(at, struct sim_fault_timer, timer);
    (void)now_us;
    sim_wear_mend(timer->faults, &timer->faults->world->nodes[timer->index]);
}

/* ---- network ---- */

static void cut_both(struct sim_network *network, uint32_t a, uint32_t b)
{
    sim_network_cut(network, a, b, true);
    sim_network_cut(network, b, a, true);
}

/* Two sides, each node on one of them. */
static void cut_in_two(struct sim_faults *faults)
{
    struct sim_world *world = faults->world;
    uint64_t side = random_u64(&faults->random);
    for (uint32_t a = 0; a < world->node_count; a++) {
        for (uint32_t b = 0; b < a; b++) {
            if ((side >> a & 1) != (side >> b & 1)) {
                cut_both(&world->network, a, b);
            }
        }
    }
}

/* One node: cut off, deaf or mute. */
static void cut_off(struct sim_faults *faults)
{
    struct sim_world *world = faults->world;
    uint32_t one = (uint32_t)random_below(&faults->random, world->node_count);
    uint64_t how = random_below(&faults->random, 3);
    for (uint32_t other = 0; other < world->node_count; other++) {
        if (how != 1) {
            sim_network_cut(&world->network, one, other, true);
        }
        if (how != 2) {
            sim_network_cut(&world->network, other, one, true);
        }
    }
}

/* Some pairs that can't reach each other, while others reach both. */
static void cut_pairs(struct sim_faults *faults)
{
    struct sim_world *world = faults->world;
    for (uint32_t a = 0; a < world->node_count; a++) {
        for (uint32_t b = 0; b < a; b++) {
            if (random_chance(&faults->random, 0.3)) {
                cut_both(&world->network, a, b);
            }
        }
    }
}

/* Single directions, here and there. */
static void cut_here_and_there(struct sim_faults *faults)
{
    struct sim_world *world = faults->world;
    for (uint32_t a = 0; a < world->node_count; a++) {
        for (uint32_t b = 0; b < world->node_count; b++) {
            if (random_chance(&faults->random, 0.25)) {
                sim_network_cut(&world->network, a, b, true);
            }
        }
    }
}

static void cut(struct sim_faults *faults, uint64_t how)
{
    struct sim_world *world = faults->world;
    world->counts.partitions++;
    switch (how) {
    case 0:
        cut_in_two(faults);
        break;
    case 2:
        cut_pairs(faults);
        break;
    case 1:
        cut_off(faults);
        break;
    default:
        cut_here_and_there(faults);
        break;
    }
    sim_trace_say(&world->trace, world->now_us, "the network is cut");
    for (uint32_t a = 0; a < world->node_count; a++) {
        for (uint32_t b = 0; b < world->node_count; b++) {
            if (world->network.cut[a][b]) {
                sim_trace_say(&world->trace, world->now_us, "  node%u -/-> node%u", a, b);
            }
        }
    }
    uint64_t mean = random_chance(&faults->random, 0.3) ? LONG_US_MEAN : MEND_US_MEAN;
    sim_faults_arm(faults, &faults->mend, faults->flaps > 0 ? FLAP_US_MEAN : mean);
}

static void strike_partition(struct sim_faults *faults)
{
    cut(faults, random_below(&faults->random, 4));
}

void sim_faults_split(struct sim_faults *faults)
{
    cut(faults, 0);
}

static void mend(struct timer *at, uint64_t now_us)
{
    struct sim_faults *faults = QUEUE_ITEM(at, struct sim_fault_timer, timer)->faults;
    sim_trace_say(&faults->world->trace, now_us, "the network is mended");
    sim_network_mend(&faults->world->network);
    if (faults->flaps > 0) {
        faults->flaps--;
        sim_faults_arm(faults, &faults->strikes[SIM_FAULT_PARTITION], FLAP_US_MEAN);
    } else if (random_chance(&faults->random, 0.2)) {
        faults->flaps = 5;
    }
}

/* ---- clocks ---- */

static void strike_clock(struct sim_faults *faults)
{
    struct sim_world *world = faults->world;
    struct sim_node *node = &world->nodes[random_below(&faults->random, world->node_count)];
    world->counts.clock_jumps++;
    sim_clock_jump(&node->clock, &world->options.clock, &faults->random);
    sim_trace_say(&world->trace, world->now_us, "node%u's clock is now %lld ms off", node->index,
                  (long long)node->clock.wall_offset_ms);
}

/* ---- the schedule ---- */

static uint64_t mean_us(const struct sim_faults *faults, enum sim_fault fault)
{
    const struct sim_fault_rates *rates = &faults->world->options.faults;
    switch (fault) {
    case SIM_FAULT_CRASH:
        return rates->crash_us;
    case SIM_FAULT_STOP:
        return rates->stop_us;
    case SIM_FAULT_PAUSE:
        return rates->pause_us;
    case SIM_FAULT_PARTITION:
        return rates->partition_us;
    case SIM_FAULT_BREAK:
        return rates->break_us;
    case SIM_FAULT_CLOCK:
        return rates->clock_us;
    case SIM_FAULT_POWER:
        return rates->power_us;
    case SIM_FAULT_BLACK:
        return rates->black_us;
    case SIM_FAULT_LOSS:
        return rates->loss_us;
    case SIM_FAULT_RESTORE:
        return rates->restore_us;
    case SIM_FAULT_ROT:
        return rates->rot_us;
    case SIM_FAULT_FULL:
        return rates->full_us;
    case SIM_FAULT_FAIL:
        return rates->fail_us;
    case SIM_FAULTS:
        break;
    }
    return 0;
}

static void strike_node(struct sim_faults *faults, enum sim_fault fault)
{
    struct sim_node *node = sim_faults_choose(faults);
    if (node == NULL) {
        return;
    }
    if (fault == SIM_FAULT_PAUSE) {
        sim_node_pause(node);
        sim_faults_arm(faults, &faults->resumes[node->index], RESUME_US_MEAN);
    } else {
        sim_wear_strike(faults, node, fault);
    }
}

static void strike_once(struct sim_faults *faults, enum sim_fault fault)
{
    struct sim_world *world = faults->world;
    switch (fault) {
    case SIM_FAULT_PARTITION:
        strike_partition(faults);
        break;
    case SIM_FAULT_BREAK:
        world->counts.breaks++;
        sim_network_break_one(&world->network);
        break;
    case SIM_FAULT_CLOCK:
        strike_clock(faults);
        break;
    case SIM_FAULT_BLACK:
        sim_wear_blackout(faults);
        break;
    case SIM_FAULT_CRASH:
    case SIM_FAULT_POWER:
    case SIM_FAULT_STOP:
    case SIM_FAULT_PAUSE:
    case SIM_FAULT_LOSS:
    case SIM_FAULT_RESTORE:
    case SIM_FAULT_ROT:
    case SIM_FAULT_FULL:
    case SIM_FAULT_FAIL:
    case SIM_FAULTS:
        strike_node(faults, fault);
        break;
    }
}

static void strike(struct timer *at, uint64_t now_us)
{
    struct sim_fault_timer *timer = QUEUE_ITEM(at, struct sim_fault_timer, timer);
    enum sim_fault fault = (enum sim_fault)timer->index;
    (void)now_us;
    strike_once(timer->faults, fault);
    if (mean_us(timer->faults, fault) > 0) {
        sim_faults_arm(timer->faults, timer, mean_us(timer->faults, fault));
    }
}

static void trouble(struct timer *at, uint64_t now_us)
{
    struct sim_fault_timer *timer = QUEUE_ITEM(at, struct sim_fault_timer, timer);
    (void)now_us;
    strike_once(timer->faults, (enum sim_fault)timer->index);
}

static void init_timer(struct sim_faults *faults, struct sim_fault_timer *timer, timer_fn fire,
                       uint32_t index)
{
    *timer = (struct sim_fault_timer){.timer = {.fire = fire}, .faults = faults, .index = index};
}

void sim_faults_init(struct sim_faults *faults, struct sim_world *world)
{
    memset(faults, 0, sizeof(*faults));
    faults->world = world;
    random_init(&faults->random, world->options.seed ^ UINT64_C(0x6661756c7473));
    for (uint32_t i = 0; i < SIM_FAULTS; i++) {
        init_timer(faults, &faults->strikes[i], strike, i);
    }
    for (uint32_t i = 0; i < SIM_NODES_MAX; i++) {
        init_timer(faults, &faults->revivals[i], revive, i);
        init_timer(faults, &faults->resumes[i], resume, i);
        init_timer(faults, &faults->repairs[i], repair, i);
    }
    init_timer(faults, &faults->mend, mend, 0);
}

void sim_faults_trouble(struct sim_faults *faults, uint64_t at_us)
{
    static const enum sim_fault kinds[] = {SIM_FAULT_CRASH, SIM_FAULT_POWER, SIM_FAULT_LOSS,
                                           SIM_FAULT_LOSS,  SIM_FAULT_PAUSE, SIM_FAULT_PARTITION};
    for (uint32_t i = 0; i < 3 && faults->trouble_count < SIM_TROUBLES_MAX; i++) {
        enum sim_fault kind =
            kinds[random_below(&faults->random, sizeof(kinds) / sizeof(kinds[0]))];
        struct sim_fault_timer *timer = &faults->troubles[faults->trouble_count++];
        init_timer(faults, timer, trouble, kind);
        timers_start(&faults->world->timers, &timer->timer,
                     at_us + sim_faults_draw_us(faults, TROUBLE_US_MEAN));
    }
}

void sim_faults_begin(struct sim_faults *faults)
{
    faults->going = true;
    for (uint32_t i = 0; i < SIM_FAULTS; i++) {
        uint64_t mean = mean_us(faults, (enum sim_fault)i);
        if (mean > 0) {
            sim_faults_arm(faults, &faults->strikes[i], mean);
        }
    }
}

static void heal_node(struct sim_faults *faults, struct sim_node *node)
{
    struct sim_world *world = faults->world;
    sim_clock_heal(&node->clock);
    timers_stop(&world->timers, &faults->resumes[node->index].timer);
    if (node->paused) {
        sim_node_resume(node);
    }
    timers_stop(&world->timers, &faults->repairs[node->index].timer);
    sim_wear_mend(faults, node);
    sim_node_spare(node);
    if (node->life > 0 && node->state != SIM_UP && !node->buried) {
        /* A stopping one ends first. */
        timers_start(&world->timers, &faults->revivals[node->index].timer, world->now_us);
    }
}

void sim_faults_end(struct sim_faults *faults)
{
    struct sim_world *world = faults->world;
    sim_trace_say(&world->trace, world->now_us, "---- faults stop ----");
    faults->going = false;
    for (uint32_t i = 0; i < SIM_FAULTS; i++) {
        timers_stop(&world->timers, &faults->strikes[i].timer);
    }
    for (uint32_t i = 0; i < faults->trouble_count; i++) {
        timers_stop(&world->timers, &faults->troubles[i].timer);
    }
    timers_stop(&world->timers, &faults->mend.timer);
    faults->flaps = 0;
    sim_network_mend(&world->network);
    world->network.calm = true;
    for (uint32_t i = 0; i < world->node_count; i++) {
        heal_node(faults, &world->nodes[i]);
    }
}
