/* The validator and the reader, which are ours, against msgpack-c's unpacker on small random
 * documents, whole and damaged: both must call the same ones well-formed and read the same values.
 * Lengths and counts stay small here, as the unpacker would take the memory that a large one
 * claims. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <msgpack.h>

#include "base/limits.h"
#include "base/random.h"
#include "wire/frame.h"
#include "wire/reader.h"

#define DOCUMENTS 200000u
#define LEN_MAX 48u

struct document {
    uint8_t bytes[LEN_MAX + 16];
    size_t len;
};

static void put(struct document *document, uint8_t byte)
{
    if (document->len < sizeof(document->bytes)) {
        document->bytes[document->len++] = byte;
    }
}

/* A count or length of `width` bytes, its value small. */
static void put_length(struct document *document, struct random *random, size_t width)
{
    for (size_t i = 1; i < width; i++) {
        put(document, 0);
    }
    put(document, (uint8_t)random_below(random, 6));
}

static void put_element(struct document *document, struct random *random)
{
    static const uint8_t widths[32] = {0, 0, 0, 0, 1, 2, 4, 1, 2, 4, 0, 0, 0, 0, 0, 0,
                                       0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4};
    uint8_t code;
    switch (random_below(random, 4)) {
    case 0: /* a coded format with its length, if it has one; the body is whatever follows */
        code = (uint8_t)random_below(random, 32);
        put(document, 0xc0 + code);
        if (widths[code] > 0) {
            put_length(document, random, widths[code]);
        }
        break;
    case 1: /* a small container or text */
        put(document, (uint8_t)(0x80 + 16 * random_below(random, 3) + random_below(random, 4)));
        break;
    default: /* a small number, also negative */
        put(document, (uint8_t)(random_below(random, 160) - 32));
        break;
    }
}

static void make_document(struct document *document, struct random *random)
{
    document->len = 0;
    if (random_chance(random, 0.8)) {
        put(document, (uint8_t)(0x90 + random_below(random, 6)));
        put(document, (uint8_t)random_below(random, 100));
        put(document, (uint8_t)random_below(random, 100));
    }
    size_t len = (size_t)random_below(random, LEN_MAX);
    while (document->len < len) {
        put_element(document, random);
    }
}

static unsigned depth_of(const msgpack_object *object)
{
    unsigned deepest = 0;
    if (object->type == MSGPACK_OBJECT_ARRAY) {
        for (uint32_t i = 0; i < object->via.array.size; i++) {
            unsigned depth = depth_of(&object->via.array.ptr[i]);
            deepest = depth > deepest ? depth : deepest;
        }
    } else if (object->type == MSGPACK_OBJECT_MAP) {
        for (uint32_t i = 0; i < object->via.map.size; i++) {
            unsigned key = depth_of(&object->via.map.ptr[i].key);
            unsigned value = depth_of(&object->via.map.ptr[i].val);
            deepest = key > deepest ? key : deepest;
            deepest = value > deepest ? value : deepest;
        }
    } else {
        return 0;
    }
    return 1 + deepest;
}

/* Whether the unpacked document is what frame_validate calls a message. */
static bool is_message(const msgpack_object *object)
{
    if (object->type != MSGPACK_OBJECT_ARRAY || object->via.array.size < 2) {
        return false;
    }
    const msgpack_object *fields = object->via.array.ptr;
    return fields[0].type == MSGPACK_OBJECT_POSITIVE_INTEGER && fields[0].via.u64 <= UINT32_MAX &&
           fields[1].type == MSGPACK_OBJECT_POSITIVE_INTEGER &&
           depth_of(object) <= LIMIT_FRAME_DEPTH;
}

static void compare_element(struct reader *reader, const msgpack_object *object)
{
    struct bytes bytes;
    uint32_t count;
    switch (object->type) {
    case MSGPACK_OBJECT_NIL:
        assert_true(read_nil(reader));
        break;
    case MSGPACK_OBJECT_BOOLEAN:
        assert_true(read_bool(reader) == object->via.boolean);
        break;
    case MSGPACK_OBJECT_POSITIVE_INTEGER:
        assert_true(read_u64(reader) == object->via.u64);
        break;
    case MSGPACK_OBJECT_NEGATIVE_INTEGER:
        assert_true(read_i64(reader) == object->via.i64);
        break;
    case MSGPACK_OBJECT_STR:
    case MSGPACK_OBJECT_BIN:
        bytes = read_bin(reader, LEN_MAX);
        assert_true(bytes_equal(bytes, bytes_make(object->via.bin.ptr, object->via.bin.size)));
        break;
    case MSGPACK_OBJECT_ARRAY:
        count = read_array(reader, LEN_MAX);
        assert_int_equal(count, object->via.array.size);
        for (uint32_t i = 0; i < count; i++) {
            compare_element(reader, &object->via.array.ptr[i]);
        }
        break;
    default: /* maps, floats and extensions are only ever passed over */
        read_skip(reader);
        break;
    }
}

static void validator_and_reader_agree_with_the_library(void **state)
{
    (void)state;
    struct random random;
    random_init(&random, 1);
    unsigned valid = 0;
    for (unsigned i = 0; i < DOCUMENTS; i++) {
        struct document document;
        make_document(&document, &random);
        struct bytes bytes = bytes_make(document.bytes, document.len);
        msgpack_unpacked unpacked;
        msgpack_unpacked_init(&unpacked);
        size_t taken = 0;
        msgpack_unpack_return outcome =
            msgpack_unpack_next(&unpacked, (const char *)bytes.data, bytes.len, &taken);
        bool expected =
            outcome == MSGPACK_UNPACK_SUCCESS && taken == bytes.len && is_message(&unpacked.data);
        assert_int_equal(frame_validate(bytes) == 0, expected);
        if (expected) {
            struct reader reader = reader_make(bytes);
            compare_element(&reader, &unpacked.data);
            read_end(&reader);
            assert_int_equal(reader.error, 0);
            valid++;
        }
        msgpack_unpacked_destroy(&unpacked);
    }
    assert_true(valid > DOCUMENTS / 100 && valid < DOCUMENTS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(validator_and_reader_agree_with_the_library),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
