/* Arenas and buffers when memory runs out at any moment: nothing overlaps, nothing already there
 * changes, and both go on working afterwards. */
#include "property.h"

#include <string.h>

#include "base/arena.h"
#include "base/buffer.h"
#include "base/memory.h"
#include "shoal/error.h"

#define PIECES 60u

static size_t draw_size(struct random *random)
{
    size_t magnitude = (size_t)1 << random_below(random, 19);
    return (size_t)random_below(random, magnitude + 1);
}

static void set_failure(struct random *random)
{
    if (random_chance(random, 0.5)) {
        mem_fail_from(1 + random_below(random, 8));
    }
}

static bool filled_with(const uint8_t *at, size_t len, uint8_t value)
{
    for (size_t i = 0; i < len; i++) {
        if (at[i] != value) {
            return false;
        }
    }
    return true;
}

static void pieces_stay_apart(struct random *random)
{
    struct arena arena;
    arena_init(&arena, draw_size(random));
    for (size_t round = 0; round < 5; round++) {
        uint8_t *pieces[PIECES];
        size_t sizes[PIECES];
        set_failure(random);
        for (size_t i = 0; i < PIECES; i++) {
            sizes[i] = draw_size(random);
            pieces[i] = arena_alloc(&arena, sizes[i]);
            CHECK((uintptr_t)pieces[i] % 16 == 0);
            if (pieces[i] != NULL) {
                memset(pieces[i], (int)i, sizes[i]);
            }
        }
        mem_fail_never();
        CHECK(arena_alloc(&arena, 1) != NULL);
        for (size_t i = 0; i < PIECES; i++) {
            CHECK(pieces[i] == NULL || filled_with(pieces[i], sizes[i], (uint8_t)i));
        }
        arena_reset(&arena);
        CHECK(arena.held <= arena.keep_max);
    }
    arena_deinit(&arena);
}

static void content_is_what_was_appended(struct random *random)
{
    static uint8_t expected[PIECES << 18];
    struct buffer buffer;
    size_t len = 0;
    size_t len_max = random_chance(random, 0.5) ? draw_size(random) * 4 : 0;
    buffer_init(&buffer, len_max);
    set_failure(random);
    for (size_t i = 0; i < PIECES; i++) {
        size_t size = draw_size(random);
        memset(expected + len, (int)i, size);
        int error = buffer_append(&buffer, expected + len, size);
        CHECK(error == 0 || error == SHOAL_ENOMEM || error == SHOAL_ETOOBIG);
        CHECK((error == SHOAL_ETOOBIG) == (len_max != 0 && len + size > len_max));
        len += error == 0 ? size : 0;
        CHECK(buffer.len == len);
        CHECK(len_max == 0 || buffer.capacity <= len_max);
        if (random_chance(random, 0.1)) {
            mem_fail_never();
        }
    }
    mem_fail_never();
    CHECK(bytes_equal(buffer_bytes(&buffer), bytes_make(expected, len)));
    buffer_deinit(&buffer);
}

static void arena_pieces_stay_apart(void **state)
{
    (void)state;
    property_run(pieces_stay_apart, 100);
}

static void buffer_content_is_what_was_appended(void **state)
{
    (void)state;
    property_run(content_is_what_was_appended, 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(arena_pieces_stay_apart),
        cmocka_unit_test(buffer_content_is_what_was_appended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
