/* What a unit writes, as bytes: on the way to another worker, and in records.
 *
 *      u8 change (enum unit_change), u64 expiry_ms, u32 key length, u32 value length, key, value
 *
 * Little-endian, one change behind the other. */
#ifndef NODE_UNIT_CHANGE_H
#define NODE_UNIT_CHANGE_H

#include "base/buffer.h"
#include "node/unit.h"

/* Appends what `run` made of the cell: 0, SHOAL_ENOMEM or SHOAL_ETOOBIG. */
int unit_change_encode(const struct unit_cell *cell, struct buffer *out);

/* Takes the first change off; key and value are borrowed. 0, or SHOAL_EPROTO. */
int unit_change_take(struct bytes *rest, struct unit_cell *out);

#endif
