/* net/connection: bytes in and out over a real socket pair, turned by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/limits.h"
#include "net/connection.h"
#include "shoal/error.h"

#define RECORD_BYTES 10u /* the handler takes records of so many bytes */

struct fixture {
    struct loop loop;
    struct connection *connection;
    int other; /* the other end, non-blocking */
    struct buffer received;
    size_t record_bytes; /* 0: takes everything */
    bool hold;
    struct input_block *held[64];
    struct bytes held_bytes[64];
    uint32_t held_count;
    uint32_t pause_after; /* records; 0: never */
    uint32_t records;
    uint32_t ended;
    uint32_t drained;
    uint32_t closed;
    int code;
};

static size_t on_input(void *self, struct connection *connection, struct bytes bytes, size_t *need)
{
    struct fixture *fixture = self;
    size_t unit = fixture->record_bytes == 0 ? bytes.len : fixture->record_bytes;
    size_t taken = 0;
    while (bytes.len - taken >= unit && unit > 0 && !connection_paused(connection)) {
        struct bytes record = bytes_make(bytes.data + taken, unit);
        assert_int_equal(buffer_append_bytes(&fixture->received, record), 0);
        if (fixture->hold) {
            fixture->held[fixture->held_count] = connection_hold(connection);
            fixture->held_bytes[fixture->held_count++] = record;
        }
        taken += unit;
        if (++fixture->records == fixture->pause_after) {
            connection_pause(connection);
        }
    }
    *need = unit;
    return taken;
}

static void on_ended(void *self, struct connection *connection)
{
    (void)connection;
    ((struct fixture *)self)->ended++;
}

static void on_drained(void *self, struct connection *connection)
{
    (void)connection;
    ((struct fixture *)self)->drained++;
}

static void on_closed(void *self, struct connection *connection, int code)
{
    (void)connection;
    struct fixture *fixture = self;
    fixture->closed++;
    fixture->code = code;
    fixture->connection = NULL;
}

static const struct connection_handler handler = {
    .input = on_input, .ended = on_ended, .drained = on_drained, .closed = on_closed};

static int set_up(void **state)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, pair) != 0) {
        return -1;
    }
    struct fixture *fixture = calloc(1, sizeof(*fixture));
    if (fixture == NULL) {
        return -1;
    }
    buffer_init(&fixture->received, 0);
    fixture->record_bytes = RECORD_BYTES;
    fixture->other = pair[1];
    *state = fixture;
    return loop_init(&fixture->loop, NULL, 0) != 0 ||
           connection_new(&fixture->loop, pair[0], &handler, fixture, &fixture->connection) != 0;
}

static int tear_down(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t i = 0; i < fixture->held_count; i++) {
        input_block_unref(&fixture->loop.input, fixture->held[i]);
    }
    connections_close_all(&fixture->loop);
    loop_turn(&fixture->loop, false);
    loop_deinit(&fixture->loop);
    buffer_deinit(&fixture->received);
    if (fixture->other >= 0) {
        close(fixture->other);
    }
    free(fixture);
    return 0;
}

static void turn(struct fixture *fixture, uint32_t times)
{
    for (uint32_t i = 0; i < times; i++) {
        loop_turn(&fixture->loop, false);
    }
}

static void say(struct fixture *fixture, const void *data, size_t len)
{
    assert_int_equal(write(fixture->other, data, len), len);
}

static uint8_t pattern(size_t at)
{
    return (uint8_t)(at * 7 + at / 251);
}

/* ---- input ----------------------------------------------------------------------------------- */

static void half_a_message_waits_for_the_rest(void **state)
{
    struct fixture *fixture = *state;
    say(fixture, "0123", 4);
    turn(fixture, 2);
    assert_int_equal(fixture->received.len, 0);
    say(fixture, "456789abcdefg", 13);
    turn(fixture, 2);
    assert_int_equal(fixture->received.len, 10);
    say(fixture, "hij", 3);
    turn(fixture, 2);
    assert_int_equal(fixture->received.len, 20);
    assert_memory_equal(fixture->received.data, "0123456789abcdefghij", 20);
    assert_int_equal(fixture->loop.input.bytes, INPUT_BLOCK_BYTES); /* the shared one alone */
}

/* Sends `len` bytes of the pattern in pieces while turning, and expects them all to come out. */
static void pass_pattern(struct fixture *fixture, size_t len, size_t piece)
{
    size_t sent = 0;
    uint8_t *data = malloc(len);
    for (size_t i = 0; i < len; i++) {
        data[i] = pattern(i);
    }
    while (fixture->received.len < len) {
        size_t now = len - sent < piece ? len - sent : piece;
        ssize_t written = now == 0 ? 0 : write(fixture->other, data + sent, now);
        sent += written > 0 ? (size_t)written : 0;
        turn(fixture, 1);
    }
    assert_memory_equal(fixture->received.data, data, len);
    free(data);
}

