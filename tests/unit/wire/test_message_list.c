/* LIST and its answer. */
#include "wire_test.h"

static void assert_same_list(const struct message_list *sent, const struct message_list *received)
{
    SAME(id);
    SAME_BYTES(prefix);
    SAME_OPTIONAL(after);
    SAME(limit);
    SAME(with_values);
    assert_options_same(&sent->options, &received->options);
    SAME_TRACE(trace);
}

static void assert_same_list_reply(const struct message_list_reply *sent,
                                   const struct message_list_reply *received)
{
    SAME(id);
    SAME(count);
    SAME_OPTIONAL(after);
    for (uint32_t i = 0; i < sent->count; i++) {
        SAME_BYTES(entries[i].key);
        SAME_OPTIONAL(entries[i].value);
    }
}

static void a_list_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, list, MESSAGE_LIST, id);
}

static void a_list_reply_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, list_reply, MESSAGE_LIST_REPLY, id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(a_list_arrives_as_it_was_sent),
        WIRE_TEST(a_list_reply_arrives_as_it_was_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
