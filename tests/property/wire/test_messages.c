/* What holds for every message of the protocol: it comes back, cut anywhere it is refused, damaged
 * anyhow it is refused or read as something that can be sent again, and fields of later versions
 * are passed over. SHOAL_SEED runs another seed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "support/message_cases.h"
#include "support/mutate.h"
#include "wire/frame.h"

#define ROUNDS 60u
#define MUTANTS_PER_FRAME 100u

struct fixture {
    struct arena arena;
    struct buffer frame;
    struct buffer again;
    struct random random;
    uint64_t seed;
};

static int setup(void **state)
{
    static struct fixture fixture;
    const char *chosen = getenv("SHOAL_SEED");
    fixture.seed = chosen != NULL ? strtoull(chosen, NULL, 10) : 1;
    arena_init(&fixture.arena, LIMIT_ARENA_KEEP_BYTES);
    buffer_init(&fixture.frame, 0);
    buffer_init(&fixture.again, 0);
    random_init(&fixture.random, fixture.seed);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    mem_fail_never();
    buffer_deinit(&fixture->again);
    buffer_deinit(&fixture->frame);
    arena_deinit(&fixture->arena);
    return 0;
}

/* What follows the length prefix, whatever the prefix says. */
static struct bytes payload_of(const struct buffer *frame)
{
    return bytes_make(frame->data + FRAME_PREFIX_BYTES, frame->len - FRAME_PREFIX_BYTES);
}

static void make_frame(struct fixture *fixture, const struct message_case *message)
{
    arena_reset(&fixture->arena);
    buffer_clear(&fixture->frame);
    buffer_clear(&fixture->again);
    assert_int_equal(message->encode_random(&fixture->random, &fixture->arena, &fixture->frame), 0);
}

static void every_message_comes_back(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < message_case_count; i++) {
        for (unsigned round = 0; round < ROUNDS; round++) {
            make_frame(fixture, &message_cases[i]);
            assert_int_equal(message_cases[i].recode(payload_of(&fixture->frame), &fixture->arena,
                                                     &fixture->again),
                             0);
            assert_true(bytes_equal(buffer_bytes(&fixture->frame), buffer_bytes(&fixture->again)));
        }
    }
}

static void a_message_is_taken_only_as_its_own_kind(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < message_case_count; i++) {
        make_frame(fixture, &message_cases[i]);
        for (size_t j = 0; j < message_case_count; j++) {
            int error = message_cases[j].recode(payload_of(&fixture->frame), &fixture->arena,
                                                &fixture->again);
            assert_int_equal(error, i == j ? 0 : SHOAL_EPROTO);
        }
    }
}

static void cut_at_any_byte_a_message_is_refused(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < message_case_count; i++) {
        do {
            make_frame(fixture, &message_cases[i]);
        } while (fixture->frame.len > 20000);
        struct bytes whole = payload_of(&fixture->frame);
        for (size_t len = 0; len < whole.len; len++) {
            /* In memory of its own, so that a read beyond the end is seen by the sanitizer. */
            uint8_t *cut = mem_alloc(len);
            memcpy(cut, whole.data, len);
            assert_int_equal(frame_validate(bytes_make(cut, len)), SHOAL_EPROTO);
            assert_int_equal(
                message_cases[i].recode(bytes_make(cut, len), &fixture->arena, &fixture->again),
                SHOAL_EPROTO);
            mem_free(cut);
        }
    }
}

static void with_bytes_behind_it_a_message_is_refused(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < message_case_count; i++) {
        make_frame(fixture, &message_cases[i]);
        assert_int_equal(buffer_append_u8(&fixture->frame, 0xc0), 0);
        assert_int_equal(frame_validate(payload_of(&fixture->frame)), SHOAL_EPROTO);
        assert_int_equal(
            message_cases[i].recode(payload_of(&fixture->frame), &fixture->arena, &fixture->again),
            SHOAL_EPROTO);
    }
}

static uint32_t field_count(struct bytes payload)
{
    const uint8_t *data = payload.data;
    bool is_small = data[0] >= 0x90 && data[0] <= 0x9f;
    assert_true(is_small || data[0] == 0xdc);
    return is_small ? data[0] & 0xfu : (uint32_t)data[1] << 8 | data[2];
}

