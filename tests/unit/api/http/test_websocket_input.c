/* What clients may send over a WebSocket, case by case after RFC 6455, whole and byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "api/http/websocket_input.h"
#include "base/random.h"

#define FIN 0x80u

/* A stream of a client being written. */
struct stream {
    uint8_t data[300000];
    size_t len;
};

static void add_header(struct stream *stream, uint8_t first, uint8_t mask, uint64_t len,
                       size_t digits)
{
    stream->data[stream->len++] = first;
    stream->data[stream->len++] = (uint8_t)(mask | (digits == 0 ? len : digits == 2 ? 126 : 127));
    for (size_t i = 0; i < digits; i++) {
        stream->data[stream->len++] = (uint8_t)(len >> (8 * (digits - 1 - i)));
    }
}

/* A masked frame. */
static void add(struct stream *stream, uint8_t first, const void *payload, size_t len)
{
    static const uint8_t key[4] = {0x37, 0xfa, 0x21, 0x3d};
    add_header(stream, first, 0x80, len, len < 126 ? 0 : len <= UINT16_MAX ? 2 : 8);
    memcpy(stream->data + stream->len, key, sizeof(key));
    stream->len += sizeof(key);
    for (size_t i = 0; i < len; i++) {
        stream->data[stream->len++] = ((const uint8_t *)payload)[i] ^ key[i % 4];
    }
}

static void add_text(struct stream *stream, uint8_t first, const char *text)
{
    add(stream, first, text, strlen(text));
}

/* What is found at last, with all that was found before it by number. */
struct findings {
    struct websocket_event last;
    uint8_t payload[128];
    uint32_t pings, pongs, data;
};

/* In pieces of this many bytes. */
static struct findings judge_by(const struct stream *stream, size_t piece)
{
    struct findings findings = {.pings = 0};
    struct websocket_input input = {.over = false};
    size_t at = 0;
    while (at < stream->len) {
        size_t len = stream->len - at < piece ? stream->len - at : piece;
        uint8_t *copy = test_malloc(len); /* so that a look beyond it is found */
        memcpy(copy, stream->data + at, len);
        size_t taken = 0;
        while (taken < len) {
            struct websocket_event event;
            size_t now =
                websocket_input_take(&input, bytes_make(copy + taken, len - taken), &event);
            assert_true(now > 0 && now <= len - taken);
            taken += now;
            findings.pings += event.found == WEBSOCKET_FOUND_PING;
            findings.pongs += event.found == WEBSOCKET_FOUND_PONG;
            findings.data += event.found == WEBSOCKET_FOUND_DATA;
            if (event.found != WEBSOCKET_FOUND_NOTHING) {
                findings.last = event;
                assert_true(event.payload.len <= sizeof(findings.payload));
                if (event.payload.len > 0) {
                    memcpy(findings.payload, event.payload.data, event.payload.len);
                }
            }
        }
        test_free(copy);
        at += len;
    }
    return findings;
}

static struct findings judge(const struct stream *stream)
{
    struct findings whole = judge_by(stream, SIZE_MAX);
    for (size_t piece = 1; piece <= 7; piece++) {
        struct findings pieces = judge_by(stream, piece);
        assert_int_equal(pieces.last.found, whole.last.found);
        assert_int_equal(pieces.last.code, whole.last.code);
        assert_int_equal(pieces.pings, whole.pings);
        assert_int_equal(pieces.data, whole.data);
    }
    return whole;
}

static void expect_fault(const struct stream *stream, uint16_t code)
{
    struct findings findings = judge(stream);
    assert_int_equal(findings.last.found, WEBSOCKET_FOUND_FAULT);
    assert_int_equal(findings.last.code, code);
    assert_non_null(findings.last.text);
}

static struct stream stream;

static int clear(void **state)
{
    (void)state;
    stream.len = 0;
    return 0;
}

static void messages_are_taken_and_forgotten(void **state)
{
    (void)state;
    static uint8_t long_one[65535];
    add_text(&stream, FIN | WEBSOCKET_TEXT, "hello");
    add(&stream, FIN | WEBSOCKET_BINARY, "\xff\x00", 2);
    add(&stream, FIN | WEBSOCKET_TEXT, "", 0);
    add(&stream, FIN | WEBSOCKET_BINARY, long_one, sizeof(long_one));
    add(&stream, FIN | WEBSOCKET_BINARY, long_one, 126);
    assert_int_equal(judge(&stream).data, 5);
}

