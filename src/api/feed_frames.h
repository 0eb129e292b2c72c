/* Events as WebSocket frames, made once for all readers of a worker: the same event with the same
 * cursor (its serial says so) is the same bytes for everybody, frame header and all. The last few
 * are kept, for readers come for them one after the other within moments. */
#ifndef API_FEED_FRAMES_H
#define API_FEED_FRAMES_H

#include "base/buffer.h"
#include "node/feed.h"

#define FEED_FRAMES_KEPT 64u

struct feed_frame {
    uint64_t serial; /* 0: none */
    struct buffer bytes;
    size_t start; /* of the frame in it */
};

/* All zeros is empty. */
struct feed_frames {
    struct feed_frame kept[FEED_FRAMES_KEPT];
    struct feed_frame own; /* of events that are one reader's alone */
    uint64_t made;
};

void feed_frames_init(struct feed_frames *frames);
void feed_frames_deinit(struct feed_frames *frames);

/* The event's frame, borrowed until the next call. 0, SHOAL_ENOMEM, SHOAL_ETOOBIG. */
int feed_frames_event(struct feed_frames *frames, const struct worker *worker,
                      const struct feed_event *event, struct bytes *out);
/* The same of a heartbeat. */
int feed_frames_heartbeat(struct feed_frames *frames, uint64_t time_ms, struct bytes cursor,
                          struct bytes *out);

#endif