static void large_messages_come_whole(void **state)
{
    struct fixture *fixture = *state;
    fixture->record_bytes = 3000000;
    pass_pattern(fixture, 9000000, 100000);
    turn(fixture, 2);
    assert_int_equal(fixture->loop.input.bytes, INPUT_BLOCK_BYTES);
}

static void messages_that_straddle_blocks_come_whole(void **state)
{
    struct fixture *fixture = *state;
    fixture->record_bytes = 777;
    pass_pattern(fixture, 777 * 2000, 65536);
}

static void messages_of_about_a_block_come_whole(void **state)
{
    struct fixture *fixture = *state;
    fixture->record_bytes = INPUT_BLOCK_BYTES + 1;
    pass_pattern(fixture, (INPUT_BLOCK_BYTES + 1) * 20, 200000);
}

static void what_is_held_stays_where_it_is(void **state)
{
    struct fixture *fixture = *state;
    fixture->hold = true;
    for (uint32_t i = 0; i < 40; i++) {
        uint8_t record[RECORD_BYTES + 3];
        memset(record, (int)i, sizeof(record));
        say(fixture, record, i % 2 == 0 ? RECORD_BYTES : RECORD_BYTES - 1);
        turn(fixture, 1);
        if (i % 2 == 1) {
            say(fixture, record, 1);
            turn(fixture, 1);
        }
    }
    assert_int_equal(fixture->held_count, 40);
    for (uint32_t i = 0; i < 40; i++) {
        uint8_t expected[RECORD_BYTES];
        memset(expected, (int)i, sizeof(expected));
        assert_memory_equal(fixture->held_bytes[i].data, expected, RECORD_BYTES);
    }
}

static void what_is_held_stays_when_an_older_hold_is_released_meanwhile(void **state)
{
    struct fixture *fixture = *state;
    fixture->hold = true;
    say(fixture, "aaaaaaaaaa", 10);
    turn(fixture, 1);
    input_block_unref(&fixture->loop.input, fixture->held[0]);
    fixture->held_count = 0;
    say(fixture, "bbbbbbbbbb", 10);
    turn(fixture, 1);
    fixture->hold = false;
    say(fixture, "cccccccccc", 10);
    turn(fixture, 1);
    say(fixture, "dddddddddd", 10);
    turn(fixture, 1);
    assert_int_equal(fixture->held_count, 1);
    assert_memory_equal(fixture->held_bytes[0].data, "bbbbbbbbbb", 10);
}

static void a_paused_connection_hands_nothing_over_until_it_is_resumed(void **state)
{
    struct fixture *fixture = *state;
    fixture->pause_after = 2;
    say(fixture, "0000000000111111111122222222223333333333", 40);
    turn(fixture, 3);
    assert_int_equal(fixture->records, 2);
    say(fixture, "4444444444", 10);
    turn(fixture, 3);
    assert_int_equal(fixture->records, 2);
    connection_resume(fixture->connection);
    assert_int_equal(fixture->records, 2);
    turn(fixture, 3);
    assert_int_equal(fixture->records, 5);
    assert_memory_equal(fixture->received.data + 40, "4444444444", 10);
}

static void the_end_of_input_is_told_once_and_output_still_goes(void **state)
{
    struct fixture *fixture = *state;
    shutdown(fixture->other, SHUT_WR);
    turn(fixture, 3);
    assert_int_equal(fixture->ended, 1);
    assert_int_equal(fixture->closed, 0);
    assert_int_equal(connection_write(fixture->connection, bytes_from_string("answer")), 0);
    turn(fixture, 1);
    char answer[16];
    assert_int_equal(read(fixture->other, answer, sizeof(answer)), 6);
}

/* ---- output ---------------------------------------------------------------------------------- */

static void what_is_written_goes_out_at_the_end_of_the_turn(void **state)
{
    struct fixture *fixture = *state;
    char got[32];
    assert_int_equal(connection_write(fixture->connection, bytes_from_string("one ")), 0);
    assert_int_equal(connection_write(fixture->connection, bytes_from_string("two")), 0);
    assert_int_equal(connection_queued(fixture->connection), 7);
    assert_int_equal(read(fixture->other, got, sizeof(got)), -1);
    turn(fixture, 1);
    assert_int_equal(read(fixture->other, got, sizeof(got)), 7);
    assert_memory_equal(got, "one two", 7);
    assert_int_equal(connection_queued(fixture->connection), 0);
}

