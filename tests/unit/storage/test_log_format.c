/* Names, headers, batches and records of the log, as bytes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <lz4.h>

#include "base/byteorder.h"
#include "base/hash.h"
#include "base/memory.h"
#include "base/random.h"
#include "model/object.h"
#include "shoal/error.h"
#include "storage/log_format.h"

static const struct log_origin origin = {.volume = 0x1234567890abcdef, .number = 42};

static void names_are_hex_and_are_read_back(void **state)
{
    (void)state;
    char name[LOG_NAME_BYTES];
    uint64_t number;
    log_segment_name(0x2a, name);
    assert_string_equal(name, "000000000000002a.seg");
    assert_true(log_name_read(name, ".seg", &number));
    assert_int_equal(number, 0x2a);
    assert_false(log_name_read(name, ".hint", &number));
    log_hint_name(UINT64_MAX, name);
    assert_string_equal(name, "ffffffffffffffff.hint");
    assert_true(log_name_read(name, ".hint", &number));
    assert_true(number == UINT64_MAX);
}

static void names_of_others_are_not_taken_for_segments(void **state)
{
    (void)state;
    static const char *const names[] = {"",
                                        "volume",
                                        "2a.seg",
                                        "000000000000002A.seg",
                                        "00000000000000002a.seg",
                                        "000000000000002a.segx",
                                        "000000000000002g.seg",
                                        "000000000000002a"};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        uint64_t number = 7;
        assert_false(log_name_read(names[i], ".seg", &number));
        assert_int_equal(number, 7);
    }
}

static void a_header_is_read_back_and_no_flipped_bit_passes(void **state)
{
    (void)state;
    struct log_header header = {.origin = origin, .capacity = 1 << 20, .first_sequence = 99};
    struct log_header back;
    uint8_t bytes[LOG_HEADER_BYTES];
    log_header_encode(&header, bytes);
    assert_int_equal(log_header_decode(bytes, &back), 0);
    assert_memory_equal(&back, &header, sizeof(back));
    for (unsigned bit = 0; bit < 8 * sizeof(bytes); bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(log_header_decode(bytes, &back), SHOAL_EPROTO);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void a_header_of_a_newer_format_is_told_from_a_damaged_one(void **state)
{
    (void)state;
    struct log_header header = {.origin = origin};
    struct log_header back;
    uint8_t bytes[LOG_HEADER_BYTES];
    log_header_encode(&header, bytes);
    store_u32_le(bytes + 8, LOG_FORMAT + 1);
    assert_int_equal(log_header_decode(bytes, &back), SHOAL_EPROTO);
    store_u64_le(bytes + 56, hash_xxh3(bytes_make(bytes, 56)));
    assert_int_equal(log_header_decode(bytes, &back), SHOAL_EVERSION);
}

static void a_batch_is_read_back_only_where_it_was_written(void **state)
{
    (void)state;
    struct log_batch batch = {.records = 3, .bytes = 480, .durable = 1000, .sequence = 77};
    struct log_batch back;
    uint8_t bytes[LOG_BATCH_BYTES];
    log_batch_encode(&origin, 4096, &batch, bytes);
    assert_true(log_batch_begins(bytes));
    assert_int_equal(log_batch_decode(&origin, 4096, bytes, &back), 0);
    assert_int_equal(back.records, 3);
    assert_int_equal(back.bytes, 480);
    assert_int_equal(back.durable, 1000);
    assert_int_equal(back.sequence, 77);
    assert_false(back.seal);
    struct log_origin other = {.volume = origin.volume, .number = origin.number + 1};
    struct log_origin another = {.volume = origin.volume + 1, .number = origin.number};
    assert_int_equal(log_batch_decode(&origin, 4112, bytes, &back), SHOAL_EPROTO);
    assert_int_equal(log_batch_decode(&other, 4096, bytes, &back), SHOAL_EPROTO);
    assert_int_equal(log_batch_decode(&another, 4096, bytes, &back), SHOAL_EPROTO);
    for (unsigned bit = 0; bit < 8 * sizeof(bytes); bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        assert_int_equal(log_batch_decode(&origin, 4096, bytes, &back), SHOAL_EPROTO);
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
}

static void a_batch_that_cannot_be_is_refused_though_its_checksum_is_right(void **state)
{
    (void)state;
    static const struct log_batch batches[] = {
        {.records = 1, .bytes = LOG_BATCH_BYTES - 16},          /* too small */
        {.records = 1, .bytes = LOG_BATCH_BYTES + 1},           /* not in units */
        {.records = 1, .bytes = UINT64_MAX - 15},               /* past the end of numbers */
        {.records = 1, .bytes = 96, .durable = 4097},           /* durable before it was written */
        {.records = 1, .bytes = LOG_BATCH_BYTES, .seal = true}, /* a seal with records */
        {.records = 0, .bytes = 96, .seal = true},
    };
    for (size_t i = 0; i < sizeof(batches) / sizeof(batches[0]); i++) {
        struct log_batch back;
        uint8_t bytes[LOG_BATCH_BYTES];
        log_batch_encode(&origin, 4096, &batches[i], bytes);
        assert_int_equal(log_batch_decode(&origin, 4096, bytes, &back), SHOAL_EPROTO);
    }
}

