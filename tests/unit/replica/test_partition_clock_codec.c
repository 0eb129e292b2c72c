/* The bytes of partition clocks: as documented, canonical, and refused otherwise. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/memory.h"
#include "replica/partition_clock.h"
#include "shoal/error.h"

static struct partition_clock clock;
static struct partition_clock out;
static struct buffer buffer;

/* Actor 1: up to 300, then 303..304 and 310; actor 2: closed; actor 0x0102: 2. */
static const uint8_t documented[] = {
    0x10, 3,                                              /* three actors */
    1,    0, 0, 0, 0, 0, 0, 0, 0xad, 0x02, 2, 1, 1, 4, 0, /* */
    2,    0, 0, 0, 0, 0, 0, 0, 0,                         /* closed */
    2,    1, 0, 0, 0, 0, 0, 0, 1,    1,    0, 0,          /* */
};

static int setup(void **state)
{
    (void)state;
    partition_clock_init(&clock);
    partition_clock_init(&out);
    buffer_init(&buffer, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mem_fail_never();
    partition_clock_check(&out);
    buffer_deinit(&buffer);
    partition_clock_deinit(&out);
    partition_clock_deinit(&clock);
    return 0;
}

static void add(uint64_t actor, uint64_t first, uint64_t last)
{
    for (uint64_t counter = first; counter <= last; counter++) {
        partition_clock_add(&clock, (struct dot){.actor = actor, .counter = counter});
    }
}

static void make_documented(void)
{
    add(1, 1, 300);
    add(1, 303, 304);
    add(1, 310, 310);
    partition_clock_close(&clock, 2);
    add(0x0102, 2, 2);
}

static void the_bytes_are_as_documented(void **state)
{
    (void)state;
    make_documented();
    assert_int_equal(buffer_append_u8(&buffer, 0xee), 0); /* it appends */
    assert_int_equal(partition_clock_encode(&clock, &buffer), 0);
    assert_int_equal(buffer.len, 1 + sizeof(documented));
    assert_memory_equal(buffer.data + 1, documented, sizeof(documented));
    assert_int_equal(partition_clock_decode(bytes_make(documented, sizeof(documented)), &out), 0);
    assert_true(partition_clock_equal(&clock, &out));
    assert_true(out.version == 1);
}

static void an_empty_clock_is_two_bytes(void **state)
{
    (void)state;
    assert_int_equal(partition_clock_encode(&clock, &buffer), 0);
    assert_int_equal(buffer.len, 2);
    assert_int_equal(partition_clock_decode(buffer_bytes(&buffer), &out), 0);
    assert_int_equal(out.count, 0);
}

static void what_is_cut_off_or_goes_on_is_refused_and_changes_nothing(void **state)
{
    (void)state;
    uint8_t longer[sizeof(documented) + 1] = {0};
    memcpy(longer, documented, sizeof(documented));
    partition_clock_add(&out, (struct dot){.actor = 9, .counter = 1});
    for (size_t len = 0; len <= sizeof(longer); len++) {
        if (len != sizeof(documented)) {
            assert_int_equal(partition_clock_decode(bytes_make(longer, len), &out), SHOAL_EPROTO);
        }
    }
    assert_int_equal(out.count, 1);
    assert_true(out.version == 1);
}

static void another_format_is_told_apart(void **state)
{
    (void)state;
    const uint8_t later[] = {0x20, 0};
    assert_int_equal(partition_clock_decode(bytes_make(later, sizeof(later)), &out),
                     SHOAL_EVERSION);
}

#define REFUSED(...)                                                                               \
    do {                                                                                           \
        const uint8_t bytes_[] = {0x10, __VA_ARGS__};                                              \
        assert_int_equal(partition_clock_decode(bytes_make(bytes_, sizeof(bytes_)), &out),         \
                         SHOAL_EPROTO);                                                            \
    } while (0)

#define ACTOR(low) low, 0, 0, 0, 0, 0, 0, 0
#define NINES 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff

static void what_is_not_canonical_is_refused(void **state)
{
    (void)state;
    REFUSED(1, ACTOR(0), 2, 0);                 /* no such actor */
    REFUSED(1, ACTOR(1), 1, 0);                 /* nothing known of it */
    REFUSED(2, ACTOR(2), 2, 0, ACTOR(1), 2, 0); /* out of order */
    REFUSED(2, ACTOR(1), 2, 0, ACTOR(1), 2, 0); /* twice */
    REFUSED(1, ACTOR(1), 0x82, 0, 0);           /* a long varint */
    REFUSED(1, ACTOR(1), 0, 0);                 /* closed, and yet something follows */
}

static void numbers_that_overflow_are_refused(void **state)
{
    (void)state;
    REFUSED(1, ACTOR(1), NINES, 1, 1, 0, 0);       /* base 2^64 - 2: no room for a span */
    REFUSED(1, ACTOR(1), 2, 1, NINES, 1, 0);       /* first over 64 bits */
    REFUSED(1, ACTOR(1), 2, 1, 0, NINES, 1);       /* last over 64 bits */
    REFUSED(1, ACTOR(1), 1, 1, 0xfd, NINES, 1, 0); /* eleven bytes */
    REFUSED(1, ACTOR(1), 1, 1, 0xfd, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1,
            0); /* the counter 2^64 - 1 */
    const uint8_t highest[] = {0x10, 1,    ACTOR(1), 1,    1,    0xfc, 0xff, 0xff,
                               0xff, 0xff, 0xff,     0xff, 0xff, 0xff, 1,    0};
    assert_int_equal(partition_clock_decode(bytes_make(highest, sizeof(highest)), &out), 0);
    assert_true(out.actors[0].spans[0].last == UINT64_MAX - 1);
}

static void counts_without_content_take_no_memory(void **state)
{
    (void)state;
    mem_fail_from(1);
    REFUSED(0xff, 0x1f);
    REFUSED(0xff, 0xff, 0xff, 0xff, 0x0f, ACTOR(1), 2, 0);
    mem_fail_from(2);
    REFUSED(1, ACTOR(1), 2, 0xff, 0x1f, 1, 1);
}

/* The widest clock there can be. */
static void the_largest_clock_fits_and_more_is_refused(void **state)
{
    (void)state;
    for (uint64_t i = 1; i <= CLOCK_ACTORS_MAX; i++) {
        uint64_t actor = i << 50;
        partition_clock_add(&clock, (struct dot){.actor = actor, .counter = UINT64_MAX / 2});
    }
    assert_int_equal(clock.count, CLOCK_ACTORS_MAX);
    assert_int_equal(partition_clock_encode(&clock, &buffer), 0);
    assert_true(buffer.len <= CLOCK_BYTES_MAX);
    assert_int_equal(partition_clock_decode(buffer_bytes(&buffer), &out), 0);
    assert_true(partition_clock_equal(&clock, &out));
    assert_int_equal(buffer_reserve(&buffer, CLOCK_BYTES_MAX), 0);
    memset(buffer.data + buffer.len, 0, CLOCK_BYTES_MAX);
    assert_int_equal(partition_clock_decode(bytes_make(buffer.data, CLOCK_BYTES_MAX + 1), &out),
                     SHOAL_EPROTO);
}

/* As a peer without the bounds might send it. */
static void a_clock_over_the_bounds_is_refused(void **state)
{
    (void)state;
    const uint8_t head[] = {0x10, 1, ACTOR(1), 1, 0x81, 0x20}; /* 4097 spans */
    const uint8_t span[] = {0, 0};
    assert_int_equal(buffer_append(&buffer, head, sizeof(head)), 0);
    for (uint32_t i = 0; i < CLOCK_SPANS_MAX + 1; i++) {
        assert_int_equal(buffer_append(&buffer, span, sizeof(span)), 0);
    }
    assert_int_equal(partition_clock_decode(buffer_bytes(&buffer), &out), SHOAL_EPROTO);
    buffer.data[11] = 0x80;
    buffer.len -= sizeof(span);
    assert_int_equal(partition_clock_decode(buffer_bytes(&buffer), &out), 0);
    assert_int_equal(out.span_count, CLOCK_SPANS_MAX);
}

static void running_out_of_memory_is_told_and_changes_nothing(void **state)
{
    (void)state;
    make_documented();
    mem_fail_from(1);
    assert_int_equal(partition_clock_encode(&clock, &buffer), SHOAL_ENOMEM);
    assert_int_equal(buffer.len, 0);
    for (uint64_t nth = 1; nth <= 3; nth++) {
        mem_fail_from(nth);
        assert_int_equal(partition_clock_decode(bytes_make(documented, sizeof(documented)), &out),
                         SHOAL_ENOMEM);
        assert_int_equal(out.count, 0);
    }
    mem_fail_from(4);
    assert_int_equal(partition_clock_decode(bytes_make(documented, sizeof(documented)), &out), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_bytes_are_as_documented),
        TEST(an_empty_clock_is_two_bytes),
        TEST(what_is_cut_off_or_goes_on_is_refused_and_changes_nothing),
        TEST(another_format_is_told_apart),
        TEST(what_is_not_canonical_is_refused),
        TEST(numbers_that_overflow_are_refused),
        TEST(counts_without_content_take_no_memory),
        TEST(the_largest_clock_fits_and_more_is_refused),
        TEST(a_clock_over_the_bounds_is_refused),
        TEST(running_out_of_memory_is_told_and_changes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
