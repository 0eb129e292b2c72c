/* The bytes of objects: the documented layout, and that nothing but it is accepted. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/limits.h"
#include "base/memory.h"
#include "model/object.h"
#include "shoal/error.h"

static struct arena arena;
static struct buffer buffer;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, LIMIT_ARENA_KEEP_BYTES);
    buffer_init(&buffer, 0);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    mem_fail_never();
    buffer_deinit(&buffer);
    arena_deinit(&arena);
    return 0;
}

static const uint8_t simple_bytes[] = {
    0x11, 0x80,                   /* format 1, simple; a value that expires */
    0x0a, 0,    0, 0, 0, 0, 0, 0, /* actor 10 */
    0x02, 0x01, 0, 0, 0, 0, 0, 0, /* hlc 0x0102 */
    0xac, 0x02,                   /* counter 300 */
    0xe8, 0x03, 0, 0, 0, 0, 0, 0, /* expiry 1000 ms */
    'h',  'i',
};

static const uint8_t full_bytes[] = {
    0x10,                                       /* format 1 */
    0x02,                                       /* two entries */
    0x0a, 0,    0,   0, 0, 0, 0, 0, 0x05,       /* actor 10 up to 5 */
    0x14, 0,    0,   0, 0, 0, 0, 0, 0x03,       /* actor 20 up to 3 */
    0x02,                                       /* two siblings */
    0x00, 0x0a, 0,   0, 0, 0, 0, 0, 0,    0x05, /* value, dot (10, 5) */
    0x07, 0,    0,   0, 0, 0, 0, 0,             /* hlc 7 */
    0x02, 'h',  'i',                            /* two bytes */
    0x01, 0x14, 0,   0, 0, 0, 0, 0, 0,    0x02, /* tombstone, dot (20, 2) */
    0x08, 0,    0,   0, 0, 0, 0, 0,             /* hlc 8 */
    0x00,
};

static struct object simple_object(void)
{
    static const struct dot entry = {10, 300};
    static const struct sibling sibling = {
        .dot = {10, 300},
        .hlc = 0x0102,
        .expiry_ms = 1000,
        .kind = SIBLING_VALUE,
        .value = {.data = (const uint8_t *)"hi", .len = 2},
    };
    return (struct object){
        .context = {.entries = &entry, .count = 1}, .siblings = &sibling, .sibling_count = 1};
}

static struct object full_object(void)
{
    static const struct dot entries[] = {{10, 5}, {20, 3}};
    static const struct sibling siblings[] = {
        {.dot = {10, 5}, .hlc = 7, .value = {.data = (const uint8_t *)"hi", .len = 2}},
        {.dot = {20, 2}, .hlc = 8, .kind = SIBLING_TOMBSTONE},
    };
    return (struct object){
        .context = {.entries = entries, .count = 2}, .siblings = siblings, .sibling_count = 2};
}

static void assert_encodes_to(const struct object *object, const uint8_t *bytes, size_t len)
{
    buffer_clear(&buffer);
    assert_int_equal(object_encode(object, &buffer), 0);
    assert_int_equal(buffer.len, len);
    assert_memory_equal(buffer.data, bytes, len);
    assert_true(len <= object_encoded_size_max(object));
    struct object back;
    assert_int_equal(object_decode(&arena, buffer_bytes(&buffer), &back), 0);
    assert_true(object_equal(&back, object));
}

static void the_bytes_are_as_documented(void **state)
{
    (void)state;
    struct object simple = simple_object();
    assert_encodes_to(&simple, simple_bytes, sizeof(simple_bytes));
    struct object full = full_object();
    assert_encodes_to(&full, full_bytes, sizeof(full_bytes));
    struct object empty = object_empty();
    assert_encodes_to(&empty, (const uint8_t[]){0x10, 0, 0}, 3);
}

static void encoding_appends(void **state)
{
    (void)state;
    struct object simple = simple_object();
    assert_int_equal(buffer_append(&buffer, "abc", 3), 0);
    assert_int_equal(object_encode(&simple, &buffer), 0);
    assert_int_equal(buffer.len, 3 + sizeof(simple_bytes));
    assert_memory_equal(buffer.data, "abc", 3);
}

