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

#define RECORD_FIELDS_FIRST 16u
#define RECORD_FIELDS 22u

/* A record whose every number is 100 and its position: its first `fields` fields, and what follows
 * from elsewhere. */
static int decode_record(struct wire_test *test, uint32_t fields, struct bytes behind,
                         uint32_t behind_count, struct wire_record *out)
{
    buffer_clear(&test->buffer);
    struct writer writer = writer_make(&test->buffer);
    write_array(&writer, 8);
    write_u64(&writer, MESSAGE_GOSSIP);
    for (unsigned i = 0; i < 5; i++) {
        write_u64(&writer, 1);
    }
    write_nil(&writer);
    write_array(&writer, 1);
    write_array(&writer, fields + behind_count);
    for (uint32_t i = 0; i < fields; i++) {
        if (i >= 4 && i <= 6) { /* name, zone, host */
            write_text(&writer, "n");
        } else {
            write_u64(&writer, 100 + i);
        }
    }
    assert_int_equal(writer.error, 0);
    assert_int_equal(buffer_append_bytes(&test->buffer, behind), 0);
    assert_int_equal(frame_validate(buffer_bytes(&test->buffer)), 0);
    struct message_gossip gossip;
    int error = message_gossip_decode(buffer_bytes(&test->buffer), &test->arena, &gossip);
    if (error == 0) {
        assert_int_equal(gossip.count, 1);
        *out = gossip.records[0];
    }
    return error;
}

static void assert_record_of(const struct wire_record *record, uint32_t fields)
{
    assert_int_equal(record->pending_sync, 115);
    assert_int_equal(record->storage, fields > 16 ? 116 : NODE_STORAGE_OK);
    assert_int_equal(record->releasing, fields > 17 ? 117 : 0);
    assert_int_equal(record->sync_rate, fields > 18 ? 118 : 0);
    assert_int_equal(record->memory, fields > 19 ? 119 : 0);
    assert_int_equal(record->ops, fields > 20 ? 120 : 0);
    assert_int_equal(record->ops_rate, fields > 21 ? 121 : 0);
}

static void a_record_may_end_at_any_of_its_later_fields(void **state)
{
    struct wire_test *test = *state;
    struct wire_record record;
    const struct bytes nothing = {0};
    for (uint32_t fields = RECORD_FIELDS_FIRST; fields <= RECORD_FIELDS; fields++) {
        assert_int_equal(decode_record(test, fields, nothing, 0, &record), 0);
        assert_record_of(&record, fields);
    }
    assert_int_equal(decode_record(test, RECORD_FIELDS_FIRST - 1, nothing, 0, &record),
                     SHOAL_EPROTO);
}

static void what_a_later_version_says_stands_behind_the_whole_record(void **state)
{
    struct wire_test *test = *state;
    struct wire_record record;
    static const uint8_t later[] = {0x81, 1, 0x91, 2, 0xa1, 'x'};
    const struct bytes behind = bytes_make(later, sizeof(later));
    assert_int_equal(decode_record(test, RECORD_FIELDS, behind, 2, &record), 0);
    assert_record_of(&record, RECORD_FIELDS);
    /* In the place of a number it is not passed over. */
    for (uint32_t fields = RECORD_FIELDS_FIRST; fields < RECORD_FIELDS; fields++) {
        assert_int_equal(decode_record(test, fields, behind, 2, &record), SHOAL_EPROTO);
    }
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
        WIRE_TEST(a_record_may_end_at_any_of_its_later_fields),
        WIRE_TEST(what_a_later_version_says_stands_behind_the_whole_record),
        WIRE_TEST(more_records_than_one_message_may_name_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
