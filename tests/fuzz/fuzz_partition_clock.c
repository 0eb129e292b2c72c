/* A partition clock as it comes from a peer or a disk. What is accepted keeps to every bound, is
 * the very encoding of the clock it decodes to, and can be worked with. */
#include "base/assert.h"
#include "fuzz.h"
#include "replica/partition_clock.h"
#include "shoal/error.h"

#define SAMPLE_STEPS 40u
#define SAMPLE_ACTORS 5u

static void try_accepted(struct partition_clock *clock, struct bytes input)
{
    struct buffer again;
    buffer_init(&again, 0);
    partition_clock_check(clock);
    ASSERT(partition_clock_encode(clock, &again) == 0);
    ASSERT(bytes_equal(buffer_bytes(&again), input));
    buffer_deinit(&again);

    struct partition_clock joined;
    partition_clock_init(&joined);
    partition_clock_add(&joined, (struct dot){.actor = 1, .counter = 2});
    partition_clock_join(&joined, clock);
    partition_clock_check(&joined);
    ASSERT(clock->count == CLOCK_ACTORS_MAX || clock->span_count == CLOCK_SPANS_MAX ||
           partition_clock_includes(&joined, clock));
    for (uint64_t counter = 1; counter < 4; counter++) {
        partition_clock_add(clock, (struct dot){.actor = 1, .counter = counter});
        partition_clock_check(clock);
    }
    partition_clock_deinit(&joined);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct partition_clock clock;
    struct bytes input = bytes_make(data, size);
    partition_clock_init(&clock);
    int error = partition_clock_decode(input, &clock);
    ASSERT(error == 0 || error == SHOAL_EPROTO || error == SHOAL_EVERSION);
    if (error == 0) {
        try_accepted(&clock, input);
    } else {
        ASSERT(clock.count == 0);
    }
    partition_clock_deinit(&clock);
    return 0;
}

/* The clock of a holding with some gaps and an end or two. */
void fuzz_sample(struct random *random, struct arena *arena, struct buffer *out)
{
    struct partition_clock clock;
    (void)arena;
    partition_clock_init(&clock);
    for (uint64_t i = random_below(random, SAMPLE_STEPS); i > 0; i--) {
        uint64_t actor = 1 + random_below(random, SAMPLE_ACTORS);
        uint64_t counter = 1 + random_below(random, random_chance(random, 0.1) ? UINT64_MAX : 30);
        if (random_chance(random, 0.05)) {
            partition_clock_close(&clock, actor);
        } else {
            partition_clock_add(&clock, (struct dot){.actor = actor, .counter = counter});
        }
    }
    ASSERT(partition_clock_encode(&clock, out) == 0);
    partition_clock_deinit(&clock);
}
