/* STATUS_REPLY and the states of nodes. */
#include "wire_test.h"

#include "wire/writer.h"

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
    SAME(staged);
    SAME(may_lose);
    SAME(oldest_version);
    assert_nodes_same(sent->nodes, received->nodes, sent->node_count);
}

static void a_status_reply_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, status_reply, MESSAGE_STATUS_REPLY, id);
}

/* As of a node that knows nothing of changes under way. */
static void write_earlier_node(struct writer *writer, bool with_storage)
{
    write_array(writer, with_storage ? 16 : 15);
    write_u64(writer, 7);
    write_text(writer, "n7");
    write_text(writer, "zone");
    write_text(writer, "host");
    for (unsigned i = 0; i < 11; i++) {
        write_u64(writer, i);
    }
    if (with_storage) {
        write_u64(writer, NODE_STORAGE_FULL);
    }
}

static void fields_that_earlier_versions_leave_out_have_their_defaults(void **state)
{
    struct wire_test *test = *state;
    const struct content_hash hash = {0};
    struct writer writer = writer_make(&test->buffer);
    write_array(&writer, 13);
    write_u64(&writer, MESSAGE_STATUS_REPLY);
    write_u64(&writer, 1);
    write_u64(&writer, 7);
    write_u64(&writer, 8);
    write_text(&writer, "cluster");
    write_u64(&writer, 9);
    write_bin(&writer, bytes_make(hash.bytes, sizeof(hash.bytes)));
    for (unsigned i = 0; i < 5; i++) {
        write_u64(&writer, 3);
    }
    write_array(&writer, 2);
    write_earlier_node(&writer, false);
    write_earlier_node(&writer, true);
    assert_int_equal(writer.error, 0);
    struct message_status_reply reply;
    assert_int_equal(message_status_reply_decode(buffer_bytes(&test->buffer), &test->arena, &reply),
                     0);
    assert_int_equal(reply.staged, 0);
    assert_int_equal(reply.may_lose, 0);
    assert_int_equal(reply.oldest_version, 0);
    assert_int_equal(reply.node_count, 2);
    for (uint32_t i = 0; i < 2; i++) {
        const struct status_node *node = &reply.nodes[i];
        assert_int_equal(node->weight, 10);
        assert_int_equal(node->storage, i == 0 ? NODE_STORAGE_OK : NODE_STORAGE_FULL);
        assert_int_equal(node->releasing, 0);
        assert_int_equal(node->sync_rate, 0);
        assert_int_equal(node->marks, 0);
        assert_int_equal(node->change, CHANGE_STAYS);
        assert_false(node->staged);
        assert_int_equal(node->memory, 0);
        assert_int_equal(node->ops, 0);
        assert_int_equal(node->ops_rate, 0);
    }
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
        WIRE_TEST(fields_that_earlier_versions_leave_out_have_their_defaults),
        WIRE_TEST(states_have_names),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
