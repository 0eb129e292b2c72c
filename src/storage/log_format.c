/* See log_format.h: names, segment headers, batch headers. Decoders take any bytes. */
#include "storage/log_format.h"

#include "base/byteorder.h"
#include "base/hash.h"
#include "shoal/error.h"

#define HEADER_CHECKED (LOG_HEADER_BYTES - sizeof(uint64_t)) /* the checksum comes last */
#define BATCH_MAGIC UINT32_C(0x48435442)                     /* "BTCH" */
#define BATCH_CHECKED (LOG_BATCH_BYTES - sizeof(uint64_t))
#define BATCH_FLAG_SEAL UINT64_C(1)
#define NAME_DIGITS 16u

static const char header_magic[8] = {'S', 'H', 'O', 'A', 'L', 'S', 'E', 'G'};

uint64_t log_checksum(const struct log_origin *origin, uint64_t offset, struct bytes bytes)
{
    uint64_t seed = hash_mix(origin->volume ^ hash_mix(origin->number)) + offset;
    return hash_seeded(seed, bytes);
}

static void name_write(uint64_t number, const char *suffix, char out[LOG_NAME_BYTES])
{
    static const char digits[] = "0123456789abcdef";
    for (unsigned i = 0; i < NAME_DIGITS; i++) {
        out[i] = digits[number >> (4 * (NAME_DIGITS - 1 - i)) & 15];
    }
    memcpy(out + NAME_DIGITS, suffix, strlen(suffix) + 1);
}

void log_segment_name(uint64_t number, char out[LOG_NAME_BYTES])
{
    name_write(number, ".seg", out);
}

void log_hint_name(uint64_t number, char out[LOG_NAME_BYTES])
{
    name_write(number, ".hint", out);
}

bool log_name_read(const char *name, const char *suffix, uint64_t *number)
{
    uint64_t value = 0;
    for (unsigned i = 0; i < NAME_DIGITS; i++) {
        char c = name[i];
        if (c >= '0' && c <= '9') {
            value = value << 4 | (uint64_t)(c - '0');
        } else if (c >= 'a' && c <= 'f') {
            value = value << 4 | (uint64_t)(c - 'a' + 10);
        } else {
            return false;
        }
    }
    if (strcmp(name + NAME_DIGITS, suffix) != 0) {
        return false;
    }
    *number = value;
    return true;
}

void log_header_encode(const struct log_header *header, uint8_t out[LOG_HEADER_BYTES])
{
    memset(out, 0, LOG_HEADER_BYTES);
    memcpy(out, header_magic, sizeof(header_magic));
    store_u32_le(out + 8, LOG_FORMAT);
    store_u64_le(out + 16, header->origin.volume);
    store_u64_le(out + 24, header->origin.number);
    store_u64_le(out + 32, header->capacity);
    store_u64_le(out + 40, header->first_sequence);
    store_u64_le(out + HEADER_CHECKED, hash_xxh3(bytes_make(out, HEADER_CHECKED)));
}

int log_header_decode(const uint8_t in[LOG_HEADER_BYTES], struct log_header *out)
{
    if (memcmp(in, header_magic, sizeof(header_magic)) != 0 ||
        load_u64_le(in + HEADER_CHECKED) != hash_xxh3(bytes_make(in, HEADER_CHECKED))) {
        return SHOAL_EPROTO;
    }
    if (load_u32_le(in + 8) != LOG_FORMAT) {
        return SHOAL_EVERSION;
    }
    out->origin.volume = load_u64_le(in + 16);
    out->origin.number = load_u64_le(in + 24);
    out->capacity = load_u64_le(in + 32);
    out->first_sequence = load_u64_le(in + 40);
    return 0;
}

void log_batch_encode(const struct log_origin *origin, uint64_t offset,
                      const struct log_batch *batch, uint8_t out[LOG_BATCH_BYTES])
{
    store_u32_le(out, BATCH_MAGIC);
    store_u32_le(out + 4, batch->records);
    store_u64_le(out + 8, batch->bytes);
    store_u64_le(out + 16, batch->durable);
    store_u64_le(out + 24, batch->sequence);
    store_u64_le(out + 32, batch->seal ? BATCH_FLAG_SEAL : 0);
    store_u64_le(out + BATCH_CHECKED, log_checksum(origin, offset, bytes_make(out, BATCH_CHECKED)));
}

bool log_batch_begins(const uint8_t *at)
{
    return load_u32_le(at) == BATCH_MAGIC;
}

/* What the checksum vouches for was written by us; a newer version might have written more. */
static bool batch_plausible(const struct log_batch *batch, uint64_t offset, uint64_t flags)
{
    return batch->bytes >= LOG_BATCH_BYTES && batch->bytes % LOG_UNIT_BYTES == 0 &&
           batch->bytes <= UINT64_MAX - offset && batch->durable <= offset &&
           (flags & ~BATCH_FLAG_SEAL) == 0 &&
           (!batch->seal || (batch->bytes == LOG_BATCH_BYTES && batch->records == 0));
}

int log_batch_decode(const struct log_origin *origin, uint64_t offset,
                     const uint8_t in[LOG_BATCH_BYTES], struct log_batch *out)
{
    if (!log_batch_begins(in) || load_u64_le(in + BATCH_CHECKED) !=
                                     log_checksum(origin, offset, bytes_make(in, BATCH_CHECKED))) {
        return SHOAL_EPROTO;
    }
    uint64_t flags = load_u64_le(in + 32);
    struct log_batch batch = {
        .records = load_u32_le(in + 4),
        .bytes = load_u64_le(in + 8),
        .durable = load_u64_le(in + 16),
        .sequence = load_u64_le(in + 24),
        .seal = (flags & BATCH_FLAG_SEAL) != 0,
    };
    if (!batch_plausible(&batch, offset, flags)) {
        return SHOAL_EPROTO;
    }
    *out = batch;
    return 0;
}
