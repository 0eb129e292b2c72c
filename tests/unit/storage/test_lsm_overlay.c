/* The overlay of the lsm engine against a plain list of writes, and what the engine remembers of
 * keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "storage/lsm_known.h"
#include "storage/lsm_overlay.h"

#define KEYS 300u
#define PARTITIONS 3u
#define BATCHES 4u
#define STEPS 20000u

static struct engine_key key_of(uint32_t number, char text[16])
{
    snprintf(text, 16, "key %u", (unsigned)number);
    /* Few positions, so that keys share them; both ends of the range are among them. */
    return (struct engine_key){.partition = number % PARTITIONS,
                               .tag = (uint16_t)number,
                               .position = UINT64_MAX - number / 7 * (UINT64_MAX / 42),
                               .key = bytes_from_string(text)};
}

struct play {
    struct lsm_overlay overlay;
    struct lsm_batch *batches[BATCHES]; /* oldest first */
    uint64_t number;
    const struct lsm_write *newest[KEYS]; /* NULL: none in the order */
    struct random random;
};

static void batch_begin(struct play *play)
{
    if (play->batches[0] != NULL) {
        for (uint32_t i = 0; i < KEYS; i++) {
            if (play->newest[i] != NULL && play->newest[i]->batch == play->batches[0]->number) {
                play->newest[i] = NULL;
            }
        }
        lsm_batch_free(&play->overlay, play->batches[0]);
    }
    memmove(&play->batches[0], &play->batches[1], (BATCHES - 1) * sizeof(play->batches[0]));
    play->batches[BATCHES - 1] = lsm_batch_new(++play->number);
    assert_non_null(play->batches[BATCHES - 1]);
}

static void write_one(struct play *play)
{
    char text[16];
    uint32_t number = (uint32_t)random_below(&play->random, KEYS);
    struct engine_key key = key_of(number, text);
    struct lsm_write *write =
        lsm_write_new(&play->overlay, LSM_WRITE_PUT, &key, bytes_from_string(text));
    assert_non_null(write);
    write->batch = play->number;
    queue_push(&play->batches[BATCHES - 1]->writes, &write->link);
    assert_ptr_equal(lsm_overlay_list(&play->overlay, write), play->newest[number]);
    play->newest[number] = write;
}

static void drop_one(struct play *play)
{
    uint32_t partition = (uint32_t)random_below(&play->random, PARTITIONS);
    lsm_overlay_drop(&play->overlay, partition);
    for (uint32_t i = partition; i < KEYS; i += PARTITIONS) {
        play->newest[i] = NULL;
    }
}

static void compare_all(const struct play *play)
{
    char text[16];
    size_t listed = 0;
    lsm_overlay_check(&play->overlay);
    for (uint32_t i = 0; i < KEYS; i++) {
        struct engine_key key = key_of(i, text);
        assert_ptr_equal(lsm_overlay_find(&play->overlay, &key), play->newest[i]);
        listed += play->newest[i] != NULL;
    }
    for (const struct lsm_write *at = play->overlay.first[0]; at != NULL; at = at->tower[0]) {
        assert_true(bytes_equal(at->key, at->record));
        listed--;
    }
    assert_int_equal(listed, 0);
}

static void seek_one(struct play *play)
{
    uint32_t partition = (uint32_t)random_below(&play->random, PARTITIONS);
    uint64_t position = random_u64(&play->random);
    const struct lsm_write *found = lsm_overlay_seek(&play->overlay, partition, position);
    for (uint32_t i = 0; i < KEYS; i++) {
        const struct lsm_write *write = play->newest[i];
        bool behind =
            write != NULL && (write->partition > partition ||
                              (write->partition == partition && write->position >= position));
        if (behind) { /* then it isn't before what was found */
            assert_non_null(found);
            assert_true(
                found->partition < write->partition ||
                (found->partition == write->partition && found->position <= write->position));
        }
    }
    assert_true(found == NULL || found->partition > partition || found->position >= position);
}

static void the_newest_write_of_each_key_is_found_and_in_order(void **state)
{
    (void)state;
    static struct play play;
    lsm_overlay_init(&play.overlay);
    random_init(&play.random, 9);
    batch_begin(&play);
    for (uint32_t i = 0; i < STEPS; i++) {
        if (random_chance(&play.random, 0.01)) {
            batch_begin(&play);
        } else if (random_chance(&play.random, 0.002)) {
            drop_one(&play);
        } else {
            write_one(&play);
        }
        seek_one(&play);
        if (i % 100 == 0) {
            compare_all(&play);
        }
    }
    compare_all(&play);
    for (uint32_t i = 0; i < BATCHES; i++) {
        batch_begin(&play);
    }
    lsm_batch_free(&play.overlay, play.batches[BATCHES - 1]);
    for (uint32_t i = 0; i + 1 < BATCHES; i++) {
        lsm_batch_free(&play.overlay, play.batches[i]);
    }
    assert_int_equal(play.overlay.bytes, 0);
    assert_null(play.overlay.first[0]);
}

static void what_is_known_of_a_key_is_of_that_key_and_epoch(void **state)
{
    (void)state;
    struct lsm_known known;
    char text[16];
    assert_int_equal(lsm_known_init(&known), 0);
    struct engine_key key = key_of(5, text);
    assert_null(lsm_known_find(&known, &key, 0));
    lsm_known_record(&known, &key, 0, bytes_from_string("not an object"));
    const struct lsm_known_slot *slot = lsm_known_find(&known, &key, 0);
    assert_non_null(slot);
    assert_true(slot->present && !slot->brief.simple);
    assert_int_equal(slot->record_bytes, 13);
    assert_null(lsm_known_find(&known, &key, 1)); /* the partition was dropped meanwhile */

    struct engine_key other = key;
    other.tag++;
    assert_null(lsm_known_find(&known, &other, 0));
    lsm_known_absent(&known, &key, 1);
    assert_false(lsm_known_find(&known, &key, 1)->present);

    static const uint8_t object[] = {0x11, 0, 7, 0, 0, 0, 0, 0, 0, 0,
                                     0,    0, 0, 0, 0, 0, 0, 0, 3, 'x'};
    lsm_known_record(&known, &key, 1, bytes_make(object, sizeof(object)));
    slot = lsm_known_find(&known, &key, 1);
    assert_true(slot->present && slot->brief.simple);
    assert_int_equal(slot->brief.dot.actor, 7);
    assert_int_equal(slot->brief.dot.counter, 3);
    lsm_known_deinit(&known);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_write_of_each_key_is_found_and_in_order),
        cmocka_unit_test(what_is_known_of_a_key_is_of_that_key_and_epoch),
    };
    return cmocka_run_group_tests_name("lsm overlay", tests, NULL, NULL);
}
