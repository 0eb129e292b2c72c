/* RELEASE and its answer. */
#include "wire_test.h"

static void assert_same_release(const struct message_release *sent,
                                const struct message_release *received)
{
    SAME(id);
    SAME(partition);
    SAME(node);
    SAME(actor);
    SAME(view_digest);
}

static void assert_same_released(const struct message_released *sent,
                                 const struct message_released *received)
{
    SAME(id);
    SAME(code);
    SAME(actor);
    SAME(view_digest);
    SAME_OPTIONAL(view);
}

static void a_release_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, release, MESSAGE_RELEASE, id);
}

static void a_released_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, released, MESSAGE_RELEASED, id);
}

static void a_partition_that_no_cluster_has_is_not_sent(void **state)
{
    struct wire_test *test = *state;
    struct message_release release = {.id = 1, .partition = LIMIT_PARTITIONS_MAX};
    assert_int_equal(message_release_encode(&release, &test->buffer), SHOAL_EINVAL);
    assert_int_equal(test->buffer.len, 0);
    release.partition--;
    assert_int_equal(message_release_encode(&release, &test->buffer), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(a_release_arrives_as_it_was_sent),
        WIRE_TEST(a_released_arrives_as_it_was_sent),
        WIRE_TEST(a_partition_that_no_cluster_has_is_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