static struct log_record record_of(struct bytes key, struct bytes value)
{
    return (struct log_record){.sequence = 5,
                               .position = 0xfedcba9876543210,
                               .partition = 65535,
                               .tag = 0xabcd,
                               .kind = LOG_PUT,
                               .key = key,
                               .value = value,
                               .value_raw = (uint32_t)value.len};
}

static void records_of_all_sizes_are_read_back(void **state)
{
    (void)state;
    uint8_t bytes[256];
    for (size_t i = 0; i < sizeof(bytes); i++) {
        bytes[i] = (uint8_t)hash_mix(i);
    }
    for (size_t key = 0; key < 40; key++) {
        for (size_t value = 0; value < 200; value += 1 + value / 20) {
            struct log_record record = record_of(bytes_make(bytes, key), bytes_make(bytes, value));
            struct log_record back;
            struct buffer out;
            size_t size = 0;
            buffer_init(&out, 0);
            assert_int_equal(log_record_encode(&origin, 160, &record, &out), 0);
            assert_int_equal(out.len, log_record_size(key, value));
            assert_int_equal(out.len % LOG_UNIT_BYTES, 0);
            assert_int_equal(log_record_decode(&origin, 160, buffer_bytes(&out), &back, &size), 0);
            assert_int_equal(size, out.len);
            assert_int_equal(back.sequence, record.sequence);
            assert_true(back.position == record.position);
            assert_int_equal(back.partition, record.partition);
            assert_int_equal(back.tag, record.tag);
            assert_int_equal(back.kind, record.kind);
            assert_int_equal(back.value_raw, value);
            assert_true(bytes_equal(back.key, record.key));
            assert_true(bytes_equal(back.value, record.value));
            buffer_deinit(&out);
        }
    }
}

