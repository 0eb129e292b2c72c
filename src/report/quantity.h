/* Amounts in words: as exact as people read them. */
#ifndef REPORT_QUANTITY_H
#define REPORT_QUANTITY_H

#include <stdint.h>

#define QUANTITY_BYTES 24u

/* "0 B", "812 KiB", "1.2 GiB". */
const char *quantity_bytes(uint64_t bytes, char out[QUANTITY_BYTES]);

/* "40s", "3m 20s", "2h 05m", "3d 04h". */
const char *quantity_seconds(uint64_t seconds, char out[QUANTITY_BYTES]);

/* "" for one, "s" for any other number. */
const char *quantity_plural(uint64_t count);

#endif
