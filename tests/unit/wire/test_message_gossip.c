/* GOSSIP and its answer. */
#include "wire_test.h"

static void assert_same_gossip(const struct message_gossip *sent,
                               const struct message_gossip *received)
{
    SAME(id);
    SAME(cluster);
    SAME(from);
    SAME(wall_ms);
    SAME(view_digest);
    SAME_OPTIONAL(view);
    SAME(count);
    assert_records_same(sent->records, received->records, sent->count);
}

static void assert_same_gossip_reply(const struct message_gossip_reply *sent,
                                     const struct message_gossip_reply *received)
{
    SAME(code);
    SAME_OPTIONAL(text);
    assert_same_gossip(&sent->gossip, &received->gossip);
}

static void a_gossip_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, gossip, MESSAGE_GOSSIP, id);
}

static void a_gossip_reply_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, gossip_reply, MESSAGE_GOSSIP_REPLY, gossip.id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(a_gossip_arrives_as_it_was_sent),
        WIRE_TEST(a_gossip_reply_arrives_as_it_was_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