static void control_frames_come_between_the_fragments_of_a_message(void **state)
{
    (void)state;
    add_text(&stream, WEBSOCKET_TEXT, "frag");
    add_text(&stream, FIN | WEBSOCKET_PING, "one");
    add_text(&stream, WEBSOCKET_CONTINUATION, "");
    add_text(&stream, FIN | WEBSOCKET_PONG, "");
    add_text(&stream, FIN | WEBSOCKET_CONTINUATION, "ment");
    struct findings findings = judge(&stream);
    assert_int_equal(findings.pings, 1);
    assert_int_equal(findings.pongs, 1);
    assert_int_equal(findings.data, 1);
}

static void a_ping_s_payload_is_what_came(void **state)
{
    (void)state;
    uint8_t payload[125];
    memset(payload, 0xfe, sizeof(payload));
    add(&stream, FIN | WEBSOCKET_PING, payload, sizeof(payload));
    struct findings findings = judge(&stream);
    assert_int_equal(findings.last.payload.len, 125);
    assert_memory_equal(findings.payload, payload, 125);
}

static void unmasked_frames_are_refused(void **state)
{
    (void)state;
    add_header(&stream, FIN | WEBSOCKET_TEXT, 0, 1, 0);
    expect_fault(&stream, WEBSOCKET_PROTOCOL_ERROR);
}

static void reserved_bits_are_refused(void **state)
{
    (void)state;
    for (uint8_t bit = 0x10; bit <= 0x40; bit = (uint8_t)(bit << 1)) {
        stream.len = 0;
        add_text(&stream, (uint8_t)(FIN | bit | WEBSOCKET_TEXT), "x");
        expect_fault(&stream, WEBSOCKET_PROTOCOL_ERROR);
    }
}

static void reserved_opcodes_are_refused(void **state)
{
    (void)state;
    static const uint8_t opcodes[] = {3, 4, 5, 6, 7, 11, 12, 13, 14, 15};
    for (size_t i = 0; i < sizeof(opcodes); i++) {
        stream.len = 0;
        add_text(&stream, (uint8_t)(FIN | opcodes[i]), "");
        expect_fault(&stream, WEBSOCKET_PROTOCOL_ERROR);
    }
}

static void control_frames_are_whole_and_short(void **state)
{
    (void)state;
    uint8_t payload[126] = {0};
    for (uint8_t opcode = WEBSOCKET_CLOSE; opcode <= WEBSOCKET_PONG; opcode++) {
        stream.len = 0;
        add_text(&stream, opcode, "");
        expect_fault(&stream, WEBSOCKET_PROTOCOL_ERROR);
        stream.len = 0;
        add(&stream, (uint8_t)(FIN | opcode), payload, sizeof(payload));
        expect_fault(&stream, WEBSOCKET_PROTOCOL_ERROR);
    }
}

static void lengths_are_in_their_shortest_form(void **state)
{
    (void)state;
    add_header(&stream, FIN | WEBSOCKET_BINARY, 0x80, 125, 2);
    expect_fault(&stream, WEBSOCKET_PROTOCOL_ERROR);
    stream.len = 0;
    add_header(&stream, FIN | WEBSOCKET_BINARY, 0x80, UINT16_MAX, 8);
    expect_fault(&stream, WEBSOCKET_PROTOCOL_ERROR);
    stream.len = 0;
    add_header(&stream, FIN | WEBSOCKET_BINARY, 0x80, UINT64_C(1) << 63, 8);
    expect_fault(&stream, WEBSOCKET_PROTOCOL_ERROR);
}

static void fragments_belong_together(void **state)
{
    (void)state;
    add_text(&stream, FIN | WEBSOCKET_CONTINUATION, "of nothing");
    expect_fault(&stream, WEBSOCKET_PROTOCOL_ERROR);
    stream.len = 0;
    add_text(&stream, WEBSOCKET_TEXT, "begun");
    add_text(&stream, FIN | WEBSOCKET_TEXT, "another");
    expect_fault(&stream, WEBSOCKET_PROTOCOL_ERROR);
    stream.len = 0;
    add_text(&stream, FIN | WEBSOCKET_TEXT, "whole");
    add_text(&stream, WEBSOCKET_CONTINUATION, "then");
    expect_fault(&stream, WEBSOCKET_PROTOCOL_ERROR);
}

