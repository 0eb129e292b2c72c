/* GOODBYE. */
#include "wire_test.h"

static void assert_same_goodbye(const struct message_goodbye *sent,
                                const struct message_goodbye *received)
{
    SAME(id);
    SAME(from);
}

static void a_goodbye_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, goodbye, MESSAGE_GOODBYE, id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(a_goodbye_arrives_as_it_was_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