/* The payload, with an array header that claims so many fields more. */
static void append_claiming(struct buffer *out, struct bytes payload, int more)
{
    size_t header_len = payload.data[0] == 0xdc ? 3 : 1;
    uint32_t count = field_count(payload) + (uint32_t)more;
    const uint8_t header[] = {0xdc, (uint8_t)(count >> 8), (uint8_t)count};
    assert_int_equal(buffer_append(out, header, sizeof(header)), 0);
    assert_int_equal(buffer_append(out, payload.data + header_len, payload.len - header_len), 0);
}

/* Has the frame a last field that is left out, so that who goes on has to fill its place? */
static bool ends_early(const struct fixture *fixture, const struct message_case *message)
{
    return message->optional_at != 0 &&
           field_count(payload_of(&fixture->frame)) == message->optional_at;
}

/* What becomes of the frame with so many fields behind it: read, it is to be as without them. */
static int recode_with(struct fixture *fixture, const struct message_case *message,
                       struct bytes fields, int count)
{
    struct buffer longer;
    buffer_init(&longer, 0);
    append_claiming(&longer, payload_of(&fixture->frame), count);
    assert_int_equal(buffer_append_bytes(&longer, fields), 0);
    assert_int_equal(frame_validate(buffer_bytes(&longer)), 0);
    buffer_clear(&fixture->again);
    int error = message->recode(buffer_bytes(&longer), &fixture->arena, &fixture->again);
    if (error == 0) {
        assert_true(bytes_equal(buffer_bytes(&fixture->frame), buffer_bytes(&fixture->again)));
    }
    buffer_deinit(&longer);
    return error;
}

static void fields_of_a_later_version_are_passed_over(void **state)
{
    struct fixture *fixture = *state;
    /* First the place to be filled; a map and a bool; then what would be a trace, two places on. */
    uint8_t later[40] = {0, 0x82, 1, 0x93, 2, 3, 0x90, 0xa1, 'x', 0xd4, 1, 2, 0xc3, 0xc4, 25, 9};
    for (size_t i = 0; i < message_case_count; i++) {
        const struct message_case *message = &message_cases[i];
        for (unsigned round = 0; round < ROUNDS; round++) {
            make_frame(fixture, message);
            bool filled = ends_early(fixture, message);
            later[0] = message->nothing;
            struct bytes fields = filled ? bytes_make(later, sizeof(later))
                                         : bytes_make(later + 1, sizeof(later) - 1);
            assert_int_equal(recode_with(fixture, message, fields, 3 + filled), 0);
        }
    }
}

/* Makes a frame of a message that may have a trace and has none. False: the kind never has one. */
static bool make_untraced(struct fixture *fixture, const struct message_case *message)
{
    if (message->optional_at == 0 || message->nothing != NO_TRACE) {
        return false;
    }
    do {
        make_frame(fixture, message);
    } while (!ends_early(fixture, message));
    return true;
}

/* Surplus fields of who knows of no traces. */
static void in_the_place_of_a_trace_what_is_not_bytes_is_passed_over(void **state)
{
    struct fixture *fixture = *state;
    static const struct {
        uint8_t bytes[12];
        size_t len;
    } others[] = {
        {{0xc0}, 1}, /* nil */
        {{0xc2}, 1}, /* a bool */
        {{7}, 1},    /* whole numbers */
        {{0xff}, 1},
        {{0xca, 1, 2, 3, 4}, 5},         /* a float */
        {{0x92, 0xc4, 0, 1}, 4},         /* an array */
        {{0x81, 0xa1, 'x', 0x91, 1}, 5}, /* a map */
        {{0xd4, 1, 2}, 3},               /* an extension */
    };
    unsigned kinds = 0;
    for (size_t i = 0; i < message_case_count; i++) {
        for (size_t j = 0; j < sizeof(others) / sizeof(others[0]); j++) {
            if (make_untraced(fixture, &message_cases[i])) {
                struct bytes other = bytes_make(others[j].bytes, others[j].len);
                assert_int_equal(recode_with(fixture, &message_cases[i], other, 1), 0);
                kinds += j == 0;
            }
        }
    }
    assert_int_equal(kinds, 5);
}