static void no_flipped_bit_of_a_record_passes(void **state)
{
    (void)state;
    struct log_record record = record_of(bytes_from_string("a key"), bytes_from_string("value"));
    struct buffer out;
    buffer_init(&out, 0);
    assert_int_equal(log_record_encode(&origin, 64, &record, &out), 0);
    for (unsigned bit = 0; bit < 8 * out.len; bit++) {
        struct log_record back;
        size_t size;
        out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
        int code = log_record_decode(&origin, 64, buffer_bytes(&out), &back, &size);
        assert_true(code == SHOAL_EPROTO || (code == 1 && size > out.len));
        out.data[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    buffer_deinit(&out);
}

static void a_part_of_a_record_says_how_much_it_wants(void **state)
{
    (void)state;
    struct log_record record = record_of(bytes_from_string("k"), bytes_from_string("0123456789"));
    struct buffer out;
    buffer_init(&out, 0);
    assert_int_equal(log_record_encode(&origin, 64, &record, &out), 0);
    for (size_t len = 0; len < out.len; len++) {
        struct log_record back;
        size_t size = 0;
        struct bytes part = bytes_make(out.data, len);
        assert_int_equal(log_record_decode(&origin, 64, part, &back, &size), 1);
        assert_int_equal(size, len < LOG_RECORD_BYTES ? LOG_RECORD_BYTES : out.len);
    }
    buffer_deinit(&out);
}

static void no_bytes_make_a_reader_want_more_than_the_largest_record(void **state)
{
    (void)state;
    struct random random;
    random_init(&random, 1);
    for (unsigned i = 0; i < 200000; i++) {
        uint8_t bytes[LOG_RECORD_BYTES];
        struct log_record back;
        size_t size = 0;
        for (size_t at = 0; at < sizeof(bytes); at += 8) {
            store_u64_le(bytes + at, random_u64(&random));
        }
        bytes[30] = (uint8_t)(1 + random_below(&random, 4)); /* else hardly any gets further */
        bytes[31] = (uint8_t)random_below(&random, 2);
        memset(bytes + 26, 0, 2);
        memset(bytes + 34, 0, 2);
        memset(bytes + 44, 0, 4);
        int code = log_record_decode(&origin, 64, bytes_make(bytes, sizeof(bytes)), &back, &size);
        assert_true(code == SHOAL_EPROTO || (code == 1 && size <= LOG_RECORD_BYTES_MAX));
    }
}

static void encode_simple(struct dot dot, size_t value_bytes, struct buffer *out)
{
    uint8_t *value = mem_alloc_zeroed(1, value_bytes + 1);
    struct sibling sibling = {.dot = dot, .hlc = 9, .value = bytes_make(value, value_bytes)};
    struct object object = {
        .context = {.entries = &dot, .count = 1}, .siblings = &sibling, .sibling_count = 1};
    assert_int_equal(object_encode(&object, out), 0);
    mem_free(value);
}

static void the_dot_of_a_simple_object_is_seen_compressed_or_not(void **state)
{
    (void)state;
    struct dot dot = {.actor = 77, .counter = 123456789};
    struct object_glance seen = {0};
    struct buffer encoded;
    char packed[4096];
    buffer_init(&encoded, 0);
    encode_simple(dot, 2000, &encoded);
    struct log_record record = record_of(bytes_from_string("k"), buffer_bytes(&encoded));
    assert_true(log_record_glance(&record, &seen));
    assert_true(dot_equal(seen.dot, dot));

    int len =
        LZ4_compress_default((const char *)encoded.data, packed, (int)encoded.len, sizeof(packed));
    assert_in_range(len, 1, 200);
    record.value = bytes_make(packed, (size_t)len);
    record.value_raw = (uint32_t)encoded.len;
    record.flags = LOG_FLAG_LZ4;
    seen = (struct object_glance){0};
    assert_true(log_record_glance(&record, &seen));
    assert_true(dot_equal(seen.dot, dot));

    for (size_t cut = 0; cut < (size_t)len;
         cut++) { /* what is not lz4 is not simple, and no more */
        record.value = bytes_make(packed, cut);
        (void)log_record_glance(&record, &seen);
    }
    record.kind = LOG_REMOVE;
    assert_false(log_record_glance(&record, &seen));
    buffer_deinit(&encoded);
}

static void a_full_buffer_or_no_memory_leaves_the_buffer_as_it_was(void **state)
{
    (void)state;
    struct log_record record = record_of(bytes_from_string("k"), bytes_from_string("value"));
    struct buffer out;
    buffer_init(&out, 32);
    assert_int_equal(log_record_encode(&origin, 64, &record, &out), SHOAL_ETOOBIG);
    assert_int_equal(out.len, 0);
    buffer_deinit(&out);
    buffer_init(&out, 0);
    mem_fail_from(1);
    assert_int_equal(log_record_encode(&origin, 64, &record, &out), SHOAL_ENOMEM);
    mem_fail_never();
    assert_int_equal(out.len, 0);
    buffer_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_hex_and_are_read_back),
        cmocka_unit_test(names_of_others_are_not_taken_for_segments),
        cmocka_unit_test(a_header_is_read_back_and_no_flipped_bit_passes),
        cmocka_unit_test(a_header_of_a_newer_format_is_told_from_a_damaged_one),
        cmocka_unit_test(a_batch_is_read_back_only_where_it_was_written),
        cmocka_unit_test(a_batch_that_cannot_be_is_refused_though_its_checksum_is_right),
        cmocka_unit_test(records_of_all_sizes_are_read_back),
        cmocka_unit_test(no_flipped_bit_of_a_record_passes),
        cmocka_unit_test(a_part_of_a_record_says_how_much_it_wants),
        cmocka_unit_test(no_bytes_make_a_reader_want_more_than_the_largest_record),
        cmocka_unit_test(the_dot_of_a_simple_object_is_seen_compressed_or_not),
        cmocka_unit_test(a_full_buffer_or_no_memory_leaves_the_buffer_as_it_was),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
