/* STATUS_REPLY and the states of nodes. */
#include "wire_test.h"

static void assert_same_status_reply(const struct message_status_reply *sent,
                                     const struct message_status_reply *received)
{
    SAME(id);
    SAME(node);
    SAME(cluster);
    SAME_BYTES(cluster_name);
    SAME(layout_version);
    SAME_HASH(layout_hash);
    SAME(live_layouts);
    SAME(partitions);
    SAME(n);
    SAME(r);
    SAME(w);
    SAME(node_count);
    assert_nodes_same(sent->nodes, received->nodes, sent->node_count);
}

static void a_status_reply_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, status_reply, MESSAGE_STATUS_REPLY, id);
}

static void states_have_names(void **state)
{
    (void)state;
    assert_string_equal(node_state_text(NODE_UP), "up");
    assert_string_equal(node_state_text(NODE_SUSPECT), "suspect");
    assert_string_equal(node_state_text(NODE_DOWN), "down");
    assert_string_equal(node_state_text(NODE_JOINING), "joining");
    assert_string_equal(node_state_text(NODE_LEAVING), "leaving");
    assert_string_equal(node_state_text(NODE_LEFT), "left");
    assert_string_equal(node_state_text(NODE_REFILLING), "refilling");
    assert_string_equal(node_state_text(NODE_REFILLING + 1), "unknown");
    assert_string_equal(node_state_text(UINT32_MAX), "unknown");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(a_status_reply_arrives_as_it_was_sent),
        WIRE_TEST(states_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