static void a_message_that_is_too_long_is_known_by_its_header(void **state)
{
    (void)state;
    static uint8_t half[40000];
    add_header(&stream, FIN | WEBSOCKET_BINARY, 0x80, WEBSOCKET_MESSAGE_BYTES_MAX + 1, 8);
    expect_fault(&stream, WEBSOCKET_TOO_BIG);
    stream.len = 0;
    add(&stream, WEBSOCKET_BINARY, half, sizeof(half));
    add_header(&stream, FIN | WEBSOCKET_CONTINUATION, 0x80, sizeof(half), 2);
    expect_fault(&stream, WEBSOCKET_TOO_BIG);
    stream.len = 0;
    add_header(&stream, FIN | WEBSOCKET_BINARY, 0x80, INT64_MAX, 8);
    expect_fault(&stream, WEBSOCKET_TOO_BIG);
}

static void texts_are_utf_8(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "\x80",         "\xc0\xaf",         "\xc1\xbf",         "\xe0\x80\xaf",
        "\xed\xa0\x80", "\xf0\x80\x80\xaf", "\xf4\x90\x80\x80", "\xf5",
        "\xff",         "\xce\xba\xe1\xbd", "abc\xce",          "\xe2\x28\xa1",
    };
    static const char good[] = "\xce\xba\xe1\xbd\xb9\xcf\x83 \xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"
                               "\xf0\x90\x80\x80\xf4\x8f\xbf\xbf";
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        stream.len = 0;
        add_text(&stream, FIN | WEBSOCKET_TEXT, bad[i]);
        expect_fault(&stream, WEBSOCKET_BAD_DATA);
    }
    stream.len = 0;
    add_text(&stream, FIN | WEBSOCKET_TEXT, good);
    assert_int_equal(judge(&stream).data, 1);
    /* A character in pieces. */
    for (size_t cut = 0; cut < sizeof(good) - 1; cut++) {
        stream.len = 0;
        add(&stream, WEBSOCKET_TEXT, good, cut);
        add_text(&stream, FIN | WEBSOCKET_PING, "\xff");
        add(&stream, FIN | WEBSOCKET_CONTINUATION, good + cut, sizeof(good) - 1 - cut);
        assert_int_equal(judge(&stream).data, 1);
    }
}

static void a_text_s_offence_is_found_before_its_end(void **state)
{
    (void)state;
    add_text(&stream, WEBSOCKET_TEXT, "\xf4\x90");
    expect_fault(&stream, WEBSOCKET_BAD_DATA);
}

static void add_close(uint16_t code, const char *reason)
{
    uint8_t payload[125] = {(uint8_t)(code >> 8), (uint8_t)code};
    memcpy(payload + 2, reason, strlen(reason));
    add(&stream, FIN | WEBSOCKET_CLOSE, payload, 2 + strlen(reason));
}

static void a_close_has_a_code_that_may_be_sent_or_none(void **state)
{
    (void)state;
    static const uint16_t good[] = {1000, 1001, 1002, 1003, 1007, 1008, 1009, 1010,
                                    1011, 1012, 1013, 1014, 3000, 3999, 4000, 4999};
    static const uint16_t bad[] = {0,    999,  1004, 1005, 1006, 1015,
                                   1016, 1100, 2000, 2999, 5000, 65535};
    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++) {
        stream.len = 0;
        add_close(good[i], "why");
        struct findings findings = judge(&stream);
        assert_int_equal(findings.last.found, WEBSOCKET_FOUND_CLOSE);
        assert_int_equal(findings.last.code, good[i]);
    }
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        stream.len = 0;
        add_close(bad[i], "");
        expect_fault(&stream, WEBSOCKET_PROTOCOL_ERROR);
    }
    stream.len = 0;
    add(&stream, FIN | WEBSOCKET_CLOSE, "", 0);
    assert_int_equal(judge(&stream).last.code, WEBSOCKET_NO_CODE);
    stream.len = 0;
    add(&stream, FIN | WEBSOCKET_CLOSE, "\x03", 1);
    expect_fault(&stream, WEBSOCKET_PROTOCOL_ERROR);
}

static void a_close_s_reason_is_utf_8(void **state)
{
    (void)state;
    add_close(1000, "\xce\xba\xe1\xbd\xb9");
    assert_int_equal(judge(&stream).last.found, WEBSOCKET_FOUND_CLOSE);
    stream.len = 0;
    add_close(1000, "\xce\xba\xe1\xbd");
    expect_fault(&stream, WEBSOCKET_BAD_DATA);
}

