/* api/redis/bits: bitmaps, against models that go bit by bit. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/random.h"
#include "support/redis_rig.h"

static const struct command *const tables[] = {commands_string, commands_bits, NULL};
static struct redis_rig rig;

static int begin(void **state)
{
    (void)state;
    redis_rig_init(&rig, tables);
    return 0;
}

static int end(void **state)
{
    (void)state;
    redis_rig_deinit(&rig);
    return 0;
}

#define SYNTAX "-ERR syntax error"
#define NOT_AN_INTEGER "-ERR value is not an integer or out of range"
#define NO_OFFSET "-ERR bit offset is not an integer or out of range"
#define NO_BIT "-ERR bit is not an integer or out of range"
#define TOO_LARGE "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"

/* ---- SETBIT and GETBIT ---- */

static void a_bit_is_counted_from_the_highest_of_the_first_byte(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SETBIT a 1 1", ":0");
    REDIS_SAYS(&rig, "GET a", "$1 @");
    REDIS_SAYS(&rig, "SETBIT a 2 1", ":0");
    REDIS_SAYS(&rig, "GET a", "$1 `");
    REDIS_SAYS(&rig, "SETBIT a 1 0", ":1");
    REDIS_SAYS(&rig, "GET a", "$1  ");
    REDIS_SAYS(&rig, "GETBIT a 2", ":1");
    REDIS_SAYS(&rig, "GETBIT a 1", ":0");
    REDIS_SAYS(&rig, "GETBIT a 8", ":0");
    REDIS_SAYS(&rig, "GETBIT a 4294967295", ":0");
    REDIS_SAYS(&rig, "GETBIT missing 0", ":0");
    REDIS_SAYS(&rig, "SET n 1", "+OK");
    REDIS_SAYS(&rig, "SETBIT n 6 1", ":0");
    REDIS_SAYS(&rig, "GET n", "$1 3");
}

static void setbit_lengthens_keeps_the_expiry_and_writes_only_changes(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SETBIT a 0 0", ":0");
    REDIS_SAYS(&rig, "GET a", "$1 \\x00");
    REDIS_SAYS(&rig, "SETBIT a 0 0", ":0");
    assert_int_equal(rig.changes, 0);
    REDIS_SAYS(&rig, "SET a x PX 100", "+OK");
    REDIS_SAYS(&rig, "SETBIT a 23 1", ":0");
    REDIS_SAYS(&rig, "GET a", "$3 x\\x00\\x01");
    assert_int_equal(redis_rig_expiry(&rig, "a"), rig.now_ms + 100);
}

static void offsets_and_bits_that_cannot_be_are_refused(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SETBIT a 4294967296 1", NO_OFFSET);
    REDIS_SAYS(&rig, "SETBIT a -1 1", NO_OFFSET);
    REDIS_SAYS(&rig, "SETBIT a x 1", NO_OFFSET);
    REDIS_SAYS(&rig, "SETBIT a #1 1", NO_OFFSET);
    REDIS_SAYS(&rig, "SETBIT a \"\" 1", NO_OFFSET);
    REDIS_SAYS(&rig, "GETBIT a -1", NO_OFFSET);
    REDIS_SAYS(&rig, "GETBIT a 4294967296", NO_OFFSET);
    REDIS_SAYS(&rig, "SETBIT a 0 -1", NO_BIT);
    REDIS_SAYS(&rig, "SETBIT a 0 2", NO_BIT);
    REDIS_SAYS(&rig, "SETBIT a 0 10", NO_BIT);
    REDIS_SAYS(&rig, "SETBIT a 0 x", NO_BIT);
    rig.value_bytes_max = 10;
    REDIS_SAYS(&rig, "SETBIT a 80 1", TOO_LARGE);
    REDIS_SAYS(&rig, "SETBIT a 79 1", ":0");
}

/* ---- BITCOUNT and BITPOS ---- */

