#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/hash.h"
#include "base/limits.h"
#include "ring/partition.h"

static void assert_tag(const char *key, const char *tag)
{
    assert_true(bytes_equal(partition_tag(bytes_from_string(key)), bytes_from_string(tag)));
}

static void what_stands_in_braces_is_hashed(void **state)
{
    (void)state;
    assert_tag("foo", "foo");
    assert_tag("{user1000}.following", "user1000");
    assert_tag("a{b}c{d}", "b");
    assert_tag("foo{{bar}}zap", "{bar");
    assert_tag("x{y}", "y");
}

static void empty_or_open_braces_count_as_text(void **state)
{
    (void)state;
    assert_tag("foo{}{bar}", "foo{}{bar}");
    assert_tag("foo{bar", "foo{bar");
    assert_tag("}a{", "}a{");
    assert_tag("{", "{");
    assert_tag("{}", "{}");
    assert_true(partition_tag(bytes_make(NULL, 0)).len == 0);
}

static void keys_of_one_tag_share_a_partition(void **state)
{
    (void)state;
    assert_int_equal(partition_of_key(bytes_from_string("{u}.a"), 4096),
                     partition_of_key(bytes_from_string("b{u}"), 4096));
}

static void a_partition_is_the_top_bits(void **state)
{
    (void)state;
    assert_int_equal(partition_of_hash(UINT64_MAX, 1), 0);
    assert_int_equal(partition_of_hash(UINT64_C(0x8000000000000000), 2), 1);
    assert_int_equal(partition_of_hash(UINT64_C(0x7fffffffffffffff), 2), 0);
    assert_int_equal(partition_of_hash(UINT64_C(0xab12000000000000), 256), 0xab);
    assert_int_equal(partition_of_hash(UINT64_C(0xab12ffffffffffff), LIMIT_PARTITIONS_MAX), 0xab12);
}

static void doubling_splits_each_partition_in_place(void **state)
{
    (void)state;
    for (uint64_t i = 0; i < 1000; i++) {
        uint64_t hash = hash_mix(i + 1);
        assert_int_equal(partition_of_hash(hash, 512) / 2, partition_of_hash(hash, 256));
    }
}

/* Every node and client must agree on these for ever. */
static void the_hash_is_xxh3(void **state)
{
    (void)state;
    assert_true(partition_hash(bytes_from_string("")) == UINT64_C(0x2d06800538d394c2));
    assert_true(partition_hash(bytes_from_string("{foo}1")) == hash_xxh3(bytes_from_string("foo")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_stands_in_braces_is_hashed),
        cmocka_unit_test(empty_or_open_braces_count_as_text),
        cmocka_unit_test(keys_of_one_tag_share_a_partition),
        cmocka_unit_test(a_partition_is_the_top_bits),
        cmocka_unit_test(doubling_splits_each_partition_in_place),
        cmocka_unit_test(the_hash_is_xxh3),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
