/* Bytes of a WebSocket client. However they are cut into pieces, the same is found in the same
 * order, nothing is found behind a close or an offence, and what a ping carries fits into a pong.
 */
#include "api/http/websocket_input.h"
#include "base/assert.h"
#include "fuzz.h"

#define FOUND_MAX 256u

struct outcome {
    uint32_t count;
    struct {
        enum websocket_found found;
        uint16_t code;
        size_t len;
    } events[FOUND_MAX];
};

static void note(struct outcome *out, const struct websocket_event *event)
{
    ASSERT(event->payload.len <= WEBSOCKET_CONTROL_BYTES_MAX);
    ASSERT((event->found == WEBSOCKET_FOUND_FAULT) == (event->text != NULL));
    if (out->count > 0) {
        enum websocket_found last = out->events[out->count - 1].found;
        ASSERT(last != WEBSOCKET_FOUND_CLOSE && last != WEBSOCKET_FOUND_FAULT);
    }
    if (out->count < FOUND_MAX - 1) {
        out->events[out->count].found = event->found;
        out->events[out->count].code = event->code;
        out->events[out->count++].len = event->payload.len;
    }
}

/* `step` bytes at a time. */
static void judge(struct bytes input, size_t step, struct outcome *out)
{
    struct websocket_input state = {.over = false};
    out->count = 0;
    for (size_t at = 0; at < input.len;) {
        size_t left = input.len - at < step ? input.len - at : step;
        while (left > 0) {
            struct websocket_event event;
            size_t taken = websocket_input_take(&state, bytes_make(input.data + at, left), &event);
            ASSERT(taken > 0 && taken <= left);
            at += taken;
            left -= taken;
            if (event.found != WEBSOCKET_FOUND_NOTHING) {
                note(out, &event);
            }
        }
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes input = bytes_make(data, size);
    struct outcome whole;
    judge(input, SIZE_MAX, &whole);
    for (size_t step = 1; step <= 16; step *= 4) {
        struct outcome cut;
        judge(input, step, &cut);
        ASSERT(cut.count == whole.count);
        for (uint32_t i = 0; i < whole.count; i++) {
            ASSERT(cut.events[i].found == whole.events[i].found);
            ASSERT(cut.events[i].code == whole.events[i].code);
            ASSERT(cut.events[i].len == whole.events[i].len);
        }
    }
    return 0;
}

static void append_frame(struct random *random, struct buffer *out, uint8_t first)
{
    static const uint8_t text[] = "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x90\x9f";
    size_t len = random_below(random, sizeof(text));
    uint8_t key[4];
    for (uint32_t i = 0; i < sizeof(key); i++) {
        key[i] = (uint8_t)random_u64(random);
    }
    const uint8_t header[] = {first, (uint8_t)(0x80 | len)};
    ASSERT(buffer_append(out, header, sizeof(header)) == 0);
    ASSERT(buffer_append(out, key, sizeof(key)) == 0);
    for (size_t i = 0; i < len; i++) {
        ASSERT(buffer_append_u8(out, text[i] ^ key[i % 4]) == 0);
    }
}

void fuzz_sample(struct random *random, struct arena *arena, struct buffer *out)
{
    static const uint8_t firsts[] = {0x81, 0x82, 0x01, 0x00, 0x80, 0x88, 0x89, 0x8a};
    (void)arena;
    for (uint64_t left = 1 + random_below(random, 6); left > 0; left--) {
        append_frame(random, out, firsts[random_below(random, sizeof(firsts))]);
    }
}