static void bitcount_counts_within_bytes_or_bits(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "BITCOUNT missing", ":0");
    REDIS_SAYS(&rig, "BITCOUNT missing 0 1000 bit", ":0");
    REDIS_SAYS(&rig, "SET a foobar", "+OK");
    REDIS_SAYS(&rig, "BITCOUNT a", ":26");
    REDIS_SAYS(&rig, "BITCOUNT a 0 0", ":4");
    REDIS_SAYS(&rig, "BITCOUNT a 1 1", ":6");
    REDIS_SAYS(&rig, "BITCOUNT a 1 1 BYTE", ":6");
    REDIS_SAYS(&rig, "BITCOUNT a 5 30 bit", ":17");
    REDIS_SAYS(&rig, "BITCOUNT a 1 -2", ":18");
    REDIS_SAYS(&rig, "BITCOUNT a -2 1", ":0");
    REDIS_SAYS(&rig, "BITCOUNT a 0 1000", ":26");
    REDIS_SAYS(&rig, "BITCOUNT a 0 4294967296", ":26");
    REDIS_SAYS(&rig, "BITCOUNT a 6 10", ":0");
    REDIS_SAYS(&rig, "BITCOUNT a 48 87 bit", ":0");
    REDIS_SAYS(&rig, "BITCOUNT a -6 -7", ":0");
    REDIS_SAYS(&rig, "BITCOUNT a -100 -90", ":4");
    REDIS_SAYS(&rig, "SET e \"\"", "+OK");
    REDIS_SAYS(&rig, "BITCOUNT e", ":0");
    REDIS_SAYS(&rig, "BITCOUNT e 0 -1 bit", ":0");
}

static void bitcount_complains_only_where_a_key_is(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "BITCOUNT missing 0", ":0");
    REDIS_SAYS(&rig, "BITCOUNT missing a b c d", ":0");
    REDIS_SAYS(&rig, "SET a foobar", "+OK");
    REDIS_SAYS(&rig, "BITCOUNT a 0", SYNTAX);
    REDIS_SAYS(&rig, "BITCOUNT a 0 1 hello", SYNTAX);
    REDIS_SAYS(&rig, "BITCOUNT a 0 1 bit bit", SYNTAX);
    REDIS_SAYS(&rig, "BITCOUNT a x 1", NOT_AN_INTEGER);
    REDIS_SAYS(&rig, "BITCOUNT a 0 1.5", NOT_AN_INTEGER);
    REDIS_SAYS(&rig, "BITCOUNT a -1 -2 hello", ":0");
}

static void bitpos_finds_the_first_of_either_kind(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "BITPOS missing 0", ":0");
    REDIS_SAYS(&rig, "BITPOS missing 1", ":-1");
    REDIS_SAYS(&rig, "BITPOS missing 1 x y z", ":-1");
    REDIS_SAYS(&rig, "SET a \\xff\\xf0\\x00", "+OK");
    REDIS_SAYS(&rig, "BITPOS a 0", ":12");
    REDIS_SAYS(&rig, "BITPOS a 0 0 -1 bit", ":12");
    REDIS_SAYS(&rig, "BITPOS a 1 2", ":-1");
    REDIS_SAYS(&rig, "SET a \\x00\\xff\\x00", "+OK");
    REDIS_SAYS(&rig, "BITPOS a 1", ":8");
    REDIS_SAYS(&rig, "BITPOS a 0 1", ":16");
    REDIS_SAYS(&rig, "BITPOS a 0 1 1", ":-1");
    REDIS_SAYS(&rig, "BITPOS a 0 8 8 bit", ":-1");
    REDIS_SAYS(&rig, "BITPOS a 0 2 200", ":16");
    REDIS_SAYS(&rig, "BITPOS a 1 16 200 bit", ":-1");
    REDIS_SAYS(&rig, "BITPOS a 1 1 0", ":-1");
    REDIS_SAYS(&rig, "BITPOS a 0 9 200 bit", ":16");
}

static void the_zeros_behind_the_end_count_unless_an_end_is_given(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SET a \\xff\\xff\\xff", "+OK");
    REDIS_SAYS(&rig, "BITPOS a 0", ":24");
    REDIS_SAYS(&rig, "BITPOS a 0 2", ":24");
    REDIS_SAYS(&rig, "BITPOS a 0 3", ":-1");
    REDIS_SAYS(&rig, "BITPOS a 0 0 -1", ":-1");
    REDIS_SAYS(&rig, "BITPOS a 0 0 -1 bit", ":-1");
    REDIS_SAYS(&rig, "SET e \"\"", "+OK");
    REDIS_SAYS(&rig, "BITPOS e 0", ":-1");
    REDIS_SAYS(&rig, "BITPOS e 1", ":-1");
}

