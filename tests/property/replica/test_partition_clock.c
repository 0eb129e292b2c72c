/* Partition clocks against plain sets of dots: random lives of additions, closings, joins and
 * journeys over the wire. What a clock says was seen is exactly what the set holds, in whatever
 * order it came; over the bounds it may say less, never more. */
#include "property.h"

#include "base/buffer.h"
#include "replica/partition_clock.h"

#define ACTORS 4u
#define COUNTERS 48u
#define CLOCKS 3u
#define STEPS 60u

/* Bit c - 1: the counter c was seen; all ones: closed. */
struct plain {
    uint64_t seen[ACTORS];
};

#define CLOSED UINT64_MAX

static struct dot dot_of(uint32_t actor, uint32_t counter)
{
    return (struct dot){.actor = 10 + actor, .counter = counter};
}

static bool plain_seen(const struct plain *plain, uint32_t actor, uint32_t counter)
{
    return (plain->seen[actor] >> (counter - 1) & 1) != 0;
}

/* Says the clock of every dot what the set says? */
static void check_same(const struct partition_clock *clock, const struct plain *plain)
{
    partition_clock_check(clock);
    for (uint32_t actor = 0; actor < ACTORS; actor++) {
        bool base = true;
        CHECK(partition_clock_closed(clock, 10 + actor) == (plain->seen[actor] == CLOSED));
        for (uint32_t counter = 1; counter <= COUNTERS; counter++) {
            bool seen = plain_seen(plain, actor, counter);
            base = base && seen;
            CHECK(partition_clock_seen(clock, dot_of(actor, counter)) == seen);
            CHECK(partition_clock_base_covers(clock, dot_of(actor, counter)) == base);
        }
    }
}

static void encode_and_decode(struct partition_clock *clock)
{
    struct buffer bytes;
    struct buffer again;
    struct partition_clock decoded;
    buffer_init(&bytes, 0);
    buffer_init(&again, 0);
    partition_clock_init(&decoded);
    CHECK(partition_clock_encode(clock, &bytes) == 0);
    CHECK(bytes.len <= CLOCK_BYTES_MAX);
    CHECK(partition_clock_decode(buffer_bytes(&bytes), &decoded) == 0);
    partition_clock_check(&decoded);
    CHECK(partition_clock_equal(clock, &decoded));
    CHECK(partition_clock_digest(clock) == partition_clock_digest(&decoded));
    CHECK(partition_clock_encode(&decoded, &again) == 0);
    CHECK(bytes_equal(buffer_bytes(&bytes), buffer_bytes(&again)));
    partition_clock_deinit(clock);
    *clock = decoded;
    buffer_deinit(&again);
    buffer_deinit(&bytes);
}

static void step(struct random *random, struct partition_clock *clocks, struct plain *plains)
{
    uint32_t at = (uint32_t)random_below(random, CLOCKS);
    uint32_t from = (uint32_t)random_below(random, CLOCKS);
    uint32_t actor = (uint32_t)random_below(random, ACTORS);
    uint32_t counter = 1 + (uint32_t)random_below(random, COUNTERS);
    uint64_t luck = random_below(random, 100);
    uint64_t version = clocks[at].version;
    struct plain before = plains[at];
    if (luck < 75) {
        for (uint64_t run = 1 + random_below(random, 6); run > 0 && counter <= COUNTERS; run--) {
            partition_clock_add(&clocks[at], dot_of(actor, counter));
            plains[at].seen[actor] |= UINT64_C(1) << (counter - 1);
            counter++;
        }
    } else if (luck < 78) {
        partition_clock_close(&clocks[at], 10 + actor);
        plains[at].seen[actor] = CLOSED;
    } else if (luck < 90) {
        partition_clock_join(&clocks[at], &clocks[from]);
        for (uint32_t i = 0; i < ACTORS; i++) {
            plains[at].seen[i] |= plains[from].seen[i];
        }
        CHECK(partition_clock_includes(&clocks[at], &clocks[from]));
    } else if (luck < 94) {
        CHECK(partition_clock_copy(&clocks[from], &clocks[at]) == 0);
        plains[at] = plains[from];
        version = clocks[at].version;
        before = plains[at];
    } else {
        encode_and_decode(&clocks[at]);
        version = clocks[at].version;
    }
    bool changed = memcmp(&before, &plains[at], sizeof(before)) != 0;
    CHECK((clocks[at].version > version) == changed);
}

static bool plain_includes(const struct plain *a, const struct plain *b)
{
    for (uint32_t i = 0; i < ACTORS; i++) {
        if ((b->seen[i] & ~a->seen[i]) != 0) {
            return false;
        }
    }
    return true;
}

