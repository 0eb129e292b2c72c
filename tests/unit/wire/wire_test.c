/* The fixture of the codec tests. */
#include "wire_test.h"

int wire_test_setup(void **state)
{
    static struct wire_test test;
    arena_init(&test.arena, LIMIT_ARENA_KEEP_BYTES);
    buffer_init(&test.buffer, 0);
    random_init(&test.random, 1);
    *state = &test;
    return 0;
}

int wire_test_teardown(void **state)
{
    struct wire_test *test = *state;
    mem_fail_never();
    buffer_deinit(&test->buffer);
    arena_deinit(&test->arena);
    return 0;
}

struct bytes wire_test_payload(struct wire_test *test, uint32_t kind, uint64_t id)
{
    struct bytes payload;
    size_t taken;
    size_t need;
    assert_int_equal(
        frame_next(buffer_bytes(&test->buffer), LIMIT_FRAME_BYTES, &payload, &taken, &need), 0);
    assert_int_equal(taken, test->buffer.len);
    assert_int_equal(frame_validate(payload), 0);
    uint32_t kind_seen;
    uint64_t id_seen;
    assert_int_equal(frame_peek(payload, &kind_seen, &id_seen), 0);
    assert_int_equal(kind_seen, kind);
    assert_true(id_seen == id);
    return payload;
}

void assert_optional_same(struct bytes a, struct bytes b)
{
    assert_true((a.data == NULL) == (b.data == NULL));
    assert_true(bytes_equal(a, b));
}

void assert_options_same(const struct request_options *sent, const struct request_options *received)
{
    SAME(n);
    SAME(r);
    SAME(w);
    SAME(pr);
    SAME(pw);
    SAME(dw);
    SAME(timeout_us);
}

static void assert_node_same(const struct status_node *sent, const struct status_node *received)
{
    SAME(id);
    SAME_BYTES(name);
    SAME_BYTES(zone);
    SAME_BYTES(host);
    SAME(client_port);
    SAME(peer_port);
    SAME(redis_port);
    SAME(http_port);
    SAME(state);
    SAME(partitions);
    SAME(keys);
    SAME(bytes);
    SAME(hints);
    SAME(pending_sync);
    SAME(weight);
    SAME(storage);
    SAME(releasing);
    SAME(sync_rate);
    SAME(memory);
    SAME(ops);
    SAME(ops_rate);
    SAME(marks);
    SAME(change);
    SAME(staged);
}

void assert_trace_same(const struct trace *a, const struct trace *b)
{
    assert_true(a->id_high == b->id_high);
    assert_true(a->id_low == b->id_low);
    assert_true(a->span == b->span);
    assert_true(a->flags == b->flags);
}

void assert_nodes_same(const struct status_node *a, const struct status_node *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_node_same(&a[i], &b[i]);
    }
}

static void assert_record_same(const struct wire_record *sent, const struct wire_record *received)
{
    SAME(id);
    SAME(generation);
    SAME(heartbeat);
    SAME(version);
    SAME_BYTES(name);
    SAME_BYTES(zone);
    SAME_BYTES(host);
    SAME(client_port);
    SAME(peer_port);
    SAME(redis_port);
    SAME(http_port);
    SAME(state);
    SAME(keys);
    SAME(bytes);
    SAME(hints);
    SAME(pending_sync);
    SAME(storage);
    SAME(releasing);
    SAME(sync_rate);
    SAME(memory);
    SAME(ops);
    SAME(ops_rate);
}

void assert_records_same(const struct wire_record *a, const struct wire_record *b, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        assert_record_same(&a[i], &b[i]);
    }
}
