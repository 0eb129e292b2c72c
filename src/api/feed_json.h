/* Events of the live feed as JSON, as /wal and docs/feed.md have them: one object an event, in one
 * line. Pure. */
#ifndef API_FEED_JSON_H
#define API_FEED_JSON_H

#include "base/buffer.h"
#include "node/feed.h"

/* Appends the event; `node` is the name of event->node. 0, or as buffer_append, and then a part may
 * be there. */
int feed_json_event(struct buffer *out, const struct feed_event *event, const char *node);

/* Appends what says that nothing has happened: all up to the cursor (data NULL: none yet) is told.
 */
int feed_json_heartbeat(struct buffer *out, uint64_t time_ms, struct bytes cursor);

#endif