static void lives_are_as_of_plain_sets(struct random *random)
{
    struct partition_clock clocks[CLOCKS];
    struct plain plains[CLOCKS] = {0};
    for (uint32_t i = 0; i < CLOCKS; i++) {
        partition_clock_init(&clocks[i]);
    }
    for (uint32_t i = 0; i < STEPS; i++) {
        step(random, clocks, plains);
    }
    for (uint32_t i = 0; i < CLOCKS; i++) {
        check_same(&clocks[i], &plains[i]);
        for (uint32_t j = 0; j < CLOCKS; j++) {
            bool equal = memcmp(&plains[i], &plains[j], sizeof(plains[i])) == 0;
            CHECK(partition_clock_equal(&clocks[i], &clocks[j]) == equal);
            CHECK((partition_clock_digest(&clocks[i]) == partition_clock_digest(&clocks[j])) ==
                  equal);
            CHECK(partition_clock_includes(&clocks[i], &clocks[j]) ==
                  plain_includes(&plains[i], &plains[j]));
        }
    }
    for (uint32_t i = 0; i < CLOCKS; i++) {
        partition_clock_deinit(&clocks[i]);
    }
}

static void a_clock_says_exactly_what_was_seen(void **state)
{
    (void)state;
    property_run(lives_are_as_of_plain_sets, 3000);
}

/* ---- joins ---- */

static void random_clock(struct random *random, struct partition_clock *clock)
{
    partition_clock_init(clock);
    for (uint64_t i = random_below(random, 30); i > 0; i--) {
        partition_clock_add(clock, dot_of((uint32_t)random_below(random, ACTORS),
                                          1 + (uint32_t)random_below(random, COUNTERS)));
    }
    if (random_chance(random, 0.3)) {
        partition_clock_close(clock, 10 + random_below(random, ACTORS));
    }
}

static void join_of(const struct partition_clock *a, const struct partition_clock *b,
                    struct partition_clock *out)
{
    partition_clock_init(out);
    CHECK(partition_clock_copy(a, out) == 0);
    partition_clock_join(out, b);
    partition_clock_check(out);
}

static void joins_are_joins(struct random *random)
{
    struct partition_clock c[3];
    struct partition_clock ab, ba, bc, ab_c, a_bc;
    for (int i = 0; i < 3; i++) {
        random_clock(random, &c[i]);
    }
    join_of(&c[0], &c[1], &ab);
    join_of(&c[1], &c[0], &ba);
    join_of(&c[1], &c[2], &bc);
    join_of(&ab, &c[2], &ab_c);
    join_of(&c[0], &bc, &a_bc);
    CHECK(partition_clock_equal(&ab, &ba));
    CHECK(partition_clock_equal(&ab_c, &a_bc));
    CHECK(partition_clock_includes(&ab, &c[0]) && partition_clock_includes(&ab, &c[1]));
    uint64_t version = ab.version;
    partition_clock_join(&ab, &c[1]);
    CHECK(ab.version == version && partition_clock_equal(&ab, &ba));
    struct partition_clock *all[] = {&c[0], &c[1], &c[2], &ab, &ba, &bc, &ab_c, &a_bc};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        partition_clock_deinit(all[i]);
    }
}

static void joins_are_commutative_associative_and_idempotent(void **state)
{
    (void)state;
    property_run(joins_are_joins, 3000);
}

/* ---- the bounds ---- */

/* Only even counters are ever seen, so that an odd one that was seen would be a lie. */
static void overflowing(struct random *random)
{
    struct partition_clock clocks[2];
    uint32_t actors = 1 + (uint32_t)random_below(random, random_chance(random, 0.2) ? 6000 : 6);
    for (uint32_t i = 0; i < 2; i++) {
        partition_clock_init(&clocks[i]);
        for (uint32_t n = 0; n < CLOCK_SPANS_MAX + 300; n++) {
            uint64_t actor = 1 + random_below(random, actors);
            partition_clock_add(
                &clocks[i],
                (struct dot){.actor = actor, .counter = 2 + 2 * random_below(random, 20000)});
        }
        partition_clock_check(&clocks[i]);
    }
    partition_clock_join(&clocks[0], &clocks[1]);
    encode_and_decode(&clocks[0]);
    for (uint32_t n = 0; n < 2000; n++) {
        struct dot odd = {.actor = 1 + random_below(random, actors),
                          .counter = 1 + 2 * random_below(random, 20000)};
        CHECK(!partition_clock_seen(&clocks[0], odd));
        CHECK(!partition_clock_base_covers(&clocks[0], odd));
    }
    CHECK(partition_clock_open(&clocks[0], NULL, 0) == clocks[0].count);
    partition_clock_deinit(&clocks[1]);
    partition_clock_deinit(&clocks[0]);
}

static void forgetting_never_claims(void **state)
{
    (void)state;
    property_run(overflowing, 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_clock_says_exactly_what_was_seen),
        cmocka_unit_test(joins_are_commutative_associative_and_idempotent),
        cmocka_unit_test(forgetting_never_claims),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
