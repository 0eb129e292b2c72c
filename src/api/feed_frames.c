/* See feed_frames.h. The text is written behind room for the longest header, which then goes right
 * before it, as its length is known only afterwards. */
#include "api/feed_frames.h"

#include "api/feed_json.h"
#include "api/http/websocket_frame.h"

#define KEPT_BYTES_MAX 65536u /* memory that a frame which is no more may keep */

static void frame_empty(struct feed_frame *frame)
{
    frame->serial = 0;
    if (frame->bytes.capacity > KEPT_BYTES_MAX) {
        buffer_deinit(&frame->bytes);
    }
    buffer_clear(&frame->bytes);
}

void feed_frames_init(struct feed_frames *frames)
{
    *frames = (struct feed_frames){0};
    for (uint32_t i = 0; i < FEED_FRAMES_KEPT; i++) {
        buffer_init(&frames->kept[i].bytes, 0);
    }
    buffer_init(&frames->own.bytes, 0);
}

void feed_frames_deinit(struct feed_frames *frames)
{
    for (uint32_t i = 0; i < FEED_FRAMES_KEPT; i++) {
        buffer_deinit(&frames->kept[i].bytes);
    }
    buffer_deinit(&frames->own.bytes);
}

static int begin(struct feed_frame *frame)
{
    static const uint8_t room[WEBSOCKET_HEADER_BYTES_MAX];
    frame_empty(frame);
    return buffer_append(&frame->bytes, room, sizeof(room));
}

static int end(struct feed_frame *frame, int code)
{
    if (code != 0) {
        frame_empty(frame);
        return code;
    }
    uint8_t header[WEBSOCKET_HEADER_BYTES_MAX];
    size_t len = websocket_header(WEBSOCKET_TEXT, frame->bytes.len - sizeof(header), header);
    frame->start = sizeof(header) - len;
    memcpy(frame->bytes.data + frame->start, header, len);
    return 0;
}

static struct bytes bytes_of(const struct feed_frame *frame)
{
    return bytes_make(frame->bytes.data + frame->start, frame->bytes.len - frame->start);
}

int feed_frames_event(struct feed_frames *frames, const struct worker *worker,
                      const struct feed_event *event, struct bytes *out)
{
    struct feed_frame *frame =
        event->serial == 0 ? &frames->own : &frames->kept[event->serial % FEED_FRAMES_KEPT];
    if (event->serial == 0 || frame->serial != event->serial) {
        int code = begin(frame);
        if (code == 0) {
            code =
                feed_json_event(&frame->bytes, event, worker_feed_node_name(worker, event->node));
        }
        code = end(frame, code);
        if (code != 0) {
            return code;
        }
        frame->serial = event->serial;
        frames->made++;
    }
    *out = bytes_of(frame);
    return 0;
}

int feed_frames_heartbeat(struct feed_frames *frames, uint64_t time_ms, struct bytes cursor,
                          struct bytes *out)
{
    int code = begin(&frames->own);
    if (code == 0) {
        code = feed_json_heartbeat(&frames->own.bytes, time_ms, cursor);
    }
    code = end(&frames->own, code);
    if (code == 0) {
        *out = bytes_of(&frames->own);
    }
    return code;
}