static void bitpos_refuses_what_it_cannot_read(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "BITPOS missing 2", "-ERR The bit argument must be 1 or 0.");
    REDIS_SAYS(&rig, "BITPOS missing x", NOT_AN_INTEGER);
    REDIS_SAYS(&rig, "SET a x", "+OK");
    REDIS_SAYS(&rig, "BITPOS a 1 x", NOT_AN_INTEGER);
    REDIS_SAYS(&rig, "BITPOS a 1 0 x", NOT_AN_INTEGER);
    REDIS_SAYS(&rig, "BITPOS a 1 0 x word", SYNTAX);
    REDIS_SAYS(&rig, "BITPOS a 1 0 1 bit bit", SYNTAX);
}

static bool model_bit(struct bytes value, int64_t at)
{
    return (value.data[at / 8] >> (7 - at % 8) & 1) != 0;
}

static void runs_of_bits_are_as_going_bit_by_bit(void **state)
{
    (void)state;
    struct random random;
    random_init(&random, 7);
    for (int round = 0; round < 2000; round++) {
        uint8_t data[300];
        char line[96];
        char want[32];
        size_t len = 1 + random_below(&random, random_chance(&random, 0.5) ? 12 : 300);
        bool lonely = random_chance(&random, 0.5); /* one bit unlike all others */
        bool odd = random_chance(&random, 0.5);
        for (size_t i = 0; i < len; i++) {
            data[i] = (uint8_t)(lonely ? (odd ? 0 : 0xff) : random_u64(&random));
        }
        int64_t bit = (int64_t)random_below(&random, len * 8);
        data[bit / 8] ^= (uint8_t)(0x80 >> (bit % 8));
        struct bytes value = bytes_make(data, len);
        struct bytes set[] = {bytes_from_string("SET"), bytes_from_string("a"), value};
        assert_string_equal(redis_rig_run_arguments(&rig, set, 3), "+OK");

        int64_t first = (int64_t)random_below(&random, len * 8);
        int64_t last = (int64_t)random_below(&random, len * 8);
        int64_t count = 0;
        int64_t found[2] = {-1, -1};
        for (int64_t at = first; at <= last; at++) {
            bool is = model_bit(value, at);
            count += is ? 1 : 0;
            found[is] = found[is] < 0 ? at : found[is];
        }
        (void)snprintf(line, sizeof(line), "BITCOUNT a %d %d bit", (int)first, (int)last);
        (void)snprintf(want, sizeof(want), ":%d", (int)count);
        REDIS_SAYS(&rig, line, want);
        for (int kind = 0; kind < 2; kind++) {
            (void)snprintf(line, sizeof(line), "BITPOS a %d %d %d bit", kind, (int)first,
                           (int)last);
            (void)snprintf(want, sizeof(want), ":%d", (int)found[kind]);
            REDIS_SAYS(&rig, line, want);
        }
    }
}

/* ---- BITOP ---- */

static void bitop_combines_with_zeros_behind_shorter_values(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "MSET a \\x01\\x02\\xff\\xff b \\x01\\x02\\xff", "+OK");
    REDIS_SAYS(&rig, "BITOP AND d a b", ":4");
    REDIS_SAYS(&rig, "GET d", "$4 \\x01\\x02\\xff\\x00");
    REDIS_SAYS(&rig, "BITOP or d a b", ":4");
    REDIS_SAYS(&rig, "GET d", "$4 \\x01\\x02\\xff\\xff");
    REDIS_SAYS(&rig, "BITOP Xor d b a", ":4");
    REDIS_SAYS(&rig, "GET d", "$4 \\x00\\x00\\x00\\xff");
    REDIS_SAYS(&rig, "BITOP NOT d b", ":3");
    REDIS_SAYS(&rig, "GET d", "$3 \\xfe\\xfd\\x00");
    REDIS_SAYS(&rig, "BITOP and d missing a", ":4");
    REDIS_SAYS(&rig, "GET d", "$4 \\x00\\x00\\x00\\x00");
    REDIS_SAYS(&rig, "BITOP or d missing a missing", ":4");
    REDIS_SAYS(&rig, "GET d", "$4 \\x01\\x02\\xff\\xff");
    REDIS_SAYS(&rig, "BITOP xor d a", ":4");
    REDIS_SAYS(&rig, "GET d", "$4 \\x01\\x02\\xff\\xff");
}