static void nothing_is_looked_at_behind_a_close(void **state)
{
    (void)state;
    add_close(1000, "");
    add_text(&stream, FIN | WEBSOCKET_PING, "late");
    struct findings findings = judge(&stream);
    assert_int_equal(findings.pings, 0);
    assert_int_equal(findings.last.found, WEBSOCKET_FOUND_CLOSE);
}

static void anything_at_all_is_taken_to_its_end(void **state)
{
    (void)state;
    struct random random;
    random_init(&random, 7);
    for (uint32_t round = 0; round < 20000; round++) {
        stream.len = 0;
        size_t len = 1 + random_below(&random, 40);
        while (stream.len < len) {
            stream.data[stream.len++] = (uint8_t)random_u64(&random);
        }
        if (random_below(&random, 2) == 0) {
            stream.data[0] = (uint8_t)(FIN | random_below(&random, 11));
            stream.data[1] |= 0x80;
        }
        struct findings whole = judge_by(&stream, SIZE_MAX);
        struct findings pieces = judge_by(&stream, 1 + random_below(&random, 5));
        assert_int_equal(whole.last.found, pieces.last.found);
        assert_int_equal(whole.last.code, pieces.last.code);
    }
}

/* ---- writing --------------------------------------------------------------------------------- */

static void headers_are_as_short_as_can_be(void **state)
{
    (void)state;
    uint8_t header[WEBSOCKET_HEADER_BYTES_MAX];
    assert_int_equal(websocket_header(WEBSOCKET_TEXT, 125, header), 2);
    assert_memory_equal(header, "\x81\x7d", 2);
    assert_int_equal(websocket_header(WEBSOCKET_TEXT, 126, header), 4);
    assert_memory_equal(header, "\x81\x7e\x00\x7e", 4);
    assert_int_equal(websocket_header(WEBSOCKET_BINARY, 65535, header), 4);
    assert_int_equal(websocket_header(WEBSOCKET_BINARY, 65536, header), 10);
    assert_memory_equal(header, "\x82\x7f\0\0\0\0\0\1\0\0", 10);
}

static void a_long_reason_is_cut_between_characters(void **state)
{
    (void)state;
    struct buffer out;
    char reason[200] = "";
    buffer_init(&out, 0);
    for (uint32_t i = 0; i < 61; i++) {
        strcat(reason, "\xc3\xa4");
    }
    strcat(reason, "\xe2\x82\xac");
    assert_int_equal(websocket_append_close(&out, 1011, bytes_from_string(reason)), 0);
    assert_int_equal(out.len, 2 + 2 + 122);
    assert_memory_equal(out.data, "\x88\x7c\x03\xf3", 4);
    buffer_clear(&out);
    assert_int_equal(websocket_append_close(&out, WEBSOCKET_NO_CODE, bytes_make(NULL, 0)), 0);
    assert_int_equal(out.len, 2);
    buffer_deinit(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(messages_are_taken_and_forgotten, clear),
        cmocka_unit_test_setup(control_frames_come_between_the_fragments_of_a_message, clear),
        cmocka_unit_test_setup(a_ping_s_payload_is_what_came, clear),
        cmocka_unit_test_setup(unmasked_frames_are_refused, clear),
        cmocka_unit_test_setup(reserved_bits_are_refused, clear),
        cmocka_unit_test_setup(reserved_opcodes_are_refused, clear),
        cmocka_unit_test_setup(control_frames_are_whole_and_short, clear),
        cmocka_unit_test_setup(lengths_are_in_their_shortest_form, clear),
        cmocka_unit_test_setup(fragments_belong_together, clear),
        cmocka_unit_test_setup(a_message_that_is_too_long_is_known_by_its_header, clear),
        cmocka_unit_test_setup(texts_are_utf_8, clear),
        cmocka_unit_test_setup(a_text_s_offence_is_found_before_its_end, clear),
        cmocka_unit_test_setup(a_close_has_a_code_that_may_be_sent_or_none, clear),
        cmocka_unit_test_setup(a_close_s_reason_is_utf_8, clear),
        cmocka_unit_test_setup(nothing_is_looked_at_behind_a_close, clear),
        cmocka_unit_test_setup(anything_at_all_is_taken_to_its_end, clear),
        cmocka_unit_test(headers_are_as_short_as_can_be),
        cmocka_unit_test(a_long_reason_is_cut_between_characters),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
