/* RING_REPLY. */
#include "base/hash.h"
#include "wire_test.h"

static void assert_same_ring_reply(const struct message_ring_reply *sent,
                                   const struct message_ring_reply *received)
{
    SAME(id);
    SAME(layout_version);
    SAME_HASH(layout_hash);
    SAME(partitions);
    SAME(replicas);
    SAME(node_count);
    assert_nodes_same(sent->nodes, received->nodes, sent->node_count);
    for (uint32_t i = 0; i < sent->partitions * sent->replicas; i++) {
        SAME(owners[i]);
    }
}

static void a_ring_reply_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, ring_reply, MESSAGE_RING_REPLY, id);
}

static void the_largest_ring_fits(void **state)
{
    struct wire_test *test = *state;
    static uint16_t owners[LIMIT_PARTITIONS_MAX * LIMIT_REPLICAS];
    struct status_node nodes[2] = {{.id = 1}, {.id = 2}};
    owners[sizeof(owners) / sizeof(owners[0]) - 1] = 1;
    struct message_ring_reply ring = {
        .partitions = LIMIT_PARTITIONS_MAX,
        .replicas = LIMIT_REPLICAS,
        .nodes = nodes,
        .node_count = 2,
        .owners = owners,
    };
    assert_int_equal(message_ring_reply_encode(&ring, &test->buffer), 0);
    struct bytes payload = wire_test_payload(test, MESSAGE_RING_REPLY, 0);
    struct message_ring_reply out;
    assert_int_equal(message_ring_reply_decode(payload, &test->arena, &out), 0);
    assert_memory_equal(out.owners, owners, sizeof(owners));
}

static void figures_that_make_no_ring_are_refused(void **state)
{
    struct wire_test *test = *state;
    struct status_node node = {.id = 1};
    uint16_t owners[16] = {0};
    struct message_ring_reply good = {
        .partitions = 8, .replicas = 1, .nodes = &node, .node_count = 1, .owners = owners};
    struct message_ring_reply ring = good;
    assert_int_equal(message_ring_reply_encode(&ring, &test->buffer), 0);
    struct bytes payload = wire_test_payload(test, MESSAGE_RING_REPLY, 0);
    struct message_ring_reply out;
    test->buffer.data[test->buffer.len - 1] = 1; /* an owner beyond the nodes */
    assert_int_equal(message_ring_reply_decode(payload, &test->arena, &out), SHOAL_EPROTO);
    test->buffer.data[test->buffer.len - 1] = 0;
    uint8_t *partitions = test->buffer.data + FRAME_PREFIX_BYTES + 3 + 1 + 2 + 16;
    assert_int_equal(*partitions, 8);
    for (unsigned wrong = 0; wrong < 16; wrong++) { /* too few, too many, no power of two */
        *partitions = (uint8_t)wrong;
        assert_int_equal(message_ring_reply_decode(payload, &test->arena, &out),
                         wrong == 8 ? 0 : SHOAL_EPROTO);
    }
    buffer_clear(&test->buffer);
    ring.partitions = 12;
    assert_int_equal(message_ring_reply_encode(&ring, &test->buffer), SHOAL_EINVAL);
    ring = good;
    ring.replicas = LIMIT_REPLICAS + 1;
    assert_int_equal(message_ring_reply_encode(&ring, &test->buffer), SHOAL_EINVAL);
    ring = good;
    owners[3] = 1;
    assert_int_equal(message_ring_reply_encode(&ring, &test->buffer), SHOAL_EINVAL);
    assert_int_equal(test->buffer.len, 0);
}

/* docs/protocol.md says where these two keys are. */
static void the_keys_of_the_documentation_are_where_it_says(void **state)
{
    (void)state;
    assert_true(hash_xxh3(bytes_from_string("foo")) == UINT64_C(0xab6e5f64077e7d8a));
    assert_true(hash_xxh3(bytes_from_string("42")) == UINT64_C(0x1217cb28c0ef2191));
    assert_int_equal(hash_xxh3(bytes_from_string("foo")) >> 56, 171);
    assert_int_equal(hash_xxh3(bytes_from_string("42")) >> 56, 18);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(a_ring_reply_arrives_as_it_was_sent),
        WIRE_TEST(the_largest_ring_fits),
        WIRE_TEST(figures_that_make_no_ring_are_refused),
        WIRE_TEST(the_keys_of_the_documentation_are_where_it_says),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
