/* REPAIR and its answer. */
#include "wire_test.h"

static void assert_same_repair(const struct message_repair *sent,
                               const struct message_repair *received)
{
    SAME(id);
    SAME(pass_on);
}

static void assert_same_repair_reply(const struct message_repair_reply *sent,
                                     const struct message_repair_reply *received)
{
    SAME(id);
    SAME(told);
    SAME(nodes);
    SAME_OPTIONAL(text);
}

static void a_repair_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, repair, MESSAGE_REPAIR, id);
}

static void a_repair_reply_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, repair_reply, MESSAGE_REPAIR_REPLY, id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(a_repair_arrives_as_it_was_sent),
        WIRE_TEST(a_repair_reply_arrives_as_it_was_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