static size_t drain(int fd, size_t at)
{
    static uint8_t got[100000];
    ssize_t len;
    while ((len = read(fd, got, sizeof(got))) > 0) {
        for (ssize_t i = 0; i < len; i++) {
            assert_int_equal(got[i], pattern(at + (size_t)i));
        }
        at += (size_t)len;
    }
    return at;
}

static void a_long_queue_goes_out_in_order_and_says_when_it_has_drained(void **state)
{
    struct fixture *fixture = *state;
    size_t len = 0;
    connection_count_output(fixture->connection);
    while (len < 12 * LIMIT_MIB) {
        uint8_t piece[999];
        for (size_t i = 0; i < sizeof(piece); i++) {
            piece[i] = pattern(len + i);
        }
        assert_int_equal(connection_write(fixture->connection, bytes_make(piece, sizeof(piece))),
                         0);
        len += sizeof(piece);
    }
    assert_int_equal(fixture->loop.output_bytes, len);
    size_t got = 0;
    while (got < len) {
        turn(fixture, 1);
        got = drain(fixture->other, got);
    }
    turn(fixture, 2);
    assert_int_equal(fixture->drained, 1);
    assert_int_equal(fixture->loop.output_bytes, 0);
    assert_true(connections_sent(&fixture->loop));
}

/* ---- ends ------------------------------------------------------------------------------------ */

static void finishing_sends_the_rest_and_lets_the_other_side_read_it(void **state)
{
    struct fixture *fixture = *state;
    char got[16];
    say(fixture, "unread", 6);
    assert_int_equal(connection_write(fixture->connection, bytes_from_string("last")), 0);
    connection_finish(fixture->connection);
    assert_true(connection_over(fixture->connection));
    say(fixture, "more that nobody reads", 22);
    turn(fixture, 3);
    assert_int_equal(fixture->closed, 0);
    assert_int_equal(fixture->records, 0);
    assert_int_equal(read(fixture->other, got, sizeof(got)), 4);
    assert_int_equal(read(fixture->other, got, sizeof(got)), 0);
    close(fixture->other);
    fixture->other = -1;
    turn(fixture, 3);
    assert_int_equal(fixture->closed, 1);
    assert_int_equal(fixture->code, 0);
}

static void a_connection_that_breaks_is_told_to_its_handler_once(void **state)
{
    struct fixture *fixture = *state;
    close(fixture->other);
    fixture->other = -1;
    assert_int_equal(connection_write(fixture->connection, bytes_from_string("x")), 0);
    turn(fixture, 4);
    assert_int_equal(fixture->closed, 1);
    assert_int_equal(fixture->code, SHOAL_ECONNECT);
}

static void closing_is_told_later_and_never_from_within(void **state)
{
    struct fixture *fixture = *state;
    connection_close(fixture->connection);
    assert_int_equal(fixture->closed, 0);
    turn(fixture, 1);
    assert_int_equal(fixture->closed, 1);
    assert_int_equal(fixture->code, 0);
}

static void an_abandoned_connection_tells_nothing(void **state)
{
    struct fixture *fixture = *state;
    say(fixture, "0123456789", 10);
    connection_abandon(fixture->connection);
    turn(fixture, 3);
    assert_int_equal(fixture->closed, 0);
    assert_int_equal(fixture->records, 0);
    char got[4];
    assert_int_equal(read(fixture->other, got, sizeof(got)), -1);
    assert_int_equal(errno, ECONNRESET);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(half_a_message_waits_for_the_rest),
        TEST(large_messages_come_whole),
        TEST(messages_that_straddle_blocks_come_whole),
        TEST(messages_of_about_a_block_come_whole),
        TEST(what_is_held_stays_where_it_is),
        TEST(what_is_held_stays_when_an_older_hold_is_released_meanwhile),
        TEST(a_paused_connection_hands_nothing_over_until_it_is_resumed),
        TEST(the_end_of_input_is_told_once_and_output_still_goes),
        TEST(what_is_written_goes_out_at_the_end_of_the_turn),
        TEST(a_long_queue_goes_out_in_order_and_says_when_it_has_drained),
        TEST(finishing_sends_the_rest_and_lets_the_other_side_read_it),
        TEST(a_connection_that_breaks_is_told_to_its_handler_once),
        TEST(closing_is_told_later_and_never_from_within),
        TEST(an_abandoned_connection_tells_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
