/* GOSSIP and its answer. */
#include "wire_test.h"

#include "wire/writer.h"

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
    SAME(kind);
    SAME_OPTIONAL(summary);
    SAME(wanted_count);
    for (uint32_t i = 0; i < sent->wanted_count; i++) {
        SAME(wanted[i]);
    }
    SAME_OPTIONAL(known);
    SAME_OPTIONAL(brief);
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

static void write_earlier_gossip(struct writer *writer)
{
    write_u64(writer, 11);
    write_u64(writer, 12);
    write_u64(writer, 13);
    write_u64(writer, 14);
    write_nil(writer);
    write_array(writer, 0);
}

static void assert_earlier(const struct message_gossip *gossip)
{
    assert_int_equal(gossip->from, 12);
    assert_int_equal(gossip->kind, GOSSIP_WHOLE);
    assert_null(gossip->summary.data);
    assert_int_equal(gossip->wanted_count, 0);
    assert_null(gossip->known.data);
    assert_null(gossip->brief.data);
}

static void what_an_earlier_version_tells_is_its_whole_table(void **state)
{
    struct wire_test *test = *state;
    struct writer writer = writer_make(&test->buffer);
    write_array(&writer, 8);
    write_u64(&writer, MESSAGE_GOSSIP);
    write_u64(&writer, 1);
    write_earlier_gossip(&writer);
    struct message_gossip gossip;
    assert_int_equal(writer.error, 0);
    assert_int_equal(message_gossip_decode(buffer_bytes(&test->buffer), &test->arena, &gossip), 0);
    assert_earlier(&gossip);

    buffer_clear(&test->buffer);
    write_array(&writer, 5);
    write_u64(&writer, MESSAGE_GOSSIP_REPLY);
    write_u64(&writer, 1);
    write_u64(&writer, 0);
    write_nil(&writer);
    write_array(&writer, 6);
    write_earlier_gossip(&writer);
    struct message_gossip_reply reply;
    assert_int_equal(writer.error, 0);
    assert_int_equal(message_gossip_reply_decode(buffer_bytes(&test->buffer), &test->arena, &reply),
                     0);
    assert_earlier(&reply.gossip);
}

static void more_records_than_one_message_may_name_are_refused(void **state)
{
    struct wire_test *test = *state;
    static const uint64_t wanted[LIMIT_GOSSIP_RECORDS + 1] = {1};
    struct message_gossip gossip = {.wanted = wanted, .wanted_count = LIMIT_GOSSIP_RECORDS};
    assert_int_equal(message_gossip_encode(&gossip, &test->buffer), 0);
    gossip.wanted_count++;
    assert_int_equal(message_gossip_encode(&gossip, &test->buffer), SHOAL_ETOOBIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(a_gossip_arrives_as_it_was_sent),
        WIRE_TEST(a_gossip_reply_arrives_as_it_was_sent),
        WIRE_TEST(what_an_earlier_version_tells_is_its_whole_table),
        WIRE_TEST(more_records_than_one_message_may_name_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
