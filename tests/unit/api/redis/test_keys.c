/* api/redis/keys, object: keys that go, move, double and are asked about. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "support/redis_rig.h"

static const struct command *const tables[] = {commands_generic, commands_expiry, commands_string,
                                               NULL};
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

/* ---- DEL, EXISTS, TYPE ---- */

static void deleting_counts_what_was_there(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "MSET a 1 b 2 c 3", "+OK");
    REDIS_SAYS(&rig, "DEL a b d", ":2");
    assert_int_equal(rig.changes, 2);
    REDIS_SAYS(&rig, "UNLINK c c", ":1");
    REDIS_SAYS(&rig, "DEL c", ":0");
    assert_int_equal(rig.changes, 0);
}

static void a_key_exists_as_often_as_it_is_named(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SET a 1", "+OK");
    REDIS_SAYS(&rig, "EXISTS a b a", ":2");
    REDIS_SAYS(&rig, "TOUCH a b", ":1");
    REDIS_SAYS(&rig, "TYPE a", "+string");
    REDIS_SAYS(&rig, "TYPE b", "+none");
}

/* ---- RENAME ---- */

static void renaming_takes_value_and_expiry_along(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SET a 1 PXAT 1700000009000", "+OK");
    REDIS_SAYS(&rig, "SET b 2", "+OK");
    REDIS_SAYS(&rig, "RENAME a b", "+OK");
    REDIS_SAYS(&rig, "GET a", "$-1");
    REDIS_SAYS(&rig, "GET b", "$1 1");
    assert_int_equal(redis_rig_expiry(&rig, "b"), 1700000009000);
    REDIS_SAYS(&rig, "SET c 3", "+OK");
    REDIS_SAYS(&rig, "RENAME c b", "+OK");
    assert_int_equal(redis_rig_expiry(&rig, "b"), 0);
}

static void what_is_not_there_has_no_name(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "RENAME a b", "-ERR no such key");
    REDIS_SAYS(&rig, "RENAME a a", "-ERR no such key");
    REDIS_SAYS(&rig, "RENAMENX a b", "-ERR no such key");
}

static void renaming_to_the_same_name_changes_nothing(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SET a 1", "+OK");
    REDIS_SAYS(&rig, "RENAME a a", "+OK");
    assert_int_equal(rig.changes, 0);
    REDIS_SAYS(&rig, "RENAMENX a a", ":0");
    assert_int_equal(rig.changes, 0);
}

static void renamenx_spares_what_is_there(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "MSET a 1 b 2", "+OK");
    REDIS_SAYS(&rig, "RENAMENX a b", ":0");
    REDIS_SAYS(&rig, "RENAMENX a c", ":1");
    REDIS_SAYS(&rig, "MGET a b c", "*3 $-1 $1 2 $1 1");
}

/* ---- COPY ---- */

static void copying_leaves_the_source(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SET a 1 PXAT 1700000009000", "+OK");
    REDIS_SAYS(&rig, "COPY a b", ":1");
    REDIS_SAYS(&rig, "MGET a b", "*2 $1 1 $1 1");
    assert_int_equal(redis_rig_expiry(&rig, "b"), 1700000009000);
    REDIS_SAYS(&rig, "SET a 2", "+OK");
    REDIS_SAYS(&rig, "COPY a b", ":0");
    REDIS_SAYS(&rig, "COPY a b DB 0 replace", ":1");
    REDIS_SAYS(&rig, "GET b", "$1 2");
    assert_int_equal(redis_rig_expiry(&rig, "b"), 0);
    REDIS_SAYS(&rig, "COPY c d", ":0");
}

static void copying_is_refused_as_by_redis(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "COPY a a", "-ERR source and destination objects are the same");
    REDIS_SAYS(&rig, "COPY a b DB", "-ERR syntax error");
    REDIS_SAYS(&rig, "COPY a b SOON", "-ERR syntax error");
    REDIS_SAYS(&rig, "COPY a b DB x", "-ERR value is not an integer or out of range");
    REDIS_SAYS(&rig, "COPY a b DB 1", "-ERR DB index is out of range");
    REDIS_SAYS(&rig, "COPY a b DB 2147483648",
               "-ERR value is out of range, value must between -2147483648 and 2147483647");
}

/* ---- OBJECT ---- */

static void encodings_are_those_of_redis(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "OBJECT ENCODING a", "$-1");
    REDIS_SAYS(&rig, "SET a -12", "+OK");
    REDIS_SAYS(&rig, "OBJECT ENCODING a", "$3 int");
    REDIS_SAYS(&rig, "SET a 012", "+OK");
    REDIS_SAYS(&rig, "object encoding a", "$6 embstr");
    REDIS_SAYS(&rig, "SET a 12345678901234567890123456789012345678901234", "+OK");
    REDIS_SAYS(&rig, "OBJECT ENCODING a", "$6 embstr");
    REDIS_SAYS(&rig, "SET a 123456789012345678901234567890123456789012345", "+OK");
    REDIS_SAYS(&rig, "OBJECT ENCODING a", "$3 raw");
}

static void small_numbers_are_shared(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "MSET a 9999 b 10000 c -1 d x", "+OK");
    REDIS_SAYS(&rig, "OBJECT REFCOUNT a", ":2147483647");
    REDIS_SAYS(&rig, "OBJECT REFCOUNT b", ":1");
    REDIS_SAYS(&rig, "OBJECT REFCOUNT c", ":1");
    REDIS_SAYS(&rig, "OBJECT REFCOUNT d", ":1");
    rig.resp3 = true;
    REDIS_SAYS(&rig, "OBJECT REFCOUNT missing", "_");
}

static void use_is_not_kept_account_of(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SET a 1", "+OK");
    REDIS_SAYS(&rig, "OBJECT IDLETIME a", ":0");
    REDIS_SAYS(&rig, "OBJECT IDLETIME b", "$-1");
    REDIS_SAYS(&rig, "OBJECT FREQ b", "$-1");
    assert_memory_equal(redis_rig_run(&rig, "OBJECT FREQ a"), "-ERR An LFU maxmemory policy", 28);
}

#define KEYS_TEST(name) cmocka_unit_test_setup_teardown(name, begin, end)

int main(void)
{
    const struct CMUnitTest tests[] = {
        KEYS_TEST(deleting_counts_what_was_there),
        KEYS_TEST(a_key_exists_as_often_as_it_is_named),
        KEYS_TEST(renaming_takes_value_and_expiry_along),
        KEYS_TEST(what_is_not_there_has_no_name),
        KEYS_TEST(renaming_to_the_same_name_changes_nothing),
        KEYS_TEST(renamenx_spares_what_is_there),
        KEYS_TEST(copying_leaves_the_source),
        KEYS_TEST(copying_is_refused_as_by_redis),
        KEYS_TEST(encodings_are_those_of_redis),
        KEYS_TEST(small_numbers_are_shared),
        KEYS_TEST(use_is_not_kept_account_of),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
