/* Where peers' frames wait whose key or page must come from the disk first. A frame is copied once,
 * waits for the engine's word, and is then dispatched again as if it had just come in, for the
 * holding, the view and the object may all have changed. Bounded in frames and bytes; over that the
 * asker is told "overloaded" at once. */
#ifndef NODE_PARKING_H
#define NODE_PARKING_H

#include "base/queue.h"
#include "node/ports.h"

#include <stddef.h>

struct worker;
struct parked;

struct parking {
    struct queue frames;
    uint32_t count;
    size_t bytes;
    /* The frame being dispatched: what parking_take takes. */
    struct source source;
    struct bytes payload;
    uint64_t since_us;      /* when it came in */
    struct parked *resumed; /* it comes from here, and may stay where it is */
};

void parking_init(struct parking *parking);
void parking_close(struct worker *worker);

/* Parks the frame being dispatched until the read that was found pending last is there. 0,
 * SHOAL_EOVERLOAD or SHOAL_ENOMEM. */
int parking_take(struct worker *worker);

#endif
