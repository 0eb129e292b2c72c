/* Events of a tail as bytes, for the files of the tail; the layout is drawn in tail.h. */
#ifndef STORAGE_TAIL_EVENT_H
#define STORAGE_TAIL_EVENT_H

#include "storage/tail.h"

#define TAIL_EVENT_HEAD_BYTES 36u

/* No position is as high, whatever a disk or another node says: there is room for any arithmetic
 * with one, and for some billion of crashes. */
#define TAIL_POSITIONS (UINT64_C(1) << 62)

/* How long it is, encoded; with its value if that is wanted and all comes to no more than
 * bytes_max. */
size_t tail_event_plan(const struct tail_event *event, size_t bytes_max, bool *with_value);

/* Writes it, as long as planned. */
void tail_event_put(const struct tail_event *event, uint64_t position, bool with_value, size_t len,
                    uint8_t *at);

/* How long the event there is as it says itself, without looking at the rest; 0 where none that
 * fits begins. */
size_t tail_event_length(const uint8_t *at, size_t rest);

/* Of one that is known to be good. */
uint64_t tail_event_position(const uint8_t *at);
uint64_t tail_event_time(const uint8_t *at);

#endif
