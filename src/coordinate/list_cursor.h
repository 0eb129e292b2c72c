/* Where a list goes on: a partition and a position in it. Clients carry it as opaque bytes; a
 * surface with cursors of its own makes one from what it kept. The same at every node, for as long
 * as the cluster lives. */
#ifndef COORDINATE_LIST_CURSOR_H
#define COORDINATE_LIST_CURSOR_H

#include "base/bytes.h"

#define LIST_CURSOR_BYTES 13u

struct bytes list_cursor_make(uint32_t partition, uint64_t position,
                              uint8_t out[LIST_CURSOR_BYTES]);

/* 0 or SHOAL_EINVAL; whether there is such a partition, the list says. */
int list_cursor_read(struct bytes cursor, uint32_t *partition, uint64_t *position);

#endif
