/* What the codec tests share: a message goes out as a frame, is found in the stream, validated and
 * decoded, and then every field is compared by the test. */
#ifndef UNIT_WIRE_TEST_H
#define UNIT_WIRE_TEST_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "support/random_message.h"
#include "wire/frame.h"
#include "wire/messages.h"

#define ROUNDS 300u

struct wire_test {
    struct arena arena;
    struct buffer buffer;
    struct random random;
};

int wire_test_setup(void **state);
int wire_test_teardown(void **state);

/* The payload of the one frame in the buffer, checked as a receiver would. */
struct bytes wire_test_payload(struct wire_test *test, uint32_t kind, uint64_t id);

/* Equal bytes, and "none" (NULL) where the other is none. */
void assert_optional_same(struct bytes a, struct bytes b);
void assert_options_same(const struct request_options *a, const struct request_options *b);
void assert_trace_same(const struct trace *a, const struct trace *b);
void assert_nodes_same(const struct status_node *a, const struct status_node *b, uint32_t count);
void assert_records_same(const struct wire_record *a, const struct wire_record *b, uint32_t count);

/* In a function where `sent` and `received` point to the two messages. */
#define SAME(field) assert_true(sent->field == received->field)
#define SAME_BYTES(field) assert_true(bytes_equal(sent->field, received->field))
#define SAME_OPTIONAL(field) assert_optional_same(sent->field, received->field)
#define SAME_TRACE(field) assert_trace_same(&sent->field, &received->field)
#define SAME_HASH(field) assert_true(content_hash_equal(&sent->field, &received->field))

/* Sends many random messages of a kind through assert_same_NAME(sent, received). */
#define ROUND_TRIPS(test, name, kind, id_field)                                                    \
    for (unsigned round = 0; round < ROUNDS; round++) {                                            \
        struct message_##name sent;                                                                \
        struct message_##name received;                                                            \
        arena_reset(&(test)->arena);                                                               \
        buffer_clear(&(test)->buffer);                                                             \
        random_##name(&(test)->random, &(test)->arena, &sent);                                     \
        assert_int_equal(message_##name##_encode(&sent, &(test)->buffer), 0);                      \
        struct bytes payload = wire_test_payload((test), (kind), sent.id_field);                   \
        assert_int_equal(message_##name##_decode(payload, &(test)->arena, &received), 0);          \
        assert_same_##name(&sent, &received);                                                      \
    }

#define WIRE_TEST(name) cmocka_unit_test_setup_teardown(name, wire_test_setup, wire_test_teardown)

#endif