static void stripped_objects_keep_all_but_the_values(void **state)
{
    (void)state;
    struct object objects[] = {simple_object(), full_object()};
    for (size_t i = 0; i < 2; i++) {
        buffer_clear(&buffer);
        assert_int_equal(object_encode_stripped(&objects[i], &buffer), 0);
        struct object back;
        assert_int_equal(object_decode(&arena, buffer_bytes(&buffer), &back), 0);
        assert_true(version_vector_equal(back.context, objects[i].context));
        assert_int_equal(back.sibling_count, objects[i].sibling_count);
        for (uint32_t j = 0; j < back.sibling_count; j++) {
            assert_true(dot_equal(back.siblings[j].dot, objects[i].siblings[j].dot));
            assert_int_equal(back.siblings[j].hlc, objects[i].siblings[j].hlc);
            assert_int_equal(back.siblings[j].kind, objects[i].siblings[j].kind);
            assert_int_equal(back.siblings[j].expiry_ms, objects[i].siblings[j].expiry_ms);
            assert_int_equal(back.siblings[j].value.len, 0);
        }
    }
}

static void values_are_borrowed_from_the_input(void **state)
{
    (void)state;
    struct object object;
    assert_int_equal(object_decode(&arena, bytes_make(simple_bytes, sizeof(simple_bytes)), &object),
                     0);
    assert_ptr_equal(object.siblings[0].value.data, simple_bytes + sizeof(simple_bytes) - 2);
}

static int decode_copy(const uint8_t *bytes, size_t len, size_t at, uint8_t byte)
{
    uint8_t copy[128];
    assert_true(len <= sizeof(copy));
    memcpy(copy, bytes, len);
    copy[at] = byte;
    struct object object;
    return object_decode(&arena, bytes_make(copy, len), &object);
}

static void another_format_is_told_apart_from_damage(void **state)
{
    (void)state;
    size_t len = sizeof(full_bytes);
    assert_int_equal(decode_copy(full_bytes, len, 0, 0x20), SHOAL_EVERSION);
    assert_int_equal(decode_copy(full_bytes, len, 0, 0x00), SHOAL_EVERSION);
    assert_int_equal(decode_copy(full_bytes, len, 0, 0x12), SHOAL_EVERSION);  /* unknown flag */
    assert_int_equal(decode_copy(full_bytes, len, 21, 0x03), SHOAL_EVERSION); /* unknown kind */
    assert_int_equal(decode_copy(simple_bytes, sizeof(simple_bytes), 1, 0x83), SHOAL_EVERSION);
}

static void what_is_not_canonical_is_refused(void **state)
{
    (void)state;
    size_t len = sizeof(full_bytes);
    assert_int_equal(decode_copy(full_bytes, len, 1, 0x03), SHOAL_EPROTO);  /* entries missing */
    assert_int_equal(decode_copy(full_bytes, len, 11, 0x09), SHOAL_EPROTO); /* entries unsorted */
    assert_int_equal(decode_copy(full_bytes, len, 10, 0x04), SHOAL_EPROTO); /* (10, 5) uncovered */
    assert_int_equal(decode_copy(full_bytes, len, 20, 0x01), SHOAL_EPROTO); /* bytes left over */
    assert_int_equal(decode_copy(full_bytes, len, 21, 0x80), SHOAL_EPROTO); /* expiry runs over */
    assert_int_equal(decode_copy(full_bytes, len, len - 1, 0x01), SHOAL_EPROTO);
    len = sizeof(simple_bytes);
    assert_int_equal(decode_copy(simple_bytes, len, 2, 0), SHOAL_EPROTO);     /* actor 0 */
    assert_int_equal(decode_copy(simple_bytes, len, 19, 0x00), SHOAL_EPROTO); /* long varint */
    assert_int_equal(decode_copy(simple_bytes, len, 1, 0x81), SHOAL_EPROTO);  /* tombstone, bytes */
    const uint8_t expires_never[] = {0x11, 0x80, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0,
                                     0,    0,    0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 0};
    struct object object;
    assert_int_equal(
        object_decode(&arena, bytes_make(expires_never, sizeof(expires_never)), &object),
        SHOAL_EPROTO);
    assert_int_equal(object_decode(&arena, (struct bytes){0}, &object), SHOAL_EPROTO);
}

static void the_simple_form_must_be_used_where_it_applies(void **state)
{
    (void)state;
    const uint8_t verbose[] = {
        0x10, 0x01, 0x0a, 0, 0, 0, 0, 0, 0,    0,   0x05, /* one entry (10, 5) */
        0x01, 0x00, 0x0a, 0, 0, 0, 0, 0, 0,    0,   0x05, /* one sibling with that dot */
        0x07, 0,    0,    0, 0, 0, 0, 0, 0x02, 'h', 'i',
    };
    struct object object;
    assert_int_equal(object_decode(&arena, bytes_make(verbose, sizeof(verbose)), &object),
                     SHOAL_EPROTO);
    uint8_t wider[sizeof(verbose)];
    memcpy(wider, verbose, sizeof(verbose));
    wider[10] = 0x06; /* the context is more than the dot */
    assert_int_equal(object_decode(&arena, bytes_make(wider, sizeof(wider)), &object), 0);
}

