/* Pages of several owners are walked together, only as far as all of them reach: behind that, who
 * has more to say has not said it yet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "coordinate/list_pages.h"
#include "shoal/error.h"
#include "wire/frame.h"

enum { ACTOR = 7, OWNERS = 2, NEAR = 10, END = 20, FAR = 30 };

struct trial {
    struct arena arena;
    struct buffer answers[OWNERS];
    struct list_pages pages;
};

static int setup(void **state)
{
    static struct trial trial;
    trial = (struct trial){0};
    arena_init(&trial.arena, 0);
    for (uint32_t i = 0; i < OWNERS; i++) {
        buffer_init(&trial.answers[i], 0);
    }
    *state = &trial;
    return 0;
}

static int teardown(void **state)
{
    struct trial *trial = *state;
    list_pages_close(&trial->pages);
    for (uint32_t i = 0; i < OWNERS; i++) {
        buffer_deinit(&trial->answers[i]);
    }
    arena_deinit(&trial->arena);
    return 0;
}

/* A value of that dot of the actor's. */
static struct bytes object_of(struct trial *trial, uint64_t counter)
{
    static struct sibling sibling;
    sibling = (struct sibling){.dot = {.actor = ACTOR, .counter = counter},
                               .kind = SIBLING_VALUE,
                               .value = bytes_from_string("value")};
    struct object object = {
        .context = {.entries = &sibling.dot, .count = 1}, .siblings = &sibling, .sibling_count = 1};
    struct buffer encoded;
    buffer_init(&encoded, 0);
    assert_int_equal(buffer_reserve(&encoded, object_encoded_size_max(&object)), 0);
    assert_int_equal(object_encode(&object, &encoded), 0);
    struct bytes copy = arena_copy(&trial->arena, buffer_bytes(&encoded));
    buffer_deinit(&encoded);
    return copy;
}

/* The owner answers with so many of these, having seen `seen` dots of the actor. */
static void owner_answers(struct trial *trial, uint32_t owner, const struct scan_entry *entries,
                          uint32_t count, uint64_t next, uint64_t seen)
{
    struct partition_clock clock;
    struct buffer encoded;
    partition_clock_init(&clock);
    buffer_init(&encoded, 0);
    for (uint64_t i = 1; i <= seen; i++) {
        partition_clock_add(&clock, (struct dot){.actor = ACTOR, .counter = i});
    }
    assert_int_equal(partition_clock_encode(&clock, &encoded), 0);
    struct message_scanned scanned = {.id = 1,
                                      .entries = entries,
                                      .count = count,
                                      .next = next,
                                      .end = next == 0,
                                      .clock = buffer_bytes(&encoded)};
    struct buffer frame;
    buffer_init(&frame, 0);
    assert_int_equal(message_scanned_encode(&scanned, &frame), 0);
    struct bytes payload =
        bytes_make(frame.data + FRAME_PREFIX_BYTES, frame.len - FRAME_PREFIX_BYTES);
    assert_int_equal(buffer_append_bytes(&trial->answers[owner], payload), 0);
    buffer_deinit(&frame);
    buffer_deinit(&encoded);
    partition_clock_deinit(&clock);
}

static void open_pages(struct trial *trial)
{
    assert_int_equal(list_pages_open(&trial->arena, trial->answers, 3, &trial->pages), 0);
}

static const struct scan_entry *next_at(struct trial *trial, uint64_t position)
{
    const struct scan_entry *entry = list_pages_next(&trial->pages);
    assert_non_null(entry);
    assert_int_equal(entry->position, position);
    return entry;
}

static struct scan_entry key_at(struct trial *trial, uint64_t position, uint64_t counter)
{
    return (struct scan_entry){
        .position = position, .key = bytes_from_string("key"), .object = object_of(trial, counter)};
}

/* The first owner's page ends before the far key, of which it has something, too. */
static void what_lies_behind_the_shortest_page_is_not_told(void **state)
{
    struct trial *trial = *state;
    struct object merged;
    struct scan_entry both[] = {key_at(trial, NEAR, 1), key_at(trial, FAR, 2)};
    owner_answers(trial, 0, both, 1, END, 2);
    owner_answers(trial, 1, both, 2, 0, 2);
    open_pages(trial);
    assert_false(trial->pages.end);
    assert_int_equal(trial->pages.until, END);
    const struct scan_entry *near = next_at(trial, NEAR);
    assert_int_equal(list_pages_take(&trial->arena, &trial->pages, near, &merged), 0);
    assert_int_equal(merged.sibling_count, 1);
    assert_null(list_pages_next(&trial->pages)); /* it would look as if the first had let it go */
}

static void what_lies_behind_no_page_is_told(void **state)
{
    struct trial *trial = *state;
    struct object merged;
    struct scan_entry both[] = {key_at(trial, NEAR, 1), key_at(trial, FAR, 2)};
    owner_answers(trial, 0, both, 1, 0, 1);
    owner_answers(trial, 1, both, 2, 0, 2);
    open_pages(trial);
    assert_true(trial->pages.end);
    const struct scan_entry *near = next_at(trial, NEAR);
    assert_int_equal(list_pages_take(&trial->arena, &trial->pages, near, &merged), 0);
    const struct scan_entry *far = next_at(trial, FAR);
    assert_int_equal(list_pages_take(&trial->arena, &trial->pages, far, &merged), 0);
    assert_int_equal(merged.sibling_count, 1); /* the first has never seen it */
    assert_null(list_pages_next(&trial->pages));
}

static void what_an_owner_has_seen_and_holds_no_more_is_gone(void **state)
{
    struct trial *trial = *state;
    struct object merged;
    struct scan_entry one = key_at(trial, NEAR, 1);
    owner_answers(trial, 0, NULL, 0, 0, 1);
    owner_answers(trial, 1, &one, 1, 0, 1);
    open_pages(trial);
    const struct scan_entry *near = next_at(trial, NEAR);
    assert_int_equal(list_pages_take(&trial->arena, &trial->pages, near, &merged), 0);
    assert_int_equal(merged.sibling_count, 0);
}

static void an_answer_that_is_none_is_refused(void **state)
{
    struct trial *trial = *state;
    owner_answers(trial, 0, NULL, 0, 0, 1);
    assert_int_equal(buffer_append(&trial->answers[1], "no page", 7), 0);
    assert_int_equal(list_pages_open(&trial->arena, trial->answers, 3, &trial->pages),
                     SHOAL_EPROTO);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(what_lies_behind_the_shortest_page_is_not_told, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(what_lies_behind_no_page_is_told, setup, teardown),
        cmocka_unit_test_setup_teardown(what_an_owner_has_seen_and_holds_no_more_is_gone, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(an_answer_that_is_none_is_refused, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
