/* Values in the log, compressed with LZ4 where that saves enough to be worth undoing at every read.
 * What does not compress costs little: LZ4 skips ever faster over what has no matches, and after
 * some such values in a row most are not tried at all, until one is found to compress again.
 * Zstandard would save more, at several times the CPU time of both ways. */
#ifndef STORAGE_COMPRESSION_H
#define STORAGE_COMPRESSION_H

#include "base/bytes.h"

#define COMPRESSION_BYTES_MIN 256u /* shorter ones are not tried */

/* What is kept from one value to the next. All zeros is one that has seen none. */
struct compressor {
    void *stream;    /* LZ4's tables, so that they need not be cleared every time; NULL at first */
    uint32_t misses; /* values in a row that did not compress */
    uint32_t skip;   /* values to pass over before the next is tried */
};

void compressor_deinit(struct compressor *compressor);

/* True and the length when it was tried and takes up at least an eighth less; `out` has room for
 * raw.len bytes. What comes out stands alone, but need not be the same every time. */
bool compress_value(struct compressor *compressor, struct bytes raw, uint8_t *out, size_t *len);

/* The whole of it, which has raw_len bytes; `out` has room for them. 0, or SHOAL_EPROTO when it
 * does not come out at that length: then `out` may hold anything. Any bytes may be given to it. */
int decompress_value(struct bytes stored, uint8_t *out, size_t raw_len);

#endif
