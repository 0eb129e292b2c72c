/* api/redis/bitfield: integers of any width within a value, against a model with wide integers. */
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
#define TOO_LARGE "-ERR string exceeds maximum allowed size (proto-max-bulk-len)"

static void fields_are_set_read_and_increased(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "BITFIELD a set i8 0 -100", "*1 :0");
    REDIS_SAYS(&rig, "BITFIELD a set i8 0 101", "*1 :-100");
    REDIS_SAYS(&rig, "BITFIELD a get i8 0", "*1 :101");
    REDIS_SAYS(&rig, "BITFIELD b set u8 0 255 incrby u8 0 100 get u8 0", "*3 :0 :99 :99");
    REDIS_SAYS(&rig, "BITFIELD c set i8 0 255 set i8 0 100 get i8 0", "*3 :0 :-1 :100");
    REDIS_SAYS(&rig, "BITFIELD d SET u8 #0 65 SET u8 #1 66 SET u8 #2 67", "*3 :0 :0 :0");
    REDIS_SAYS(&rig, "GET d", "$3 ABC");
    REDIS_SAYS(&rig, "BITFIELD d GET u5 7 GET i64 0 GET u63 100 GET i1 1",
               "*4 :20 :4702394628207280128 :0 :-1");
    REDIS_SAYS(&rig, "BITFIELD e", "*0");
    REDIS_SAYS(&rig, "BITFIELD e GET u8 0", "*1 :0");
    assert_int_equal(rig.changes, 0);
    REDIS_SAYS(&rig, "BITFIELD e OVERFLOW SAT", "*0");
}

static void a_multiple_that_overflows_comes_around_as_in_redis(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "BITFIELD a set u8 0 7", "*1 :0");
    REDIS_SAYS(&rig, "BITFIELD a get u8 #2305843009213693952", "*1 :7");
    REDIS_SAYS(&rig, "BITFIELD a get u8 #2305843009213693951", NO_OFFSET);
}

static void overflow_wraps_saturates_or_fails_as_told_last(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "BITFIELD a set u8 0 100", "*1 :0");
    REDIS_SAYS(&rig, "BITFIELD a overflow wrap incrby u8 0 257", "*1 :101");
    REDIS_SAYS(&rig, "BITFIELD a overflow sat incrby u8 0 257", "*1 :255");
    REDIS_SAYS(&rig, "BITFIELD a overflow sat incrby u8 0 -300", "*1 :0");
    REDIS_SAYS(&rig, "BITFIELD a set i8 0 100", "*1 :0");
    REDIS_SAYS(&rig, "BITFIELD a incrby i8 0 257", "*1 :101");
    REDIS_SAYS(&rig, "BITFIELD a overflow sat incrby i8 0 257", "*1 :127");
    REDIS_SAYS(&rig, "BITFIELD a overflow sat incrby i8 0 -300", "*1 :-128");
    REDIS_SAYS(&rig, "BITFIELD a overflow fail incrby i8 0 -1 overflow wrap incrby i8 0 -1",
               "*2 $-1 :127");
    REDIS_SAYS(&rig, "BITFIELD a overflow fail set u4 0 16", "*1 $-1");
    assert_int_equal(rig.changes, 0);
    REDIS_SAYS(&rig, "BITFIELD a overflow sat set u4 0 -1 get u4 0", "*2 :7 :15");
    rig.resp3 = true;
    REDIS_SAYS(&rig, "BITFIELD a overflow fail incrby u4 0 1", "*1 _");
}

static void a_field_that_fails_still_makes_room(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "BITFIELD a overflow fail incrby u8 #2 256", "*1 $-1");
    REDIS_SAYS(&rig, "GET a", "$3 \\x00\\x00\\x00");
    REDIS_SAYS(&rig, "SET a x PX 100", "+OK");
    REDIS_SAYS(&rig, "BITFIELD a set u8 8 1", "*1 :0");
    assert_int_equal(redis_rig_expiry(&rig, "a"), rig.now_ms + 100);
    REDIS_SAYS(&rig, "BITFIELD a set u8 8 1", "*1 :1");
    assert_int_equal(rig.changes, 0);
}

static void fields_that_cannot_be_are_refused_and_nothing_is_done(void **state)
{
    (void)state;
    static const char no_type[] = "-ERR Invalid bitfield type. Use something like i16 u8. Note "
                                  "that u64 is not supported but i64 is.";
    static const char *const types[] = {"u64", "i65",  "u0", "i0",  "x8",  "i",
                                        "8",   "\"\"", "I8", "u08", "i-1", "u8x"};
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        char line[64];
        (void)snprintf(line, sizeof(line), "BITFIELD a set u8 0 1 get %s 0", types[i]);
        REDIS_SAYS(&rig, line, no_type);
    }
    REDIS_SAYS(&rig, "BITFIELD a get u8 -1", NO_OFFSET);
    REDIS_SAYS(&rig, "BITFIELD a get u8 #-1", NO_OFFSET);
    REDIS_SAYS(&rig, "BITFIELD a get u8 #", NO_OFFSET);
    REDIS_SAYS(&rig, "BITFIELD a get u8 x", NO_OFFSET);
    REDIS_SAYS(&rig, "BITFIELD a get u8 4294967296", NO_OFFSET);
    REDIS_SAYS(&rig, "BITFIELD a get i64 #9223372036854775807", NO_OFFSET);
    REDIS_SAYS(&rig, "BITFIELD a get u63 #73243216", NO_OFFSET);
    REDIS_SAYS(&rig, "BITFIELD a set u8 0 x", NOT_AN_INTEGER);
    REDIS_SAYS(&rig, "BITFIELD a incrby u8 0 9223372036854775808", NOT_AN_INTEGER);
    REDIS_SAYS(&rig, "BITFIELD a overflow bend", "-ERR Invalid OVERFLOW type specified");
    REDIS_SAYS(&rig, "BITFIELD a overflow", SYNTAX);
    REDIS_SAYS(&rig, "BITFIELD a get u8", SYNTAX);
    REDIS_SAYS(&rig, "BITFIELD a set u8 0", SYNTAX);
    REDIS_SAYS(&rig, "BITFIELD a put u8 0 1", SYNTAX);
    assert_int_equal(rig.count, 0);
    rig.value_bytes_max = 2;
    REDIS_SAYS(&rig, "BITFIELD a set u8 9 1", TOO_LARGE);
    REDIS_SAYS(&rig, "BITFIELD a set u8 8 1", "*1 :0");
}

