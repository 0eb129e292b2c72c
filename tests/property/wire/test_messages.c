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

/* The payload, with an array header that claims so many fields more. */
static void append_claiming(struct buffer *out, struct bytes payload, int more)
{
    const uint8_t *data = payload.data;
    bool is_small = data[0] >= 0x90 && data[0] <= 0x9f;
    assert_true(is_small || data[0] == 0xdc);
    size_t header_len = is_small ? 1 : 3;
    int count = (is_small ? data[0] & 0xf : data[1] << 8 | data[2]) + more;
    const uint8_t header[] = {0xdc, (uint8_t)(count >> 8), (uint8_t)count};
    assert_int_equal(buffer_append(out, header, sizeof(header)), 0);
    assert_int_equal(buffer_append(out, data + header_len, payload.len - header_len), 0);
}

/* Is the end of the message left out where it says nothing? What stands behind such an end is
 * tested with the message itself. */
static bool ends_early(const struct message_case *message)
{
    return message->kind == MESSAGE_RESULT;
}

static void fields_of_a_later_version_are_passed_over(void **state)
{
    struct fixture *fixture = *state;
    static const uint8_t later[] = {0x82, 1, 0x93, 2, 3, 0x90, 0xa1, 'x', 0xd4, 1, 2, 0xc3};
    for (size_t i = 0; i < message_case_count; i++) {
        if (ends_early(&message_cases[i])) {
            continue;
        }
        make_frame(fixture, &message_cases[i]);
        struct bytes payload = payload_of(&fixture->frame);
        struct buffer longer;
        buffer_init(&longer, 0);
        append_claiming(&longer, payload, 2);
        assert_int_equal(buffer_append(&longer, later, sizeof(later)), 0);
        assert_int_equal(frame_validate(buffer_bytes(&longer)), 0);
        assert_int_equal(
            message_cases[i].recode(buffer_bytes(&longer), &fixture->arena, &fixture->again), 0);
        assert_true(bytes_equal(buffer_bytes(&fixture->frame), buffer_bytes(&fixture->again)));
        buffer_deinit(&longer);
    }
}

static void a_message_with_a_field_less_is_refused(void **state)
{
    struct fixture *fixture = *state;
    for (size_t i = 0; i < message_case_count; i++) {
        if (ends_early(&message_cases[i])) {
            continue;
        }
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
        TEST(a_message_with_a_field_less_is_refused),
        TEST(an_encoder_that_fails_leaves_the_buffer_as_it_was),
        TEST(damaged_messages_never_crash),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
