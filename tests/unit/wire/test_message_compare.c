/* COMPARE and its answer. */
#include "wire_test.h"

static void assert_same_compare(const struct message_compare *sent,
                                const struct message_compare *received)
{
    SAME(id);
    SAME(node);
    SAME(view_digest);
    SAME(sum.low);
    SAME(sum.high);
}

static void assert_same_compared(const struct message_compared *sent,
                                 const struct message_compared *received)
{
    SAME(id);
    SAME(code);
    SAME(equal);
    SAME(view_digest);
    SAME_OPTIONAL(view);
}

static void a_compare_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, compare, MESSAGE_COMPARE, id);
}

static void a_compared_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, compared, MESSAGE_COMPARED, id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(a_compare_arrives_as_it_was_sent),
        WIRE_TEST(a_compared_arrives_as_it_was_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
