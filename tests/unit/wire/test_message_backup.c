/* BACKUP and its answer. */
#include "wire_test.h"

static void assert_same_backup(const struct message_backup *sent,
                               const struct message_backup *received)
{
    SAME(id);
    SAME_OPTIONAL(path);
}

static void assert_same_backup_reply(const struct message_backup_reply *sent,
                                     const struct message_backup_reply *received)
{
    SAME(id);
    SAME(number);
    SAME(state);
    SAME(code);
    SAME_OPTIONAL(text);
    SAME_BYTES(path);
    SAME(files);
    SAME(bytes);
    SAME(bytes_done);
}

static void a_backup_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, backup, MESSAGE_BACKUP, id);
}

static void a_backup_reply_arrives_as_it_was_sent(void **state)
{
    ROUND_TRIPS((struct wire_test *)*state, backup_reply, MESSAGE_BACKUP_REPLY, id);
}

static void a_path_longer_than_any_is_not_sent(void **state)
{
    struct wire_test *test = *state;
    static uint8_t path[LIMIT_PATH_BYTES + 1];
    struct message_backup backup = {.path = bytes_make(path, LIMIT_PATH_BYTES)};
    assert_int_equal(message_backup_encode(&backup, &test->buffer), 0);
    backup.path.len++;
    assert_int_equal(message_backup_encode(&backup, &test->buffer), SHOAL_ETOOBIG);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        WIRE_TEST(a_backup_arrives_as_it_was_sent),
        WIRE_TEST(a_backup_reply_arrives_as_it_was_sent),
        WIRE_TEST(a_path_longer_than_any_is_not_sent),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
