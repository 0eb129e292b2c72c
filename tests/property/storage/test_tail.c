/* A tail over many lives: appended to, read, synced, stopped, killed and cut off from power, on a
 * disk whose calls fail, which is full at times and rots. Whatever happens, what it tells is what
 * was put there under that position, positions only grow, and what no trouble has touched is there.
 */
#include "base/log.h"
#include "property.h"
#include "shoal/error.h"
#include "support/tail_rig.h"

#define BYTES_MAX (512u * 1024u)
#define LIVES 8u
#define STEPS 120u

static void trouble(struct tail_rig *rig)
{
    static const uint32_t calls[] = {MODEL_WRITE,    MODEL_READ, MODEL_RESERVE,
                                     MODEL_MAP,      MODEL_SYNC, MODEL_CREATE | MODEL_OPEN,
                                     MODEL_IDENTITY, MODEL_LIST, MODEL_REMOVE | MODEL_TRUNCATE,
                                     MODEL_ALL};
    struct random *random = &rig->random;
    struct model_fault fault = {
        .calls = calls[random_below(random, sizeof(calls) / sizeof(calls[0]))],
        .nth = 1 + random_below(random, 8),
        .lasting = random_chance(random, 0.3),
        .code = random_chance(random, 0.5) ? SHOAL_EIO : SHOAL_ENOSPC,
    };
    rig->healthy = false;
    model_disk_mend(rig->disk);
    if (random_chance(random, 0.2)) {
        uint64_t used;
        model_disk_count(rig->disk, "", &used);
        model_disk_options(rig->disk)->capacity_bytes = used + random_below(random, 100000);
    } else {
        model_disk_fault(rig->disk, &fault);
    }
}

static void mend(struct tail_rig *rig)
{
    model_disk_mend(rig->disk);
    model_disk_options(rig->disk)->capacity_bytes = 0;
}

static void step(struct tail_rig *rig, bool troubled)
{
    struct random *random = &rig->random;
    switch (random_below(random, 12)) {
    case 0:
        rig->now_us += random_below(random, 3000000);
        tail_tick(rig->tail, rig->now_us);
        break;
    case 1:
        tail_rig_sync(rig);
        break;
    case 2: {
        uint64_t first = tail_first(rig->tail);
        uint64_t span = tail_end(rig->tail) - first;
        struct tail_rig_look look =
            tail_rig_look(rig, first + random_below(random, span < 3000 ? span + 1 : 3000));
        CHECK(look.errors == 0 || !rig->healthy);
        break;
    }
    case 3:
        if (troubled && random_chance(random, 0.3)) {
            trouble(rig);
        } else if (troubled) {
            mend(rig);
        }
        break;
    case 4:
    case 5:
    case 6:
        (void)manual_offload_any(&rig->offload, random);
        break;
    default:
        for (uint64_t i = random_below(random, 20); i > 0; i--) {
            tail_rig_append(rig);
        }
        break;
    }
}

static void end_life(struct tail_rig *rig)
{
    static const enum model_crash ends[] = {MODEL_KILL,       MODEL_KILL,
                                            MODEL_POWER_ANY,  MODEL_POWER_ORDERED,
                                            MODEL_POWER_DROP, MODEL_POWER_KEEP};
    struct random *random = &rig->random;
    if (random_chance(random, 0.4)) {
        tail_rig_close(rig);
    } else {
        tail_rig_crash(rig, ends[random_below(random, sizeof(ends) / sizeof(ends[0]))]);
    }
}

/* In one tail no position is given twice, whatever was lost in between. */
static void check_positions(const struct tail_rig *rig)
{
    for (uint32_t i = 1; i < rig->count; i++) {
        const struct tail_rig_event *one = &rig->events[i - 1];
        const struct tail_rig_event *next = &rig->events[i];
        CHECK(one->id != next->id || one->position < next->position);
    }
    for (uint32_t i = rig->first_of_life; i < rig->count; i++) {
        const struct tail_rig_event *last = &rig->events[i];
        for (uint32_t j = 0; j < rig->first_of_life && i == rig->first_of_life; j++) {
            CHECK(rig->events[j].id != last->id || rig->events[j].position < last->position);
        }
    }
}

static void live(struct random *random, bool troubled)
{
    struct tail_rig rig;
    log_set_level(LOG_ERROR + 1);
    tail_rig_init(&rig, random_u64(random), true, BYTES_MAX);
    for (uint32_t i = 0; i < LIVES; i++) {
        tail_rig_open(&rig);
        for (uint32_t j = 0; j < STEPS; j++) {
            step(&rig, troubled);
        }
        check_positions(&rig);
        if (troubled) {
            mend(&rig);
            (void)tail_rig_look(&rig, tail_first(rig.tail));
        } else {
            struct tail_rig_look look = tail_rig_check(&rig);
            CHECK(look.errors == 0);
        }
        end_life(&rig);
        if (troubled && random_chance(random, 0.2)) {
            (void)model_disk_rot(rig.disk, random, ".tail");
        }
        if (troubled && random_chance(random, 0.1)) {
            trouble(&rig);
        }
    }
    tail_rig_deinit(&rig);
}

static void on_a_good_disk(struct random *random)
{
    live(random, false);
}

static void on_a_bad_disk(struct random *random)
{
    live(random, true);
}

static void a_tail_on_a_good_disk_keeps_what_it_promises(void **state)
{
    (void)state;
    property_run(on_a_good_disk, 25);
}

static void a_tail_on_a_bad_disk_tells_nothing_but_the_truth(void **state)
{
    (void)state;
    property_run(on_a_bad_disk, 50);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_tail_on_a_good_disk_keeps_what_it_promises),
        cmocka_unit_test(a_tail_on_a_bad_disk_tells_nothing_but_the_truth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
