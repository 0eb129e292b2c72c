/* See compression.h. */
#include "storage/compression.h"

#include <limits.h>
#include <lz4.h>

#include "base/memory.h"
#include "shoal/error.h"

#define SAVED_SHARE 8u
#define MISSES_FREE 4u  /* in a row, before any is passed over */
#define SKIP_LOG_MAX 6u /* at most 64 are passed over for one that is tried */

void compressor_deinit(struct compressor *compressor)
{
    mem_free(compressor->stream);
    *compressor = (struct compressor){0};
}

/* A stream that has seen nothing; NULL without memory. */
static LZ4_stream_t *stream_ready(struct compressor *compressor)
{
    if (compressor->stream != NULL) {
        LZ4_resetStream_fast(compressor->stream);
        return compressor->stream;
    }
    void *stream = mem_alloc(sizeof(LZ4_stream_t));
    if (stream == NULL) {
        return NULL;
    }
    compressor->stream = stream;
    return LZ4_initStream(stream, sizeof(LZ4_stream_t));
}

static void missed(struct compressor *compressor)
{
    /* A stream that ran out of room is in no defined state. */
    (void)LZ4_initStream(compressor->stream, sizeof(LZ4_stream_t));
    if (compressor->misses < MISSES_FREE + SKIP_LOG_MAX) {
        compressor->misses++;
    }
    if (compressor->misses > MISSES_FREE) {
        compressor->skip = 1u << (compressor->misses - MISSES_FREE);
    }
}

bool compress_value(struct compressor *compressor, struct bytes raw, uint8_t *out, size_t *len)
{
    if (raw.len < COMPRESSION_BYTES_MIN || raw.len > LZ4_MAX_INPUT_SIZE) {
        return false;
    }
    if (compressor->skip > 0) {
        compressor->skip--;
        return false;
    }
    LZ4_stream_t *stream = stream_ready(compressor);
    if (stream == NULL) {
        return false;
    }
    size_t max = raw.len - raw.len / SAVED_SHARE;
    int packed = LZ4_compress_fast_continue(stream, (const char *)raw.data, (char *)out,
                                            (int)raw.len, (int)max, 1);
    if (packed <= 0) {
        missed(compressor);
        return false;
    }
    compressor->misses = 0;
    *len = (size_t)packed;
    return true;
}

int decompress_value(struct bytes stored, uint8_t *out, size_t raw_len)
{
    if (stored.len > INT_MAX || raw_len > INT_MAX) {
        return SHOAL_EPROTO;
    }
    int len =
        LZ4_decompress_safe((const char *)stored.data, (char *)out, (int)stored.len, (int)raw_len);
    return len >= 0 && (size_t)len == raw_len ? 0 : SHOAL_EPROTO;
}