static void in_the_place_of_a_trace_bytes_that_are_none_are_refused(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t lens[] = {0, 1, 24, 25, 26, 255};
    for (size_t i = 0; i < message_case_count; i++) {
        for (size_t j = 0; j < sizeof(lens) && make_untraced(fixture, &message_cases[i]); j++) {
            uint8_t field[2 + 255] = {0xc4, lens[j]}; /* the right length: an id of zeros */
            field[2] = lens[j] == 25 ? 0 : 1;
            for (unsigned as_str = 0; as_str < 2; as_str++) {
                field[0] = as_str == 1 ? 0xd9 : 0xc4;
                struct bytes bytes = bytes_make(field, 2 + (size_t)lens[j]);
                assert_int_equal(recode_with(fixture, &message_cases[i], bytes, 1), SHOAL_EPROTO);
            }
        }
    }
}

static void a_message_with_a_field_less_is_refused(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < message_case_count; i++) {
        make_frame(fixture, &message_cases[i]);
        struct buffer shorter;
        buffer_init(&shorter, 0);
        append_claiming(&shorter, payload_of(&fixture->frame), -1);
        assert_int_equal(
            message_cases[i].recode(buffer_bytes(&shorter), &fixture->arena, &fixture->again),
            SHOAL_EPROTO);
        buffer_deinit(&shorter);
    }
}

static void an_encoder_that_fails_leaves_the_buffer_as_it_was(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < message_case_count; i++) {
        make_frame(fixture, &message_cases[i]);
        struct random before = fixture->random;
        make_frame(fixture, &message_cases[i]);
        size_t whole = fixture->frame.len;
        for (unsigned part = 0; part < 10; part++) {
            struct buffer small;
            buffer_init(&small, 6 + whole * part / 10);
            assert_int_equal(buffer_append(&small, "before", 6), 0);
            struct random same = before;
            assert_int_equal(message_cases[i].encode_random(&same, &fixture->arena, &small),
                             SHOAL_ETOOBIG);
            assert_int_equal(small.len, 6);
            assert_memory_equal(small.data, "before", 6);
            buffer_deinit(&small);
        }
    }
}

/* Decodes damaged bytes as every kind would be after validation. What is accepted can be sent
 * again, and comes back as the same. */
static unsigned try_damaged(struct fixture *fixture, const struct message_case *message,
                            struct bytes payload)
{
    buffer_clear(&fixture->again);
    (void)frame_validate(payload);
    if (message->recode(payload, &fixture->arena, &fixture->again) != 0) {
        return 0;
    }
    struct buffer third;
    buffer_init(&third, 0);
    assert_int_equal(message->recode(payload_of(&fixture->again), &fixture->arena, &third), 0);
    assert_true(bytes_equal(buffer_bytes(&fixture->again), buffer_bytes(&third)));
    buffer_deinit(&third);
    return 1;
}

static void damaged_messages_never_crash(void **state)
{
    struct fixture *fixture = *state;
    unsigned tried = 0;
    unsigned accepted = 0;
    for (unsigned round = 0; round < ROUNDS; round++) {
        for (size_t i = 0; i < message_case_count; i++) {
            make_frame(fixture, &message_cases[i]);
            struct bytes whole = payload_of(&fixture->frame);
            struct buffer damaged;
            buffer_init(&damaged, 0);
            for (unsigned j = 0; j < MUTANTS_PER_FRAME; j++) {
                buffer_clear(&damaged);
                assert_int_equal(buffer_append_bytes(&damaged, whole), 0);
                for (uint64_t more = 1 + random_below(&fixture->random, 4); more > 0; more--) {
                    mutate(&fixture->random, &damaged);
                }
                accepted += try_damaged(fixture, &message_cases[i], buffer_bytes(&damaged));
                tried++;
            }
            buffer_deinit(&damaged);
        }
    }
    assert_true(tried >= 100000);
    assert_true(accepted > 0 && accepted < tried);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_message_comes_back),
        TEST(a_message_is_taken_only_as_its_own_kind),
        TEST(cut_at_any_byte_a_message_is_refused),
        TEST(with_bytes_behind_it_a_message_is_refused),
        TEST(fields_of_a_later_version_are_passed_over),
        TEST(in_the_place_of_a_trace_what_is_not_bytes_is_passed_over),
        TEST(in_the_place_of_a_trace_bytes_that_are_none_are_refused),
        TEST(a_message_with_a_field_less_is_refused),
        TEST(an_encoder_that_fails_leaves_the_buffer_as_it_was),
        TEST(damaged_messages_never_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
