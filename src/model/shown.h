/* What an object is to who reads it: its live siblings, of which those that are parts of one
 * counter are one value, and what a write makes of it that depends on what is there. */
#ifndef MODEL_SHOWN_H
#define MODEL_SHOWN_H

#include "model/counter.h"
#include "model/object.h"

struct shown {
    struct bytes value; /* of a counter: its decimal digits */
    uint64_t hlc;       /* of several parts, those of the latest */
    uint64_t expiry_ms;
    struct dot dot;
    bool counter;
    struct counter parts; /* of a counter: joined */
};

/* The live siblings at now_ms (0: whatever their expiry), winner first, counters joined by epoch.
 * In the arena; values are borrowed from the object. 0; SHOAL_ENOMEM, SHOAL_EOVERLOAD as
 * counter_join; SHOAL_EPROTO, SHOAL_EVERSION for a counter that can't be read. */
int object_show(struct arena *arena, const struct object *object, uint64_t now_ms,
                const struct shown **out, uint32_t *count);

/* What tells one state of a key from any other, for those who must know whether it has changed:
 * beginning with 0, each value shown is taken in, winner first. The same at every node. */
uint64_t shown_stamp(uint64_t stamp, struct bytes value, uint64_t hlc, uint64_t expiry_ms);

/* ---- writes that depend on what is there: what is to replace all that the object holds ----
 *
 * `dot` is the one that the write is given. The sibling comes without its dot; an hlc of 0 is that
 * of the write. */

/* Adds to the counter that the object shows. What is no counter yet becomes one: a value that is a
 * number, as its base; nothing, as 0. Its expiry stays. 0; SHOAL_EINVAL for a value that is no
 * number; SHOAL_ETOOBIG when the total would leave the 64-bit range; or as object_show. */
int object_add(struct arena *arena, const struct object *object, uint64_t now_ms, struct dot dot,
               int64_t delta, struct sibling *out, int64_t *total);

/* Gives what the object shows another expiry (0: none), and leaves it the time of its write, so
 * that a value written at the same time wins. A number becomes a counter, that additions made
 * meanwhile elsewhere are not to another. 0 and the expiry that it had; SHOAL_ENOTFOUND when
 * nothing is there; or as object_show. */
int object_set_expiry(struct arena *arena, const struct object *object, uint64_t now_ms,
                      struct dot dot, uint64_t expiry_ms, struct sibling *out, uint64_t *had_ms);

#endif