static void the_reading_form_only_reads(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SET a ABC", "+OK");
    REDIS_SAYS(&rig, "BITFIELD_RO a get u8 0 get u8 #1", "*2 :65 :66");
    REDIS_SAYS(&rig, "BITFIELD_RO a overflow fail get u8 16", "*1 :67");
    REDIS_SAYS(&rig, "BITFIELD_RO a set u8 0 1",
               "-ERR BITFIELD_RO only supports the GET subcommand");
    REDIS_SAYS(&rig, "BITFIELD_RO a get u8 0 incrby u8 0 1",
               "-ERR BITFIELD_RO only supports the GET subcommand");
    REDIS_SAYS(&rig, "BITFIELD_RO missing get u8 0", "*1 :0");
}

__extension__ typedef __int128 wide;

/* What a field of so many bits holds after old + more: the reply to INCRBY. */
static void model_increase(char *want, size_t size, bool is_signed, int width, wide old, wide more,
                           int overflow, int64_t *held)
{
    wide one = 1;
    wide low = is_signed ? -(one << (width - 1)) : 0;
    wide high = is_signed ? (one << (width - 1)) - 1 : (one << width) - 1;
    wide sum = old + more;
    if ((sum < low || sum > high) && overflow == 2) {
        (void)snprintf(want, size, "$-1");
        return;
    }
    if (sum < low || sum > high) {
        wide span = high - low + 1;
        wide wrapped = ((sum - low) % span + span) % span + low;
        sum = overflow == 0 ? wrapped : sum < low ? low : high;
    }
    *held = (int64_t)sum;
    (void)snprintf(want, size, ":%lld", (long long)*held);
}

static void increments_of_every_width_are_as_with_wide_integers(void **state)
{
    (void)state;
    static const char *const overflows[] = {"wrap", "sat", "fail"};
    struct random random;
    random_init(&random, 13);
    for (int round = 0; round < 5000; round++) {
        char line[160];
        char want[96];
        char third[40];
        bool is_signed = random_chance(&random, 0.5);
        char sign = is_signed ? 'i' : 'u';
        int width = 1 + (int)random_below(&random, is_signed ? 64 : 63);
        int offset = (int)random_below(&random, 40);
        int overflow = (int)random_below(&random, 3);
        int shift = (int)random_below(&random, 64);
        int64_t more = (int64_t)random_u64(&random) >> shift;
        uint64_t bits = random_u64(&random) >> (64 - width);
        bool negative = is_signed && (bits >> (width - 1) & 1) != 0;
        int64_t old = (int64_t)(negative && width < 64 ? bits | UINT64_MAX << width : bits);
        (void)snprintf(line, sizeof(line), "BITFIELD a set %c%d %d %lld", sign, width, offset,
                       (long long)old);
        (void)redis_rig_run(&rig, line);
        int64_t held = old;
        model_increase(third, sizeof(third), is_signed, width, old, more, overflow, &held);
        (void)snprintf(want, sizeof(want), "*3 :%lld %s :%lld", (long long)old, third,
                       (long long)held);
        (void)snprintf(line, sizeof(line),
                       "BITFIELD a get %c%d %d overflow %s incrby %c%d %d %lld get %c%d %d", sign,
                       width, offset, overflows[overflow], sign, width, offset, (long long)more,
                       sign, width, offset);
        REDIS_SAYS(&rig, line, want);
    }
}

static void what_writes_needs_a_linearizable_key(void **state)
{
    (void)state;
    const struct command *command = commands_bits;
    while (strcmp(command->name, "bitfield") != 0) {
        command++;
    }
    struct bytes argv[6] = {bytes_from_string("bitfield"), bytes_from_string("set"),
                            bytes_from_string("GET"), bytes_from_string("u8"),
                            bytes_from_string("0")};
    assert_null(command->linear(argv, 5));
    argv[2] = bytes_from_string("SET");
    argv[5] = bytes_from_string("1");
    assert_string_equal(command->linear(argv, 6), "BITFIELD with SET");
    argv[2] = bytes_from_string("IncrBy");
    assert_string_equal(command->linear(argv, 6), "BITFIELD with INCRBY");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(fields_are_set_read_and_increased, begin, end),
        cmocka_unit_test_setup_teardown(a_multiple_that_overflows_comes_around_as_in_redis, begin,
                                        end),
        cmocka_unit_test_setup_teardown(overflow_wraps_saturates_or_fails_as_told_last, begin, end),
        cmocka_unit_test_setup_teardown(a_field_that_fails_still_makes_room, begin, end),
        cmocka_unit_test_setup_teardown(fields_that_cannot_be_are_refused_and_nothing_is_done,
                                        begin, end),
        cmocka_unit_test_setup_teardown(the_reading_form_only_reads, begin, end),
        cmocka_unit_test_setup_teardown(increments_of_every_width_are_as_with_wide_integers, begin,
                                        end),
        cmocka_unit_test_setup_teardown(what_writes_needs_a_linearizable_key, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
