/* ADMIT and its answer, and INVITE. */
#include "wire_test.h"

static void assert_same_admit(const struct message_admit *sent,
                              const struct message_admit *received)
{
    SAME(id);
    SAME(node);
    SAME_BYTES(name);
    SAME_BYTES(cluster_name);
    SAME(partitions);
    SAME(n);
    SAME(r);
    SAME(w);
    assert_string_equal(sent->host, received->host);
    SAME(peer_port);
}

static void assert_same_invite(const struct message_invite *sent,
                               const struct message_invite *received)
{
    SAME(id);
    assert_string_equal(sent->host, received->host);
    SAME(port);
}

static void assert_same_admit_reply(const struct message_admit_reply *sent,
                                    const struct message_admit_reply *received)
{
    SAME(id);
    SAME(code);
    SAME_OPTIONAL(text);
    SAME(cluster);
    SAME_OPTIONAL(secret);
    SAME_OPTIONAL(view);
    SAME(count);
    assert_records_same(sent->records, received->records, sent->count);
    SAME(node);
}

static void an_admit_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, admit, MESSAGE_ADMIT, id);
}

static void an_admit_reply_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, admit_reply, MESSAGE_ADMIT_REPLY, id);
}

static void an_invite_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, invite, MESSAGE_INVITE, id);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(an_admit_arrives_as_it_was_sent),
        WIRE_TEST(an_admit_reply_arrives_as_it_was_sent),
        WIRE_TEST(an_invite_arrives_as_it_was_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