static void every_truncation_is_refused(void **state)
{
    (void)state;
    struct object object;
    for (size_t len = 0; len < sizeof(full_bytes); len++) {
        assert_int_equal(object_decode(&arena, bytes_make(full_bytes, len), &object), SHOAL_EPROTO);
    }
    /* Of a simple object only the value, whose length is what is left, can be cut. */
    for (size_t len = 0; len < sizeof(simple_bytes) - 2; len++) {
        assert_int_equal(object_decode(&arena, bytes_make(simple_bytes, len), &object),
                         SHOAL_EPROTO);
    }
}

static void huge_claims_are_refused_without_taking_memory(void **state)
{
    (void)state;
    struct object object;
    const uint8_t entries[] = {0x10, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0, 0};
    const uint8_t siblings[] = {0x10, 0x00, 0xff, 0xff, 0xff, 0xff, 0x0f, 0, 0};
    mem_fail_from(1);
    assert_int_equal(object_decode(&arena, bytes_make(entries, sizeof(entries)), &object),
                     SHOAL_EPROTO);
    assert_int_equal(object_decode(&arena, bytes_make(siblings, sizeof(siblings)), &object),
                     SHOAL_EPROTO);
}

static void the_dot_of_a_simple_object_is_seen_without_decoding(void **state)
{
    (void)state;
    struct dot dot = {0, 0};
    assert_true(object_peek_simple(bytes_make(simple_bytes, sizeof(simple_bytes)), &dot));
    assert_int_equal(dot.actor, 10);
    assert_int_equal(dot.counter, 300);
    assert_false(object_peek_simple(bytes_make(full_bytes, sizeof(full_bytes)), &dot));
    uint8_t changed[sizeof(simple_bytes)];
    struct object_glance glance;
    memcpy(changed, simple_bytes, sizeof(changed));
    for (uint32_t i = 0; i < 4; i++) {
        changed[1] =
            (uint8_t)((i % 2 == 0 ? SIBLING_VALUE : SIBLING_TOMBSTONE) | (i < 2 ? 0 : 0x80));
        assert_true(object_glance(bytes_make(changed, sizeof(changed)), &glance));
        assert_true(dot_equal(glance.dot, dot));
        assert_int_equal(glance.tombstone, i % 2);
        assert_int_equal(glance.expires, i >= 2);
    }
    assert_false(object_peek_simple(bytes_make(simple_bytes, 5), &dot));
    assert_false(object_peek_simple((struct bytes){0}, &dot));
}

static void a_value_over_the_limit_is_refused(void **state)
{
    (void)state;
    struct object object = simple_object();
    struct sibling sibling = object.siblings[0];
    sibling.value.len = LIMIT_VALUE_BYTES_MAX + 1;
    object.siblings = &sibling;
    assert_int_equal(object_encode(&object, &buffer), SHOAL_ETOOBIG);
    assert_int_equal(buffer.len, 0);
}

static void running_out_of_memory_is_told_as_such(void **state)
{
    (void)state;
    struct object object = full_object();
    struct object out;
    mem_fail_from(1);
    assert_int_equal(object_encode(&object, &buffer), SHOAL_ENOMEM);
    assert_int_equal(object_decode(&arena, bytes_make(full_bytes, sizeof(full_bytes)), &out),
                     SHOAL_ENOMEM);
    assert_int_equal(object_decode(&arena, bytes_make(simple_bytes, sizeof(simple_bytes)), &out),
                     SHOAL_ENOMEM);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(the_bytes_are_as_documented),
        TEST(encoding_appends),
        TEST(stripped_objects_keep_all_but_the_values),
        TEST(values_are_borrowed_from_the_input),
        TEST(another_format_is_told_apart_from_damage),
        TEST(what_is_not_canonical_is_refused),
        TEST(the_simple_form_must_be_used_where_it_applies),
        TEST(every_truncation_is_refused),
        TEST(huge_claims_are_refused_without_taking_memory),
        TEST(the_dot_of_a_simple_object_is_seen_without_decoding),
        TEST(a_value_over_the_limit_is_refused),
        TEST(running_out_of_memory_is_told_as_such),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
