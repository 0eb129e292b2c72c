/* CHANGE and its answer, the plan. */
#include "wire_test.h"

#include "wire/writer.h"

static void assert_same_change(const struct message_change *sent,
                               const struct message_change *received)
{
    SAME(id);
    SAME(op);
    SAME(stage);
    SAME(force);
    SAME_OPTIONAL(node);
    assert_string_equal(sent->host, received->host);
    SAME(port);
    SAME(weight);
    SAME_OPTIONAL(zone);
    SAME(nodes);
    SAME(timeout_us);
}

static void assert_same_change_reply(const struct message_change_reply *sent,
                                     const struct message_change_reply *received)
{
    SAME(id);
    SAME(changes);
    SAME(committed);
    SAME(version_before);
    SAME(version_after);
    SAME(partitions);
    SAME(replicas_before);
    SAME(replicas_after);
    SAME(moves);
    SAME(moves_least);
    SAME(zones_before);
    SAME(zones_after);
    SAME(share_excess_before_milli);
    SAME(share_excess_after_milli);
    SAME(may_lose);
    SAME(bytes_in);
    SAME_OPTIONAL(reason);
    SAME_OPTIONAL(text);
    SAME(count);
    for (uint32_t i = 0; i < sent->count; i++) {
        SAME(rows[i].node);
        SAME_BYTES(rows[i].name);
        SAME_BYTES(rows[i].zone);
        SAME(rows[i].kind);
        SAME(rows[i].weight);
        SAME(rows[i].partitions_before);
        SAME(rows[i].partitions_after);
        SAME(rows[i].partitions_in);
        SAME(rows[i].bytes_in);
    }
}

static void a_change_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, change, MESSAGE_CHANGE, id);
}

static void a_change_reply_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, change_reply, MESSAGE_CHANGE_REPLY, id);
}

static void kinds_of_change_have_names(void **state)
{
    (void)state;
    assert_string_equal(change_kind_text(CHANGE_STAYS), "stays");
    assert_string_equal(change_kind_text(CHANGE_JOINS), "joins");
    assert_string_equal(change_kind_text(CHANGE_LEAVES), "leaves");
    assert_string_equal(change_kind_text(CHANGE_REMOVED), "removed");
    assert_string_equal(change_kind_text(CHANGE_REWEIGHED), "reweighed");
    assert_string_equal(change_kind_text(CHANGE_REWEIGHED + 1), "unknown");
    assert_string_equal(change_kind_text(UINT32_MAX), "unknown");
}

static int encode_change(struct wire_test *test, const struct message_change *change)
{
    buffer_clear(&test->buffer);
    return message_change_encode(change, &test->buffer);
}

static void names_and_ports_beyond_their_bounds_are_not_sent(void **state)
{
    struct wire_test *test = *state;
    uint8_t long_name[LIMIT_NAME_BYTES + 1];
    memset(long_name, 'n', sizeof(long_name));
    struct bytes too_long = bytes_make(long_name, sizeof(long_name));
    struct bytes with_nul = bytes_make("a\0b", 3);
    struct message_change change = {.op = CHANGE_REPLACE, .port = 65536};
    assert_int_equal(encode_change(test, &change), SHOAL_EINVAL);
    change = (struct message_change){.op = CHANGE_LEAVE, .node = too_long};
    assert_int_equal(encode_change(test, &change), SHOAL_ETOOBIG);
    change = (struct message_change){.op = CHANGE_SET, .zone = too_long};
    assert_int_equal(encode_change(test, &change), SHOAL_ETOOBIG);
    change = (struct message_change){.op = CHANGE_LEAVE, .node = with_nul};
    assert_int_equal(encode_change(test, &change), SHOAL_EINVAL);
    change = (struct message_change){.op = CHANGE_SET, .zone = with_nul};
    assert_int_equal(encode_change(test, &change), SHOAL_EINVAL);
    assert_int_equal(test->buffer.len, 0);
    change = (struct message_change){.op = CHANGE_SET, .node = bytes_make(long_name, 255)};
    assert_int_equal(encode_change(test, &change), 0);
}

/* A CHANGE of this node and zone, by hand. */
static struct bytes handmade(struct wire_test *test, struct bytes node, struct bytes zone)
{
    buffer_clear(&test->buffer);
    struct writer writer = writer_make(&test->buffer);
    write_array(&writer, 12);
    write_u64(&writer, MESSAGE_CHANGE);
    write_u64(&writer, 1);
    write_u64(&writer, CHANGE_SET);
    write_bool(&writer, false);
    write_bool(&writer, false);
    write_optional_bin(&writer, node);
    write_text(&writer, "");
    write_u64(&writer, 0);
    write_u64(&writer, 0);
    write_optional_bin(&writer, zone);
    write_u64(&writer, 0);
    write_u64(&writer, 0);
    assert_int_equal(writer.error, 0);
    return buffer_bytes(&test->buffer);
}

static void names_that_hold_a_nul_are_refused(void **state)
{
    struct wire_test *test = *state;
    struct bytes plain = bytes_from_string("n1");
    struct bytes with_nul = bytes_make("a\0b", 3);
    struct message_change out = {.id = 77};
    assert_int_equal(message_change_decode(handmade(test, with_nul, plain), &test->arena, &out),
                     SHOAL_EPROTO);
    assert_int_equal(message_change_decode(handmade(test, plain, with_nul), &test->arena, &out),
                     SHOAL_EPROTO);
    assert_int_equal(out.id, 77);
    assert_int_equal(message_change_decode(handmade(test, plain, plain), &test->arena, &out), 0);
    assert_true(bytes_equal(out.node, plain));
}

static void a_plan_has_room_for_all_members_before_and_after(void **state)
{
    struct wire_test *test = *state;
    struct plan_row *rows = mem_alloc_zeroed(LIMIT_PLAN_ROWS + 1, sizeof(*rows));
    assert_non_null(rows);
    assert_true(LIMIT_PLAN_ROWS >= 2 * LIMIT_MEMBERS);
    struct message_change_reply received;
    struct message_change_reply sent = {.id = 1, .rows = rows, .count = LIMIT_PLAN_ROWS};
    assert_int_equal(message_change_reply_encode(&sent, &test->buffer), 0);
    struct bytes payload = wire_test_payload(test, MESSAGE_CHANGE_REPLY, 1);
    assert_int_equal(message_change_reply_decode(payload, &test->arena, &received), 0);
    assert_int_equal(received.count, LIMIT_PLAN_ROWS);
    size_t len = test->buffer.len;
    sent.count++;
    assert_int_equal(message_change_reply_encode(&sent, &test->buffer), SHOAL_ETOOBIG);
    assert_int_equal(test->buffer.len, len);
    mem_free(rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(a_change_arrives_as_it_was_sent),
        WIRE_TEST(a_change_reply_arrives_as_it_was_sent),
        WIRE_TEST(kinds_of_change_have_names),
        WIRE_TEST(names_and_ports_beyond_their_bounds_are_not_sent),
        WIRE_TEST(names_that_hold_a_nul_are_refused),
        WIRE_TEST(a_plan_has_room_for_all_members_before_and_after),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
