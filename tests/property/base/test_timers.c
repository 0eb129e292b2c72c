/* Timers against a list that is searched for its earliest at every step. What fires may start and
 * stop timers itself; the model does the same through the same callback. */
#include "property.h"

#include "base/timers.h"

#define TIMERS 50u

struct entry {
    struct timer timer;
    bool running; /* by the model */
    uint64_t deadline_us;
    uint64_t order;
};

static struct timers timers;
static struct entry entries[TIMERS];
static uint64_t orders;
static uint64_t pass_began; /* orders at the start of the pass under way */
static struct random *source;
static uint64_t clock_us;

static void start(struct entry *entry, uint64_t deadline_us)
{
    CHECK(timers_start(&timers, &entry->timer, deadline_us) == 0);
    entry->running = true;
    entry->deadline_us = deadline_us;
    entry->order = orders++;
}

static void stop(struct entry *entry)
{
    timers_stop(&timers, &entry->timer);
    entry->running = false;
}

static struct entry *earliest(void)
{
    struct entry *first = NULL;
    for (size_t i = 0; i < TIMERS; i++) {
        struct entry *entry = &entries[i];
        if (entry->running &&
            (first == NULL || entry->deadline_us < first->deadline_us ||
             (entry->deadline_us == first->deadline_us && entry->order < first->order))) {
            first = entry;
        }
    }
    return first;
}

static void fire(struct timer *timer, uint64_t now_us)
{
    struct entry *entry = (struct entry *)(void *)timer;
    CHECK(entry == earliest());
    CHECK(entry->deadline_us <= now_us && now_us == clock_us);
    CHECK(entry->order < pass_began);
    CHECK(!timer_running(timer));
    entry->running = false;
    if (random_chance(source, 0.3)) {
        start(entry, now_us + random_below(source, 20));
    }
    if (random_chance(source, 0.2)) {
        stop(&entries[random_below(source, TIMERS)]);
    }
    if (random_chance(source, 0.2)) {
        start(&entries[random_below(source, TIMERS)], now_us + random_below(source, 20));
    }
}

static void check_same(void)
{
    size_t count = 0;
    for (size_t i = 0; i < TIMERS; i++) {
        CHECK(timer_running(&entries[i].timer) == entries[i].running);
        count += entries[i].running ? 1 : 0;
    }
    const struct entry *first = earliest();
    CHECK(timers.count == count);
    CHECK(timers_next_us(&timers) == (first == NULL ? TIMERS_NEVER : first->deadline_us));
}

static void fire_as_the_model_says(struct random *random)
{
    timers_init(&timers);
    orders = 0;
    clock_us = 0;
    source = random;
    for (size_t i = 0; i < TIMERS; i++) {
        entries[i] = (struct entry){.timer.fire = fire};
    }
    uint64_t spread_us = 1 + random_below(random, 100);
    for (size_t step = 0; step < 300; step++) {
        struct entry *entry = &entries[random_below(random, TIMERS)];
        if (random_chance(random, 0.6)) {
            start(entry, clock_us + random_below(random, spread_us));
        } else if (random_chance(random, 0.5)) {
            stop(entry);
        } else {
            clock_us += random_below(random, spread_us);
            pass_began = orders;
            timers_fire(&timers, clock_us);
            /* All that was due has fired, unless something started meanwhile was due before it. */
            const struct entry *left = earliest();
            CHECK(left == NULL || left->deadline_us > clock_us || left->order >= pass_began);
        }
        check_same();
    }
    timers_deinit(&timers);
}

static void timers_fire_as_the_model_says(void **state)
{
    (void)state;
    property_run(fire_as_the_model_says, 500);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(timers_fire_as_the_model_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
