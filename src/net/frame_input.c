/* The one place where received bytes become frames, for clients and peers alike. */
#include "net/frame_input.h"

#include "base/limits.h"
#include "shoal/error.h"
#include "wire/frame.h"
#include "wire/reader.h"

/* Bytes of a frame that surely hold its kind and id: array header 5, kind 5, id 9. */
#define HEAD_BYTES 19u

/* Kind and id from the first bytes of a frame that may not be whole or well-formed. */
static void peek_loosely(struct bytes start, struct frame *frame)
{
    struct reader reader = reader_make(start);
    read_array(&reader, UINT32_MAX);
    uint64_t kind = read_u64_max(&reader, UINT32_MAX);
    uint64_t id = read_u64(&reader);
    if (reader.error == 0) {
        frame->kind = (uint32_t)kind;
        frame->id = id;
    }
}

static size_t skip_some(struct frame_input *input, struct bytes *stream)
{
    size_t now = stream->len < input->skip ? stream->len : input->skip;
    if (now > 0) {
        input->skip -= now;
        *stream = bytes_make(stream->data + now, stream->len - now);
    }
    return now;
}

static int refuse(struct frame_input *input, struct bytes stream, size_t whole, struct frame *frame,
                  size_t *taken)
{
    peek_loosely(bytes_make(stream.data + FRAME_PREFIX_BYTES, stream.len - FRAME_PREFIX_BYTES),
                 frame);
    size_t here = stream.len < whole ? stream.len : whole;
    input->skip = whole - here;
    *taken += here;
    return FRAME_REFUSED;
}

int frame_input_next(struct frame_input *input, struct bytes stream, bool over_budget,
                     struct frame *frame, size_t *taken, size_t *need)
{
    *frame = (struct frame){0};
    *need = 0;
    *taken = skip_some(input, &stream);
    if (stream.len == 0) {
        return FRAME_MORE;
    }
    size_t frame_bytes = 0;
    int code = frame_next(stream, input->len_max_hard, &frame->payload, &frame_bytes, need);
    if (code < 0) {
        return code;
    }
    size_t whole = code == 0 ? frame_bytes : *need;
    frame->len = whole - FRAME_PREFIX_BYTES;
    bool refused =
        frame->len > input->len_max || (code > 0 && over_budget && frame->len > FRAME_SMALL_BYTES);
    if (refused && stream.len >= FRAME_PREFIX_BYTES + HEAD_BYTES) {
        *need = 0;
        return refuse(input, stream, whole, frame, taken);
    }
    if (refused) {
        *need = FRAME_PREFIX_BYTES + HEAD_BYTES;
        return FRAME_MORE;
    }
    if (code > 0) {
        return FRAME_MORE;
    }
    code = frame_validate(frame->payload);
    if (code == 0) {
        code = frame_peek(frame->payload, &frame->kind, &frame->id);
    }
    if (code < 0) {
        peek_loosely(frame->payload, frame);
        return code;
    }
    *taken += frame_bytes;
    return FRAME_READY;
}