static void bitop_may_store_where_it_reads_and_drops_the_expiry(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SET a \\xaa\\x00\\xff\\x55 EX 10", "+OK");
    REDIS_SAYS(&rig, "BITOP NOT a a", ":4");
    REDIS_SAYS(&rig, "GET a", "$4 U\\xff\\x00\\xaa");
    assert_int_equal(redis_rig_expiry(&rig, "a"), 0);
    REDIS_SAYS(&rig, "SET b \\xff\\xff", "+OK");
    REDIS_SAYS(&rig, "BITOP AND b a b", ":4");
    REDIS_SAYS(&rig, "GET b", "$4 U\\xff\\x00\\x00");
}

static void bitop_of_nothing_deletes(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SET e \"\"", "+OK");
    REDIS_SAYS(&rig, "BITOP NOT d e", ":0");
    assert_int_equal(rig.changes, 0);
    REDIS_SAYS(&rig, "SET d x", "+OK");
    REDIS_SAYS(&rig, "BITOP OR d e missing", ":0");
    REDIS_SAYS(&rig, "GET d", "$-1");
    REDIS_SAYS(&rig, "BITOP nor d e", SYNTAX);
    REDIS_SAYS(&rig, "BITOP NOT d e e", "-ERR BITOP NOT must be called with a single source key.");
}

static uint8_t model_byte(int operation, uint8_t a, uint8_t b)
{
    return operation == 0 ? a & b : operation == 1 ? a | b : a ^ b;
}

static void bitop_is_as_going_byte_by_byte(void **state)
{
    (void)state;
    static const char *const names[] = {"and", "or", "xor"};
    struct random random;
    random_init(&random, 11);
    for (int round = 0; round < 300; round++) {
        uint8_t want[200] = {0};
        int operation = (int)random_below(&random, 3);
        uint32_t sources = 1 + (uint32_t)random_below(&random, 9);
        struct bytes argv[16] = {bytes_from_string("BITOP"), bytes_from_string(names[operation]),
                                 bytes_from_string("target")};
        static const char keys[] = "0123456789";
        size_t longest = 0;
        for (uint32_t i = 0; i < sources; i++) {
            uint8_t data[200] = {0};
            size_t len = random_below(&random, sizeof(data) + 1);
            for (size_t at = 0; at < len; at++) {
                data[at] = (uint8_t)random_u64(&random);
            }
            for (size_t at = 0; at < sizeof(want); at++) {
                want[at] = i == 0 ? data[at] : model_byte(operation, want[at], data[at]);
            }
            struct bytes set[] = {bytes_from_string("SET"), bytes_make(keys + i, 1),
                                  bytes_make(data, len)};
            (void)redis_rig_run_arguments(&rig, set, 3);
            argv[3 + i] = set[1];
            longest = len > longest ? len : longest;
        }
        (void)redis_rig_run_arguments(&rig, argv, 3 + sources);
        assert_true(bytes_equal(redis_rig_value(&rig, "target"), bytes_make(want, longest)));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_bit_is_counted_from_the_highest_of_the_first_byte, begin,
                                        end),
        cmocka_unit_test_setup_teardown(setbit_lengthens_keeps_the_expiry_and_writes_only_changes,
                                        begin, end),
        cmocka_unit_test_setup_teardown(offsets_and_bits_that_cannot_be_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(bitcount_counts_within_bytes_or_bits, begin, end),
        cmocka_unit_test_setup_teardown(bitcount_complains_only_where_a_key_is, begin, end),
        cmocka_unit_test_setup_teardown(bitpos_finds_the_first_of_either_kind, begin, end),
        cmocka_unit_test_setup_teardown(the_zeros_behind_the_end_count_unless_an_end_is_given,
                                        begin, end),
        cmocka_unit_test_setup_teardown(bitpos_refuses_what_it_cannot_read, begin, end),
        cmocka_unit_test_setup_teardown(runs_of_bits_are_as_going_bit_by_bit, begin, end),
        cmocka_unit_test_setup_teardown(bitop_combines_with_zeros_behind_shorter_values, begin,
                                        end),
        cmocka_unit_test_setup_teardown(bitop_may_store_where_it_reads_and_drops_the_expiry, begin,
                                        end),
        cmocka_unit_test_setup_teardown(bitop_of_nothing_deletes, begin, end),
        cmocka_unit_test_setup_teardown(bitop_is_as_going_byte_by_byte, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
