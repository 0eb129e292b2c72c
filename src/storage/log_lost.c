/* What was lost, as openings found it, in the file "lost" until the holdings have taken note: until
 * a clean close, or log_volume_losses_known. Recovery changes what it found only when this is
 * durable, so that a crash on the way doesn't hide a loss.
 *
 *      u64 id, u32 flags (1 all, 2 behind), u32 partitions, a bit a partition in u64s, family by
 *      family (older files have the first two or the first)
 */
#include "base/byteorder.h"
#include "base/log.h"
#include "base/mutant.h"
#include "shoal/error.h"
#include "storage/log_file.h"
#include "storage/log_volume_state.h"

#define LOST_HEAD_BYTES 16u

enum { LOST_ALL = 1, LOST_BEHIND = 2 };

const struct log_file log_lost_file = {"lost", "SHOALLST", 1,
                                       LOST_HEAD_BYTES + LOG_PARTITIONS_MAX / 8};

static size_t lost_words(const struct log_volume *volume)
{
    return (engine_partition_count(volume->partitions) + 63) / 64;
}

/* As so many families of partitions take. */
static bool lost_words_older(const struct log_volume *volume, size_t words)
{
    return words == (volume->partitions + 63) / 64 || words == (2 * volume->partitions + 63) / 64;
}

bool log_volume_lost(const struct log_volume *volume, uint32_t partition)
{
    return volume->all_lost || (volume->lost[partition / 64] >> partition % 64 & 1) != 0;
}

void log_lost_add(struct log_volume *volume, uint32_t partition)
{
    if (MUTANT(loss_untold)) {
        return;
    }
    volume->resumed = false;
    if (partition < engine_partition_count(volume->partitions) &&
        !log_volume_lost(volume, partition)) {
        volume->lost[partition / 64] |= UINT64_C(1) << partition % 64;
        volume->unsaved = true;
    }
}

void log_lost_add_all(struct log_volume *volume)
{
    if (MUTANT(loss_untold)) {
        return;
    }
    volume->resumed = false;
    volume->unsaved = volume->unsaved || !volume->all_lost;
    volume->all_lost = true;
}

static void lost_decode(struct log_volume *volume, const uint8_t *body, size_t words)
{
    uint32_t flags = load_u32_le(body + 8);
    volume->resumed = false;
    volume->all_lost = (flags & LOST_ALL) != 0;
    if ((flags & LOST_BEHIND) != 0) {
        volume->behind = true;
        volume->unsaved = false;
    }
    for (size_t i = 0; i < words; i++) {
        volume->lost[i] = load_u64_le(body + LOST_HEAD_BYTES + i * sizeof(uint64_t));
    }
}

int log_lost_read(struct log_volume *volume, char text[LOG_TEXT_BYTES])
{
    struct buffer body;
    bool damaged;
    buffer_init(&body, 0);
    int code = log_marker_read(volume, &log_lost_file, &body, &damaged, text);
    size_t words = code == 0 && body.len >= LOST_HEAD_BYTES
                       ? (body.len - LOST_HEAD_BYTES) / sizeof(uint64_t)
                       : 0;
    bool fits = (words == lost_words(volume) || lost_words_older(volume, words)) &&
                body.len == LOST_HEAD_BYTES + words * sizeof(uint64_t) &&
                load_u64_le(body.data) == volume->id &&
                load_u32_le(body.data + 12) == volume->partitions;
    if (fits) {
        lost_decode(volume, body.data, words);
    } else if (code == 0 || damaged) {
        log_lost_add_all(volume);
        volume->behind = true;
    }
    buffer_deinit(&body);
    return code < 0 ? code : 0;
}

static int lost_encode(const struct log_volume *volume, struct buffer *body)
{
    size_t words = lost_words(volume);
    int error = buffer_reserve(body, LOST_HEAD_BYTES + words * sizeof(uint64_t));
    if (error != 0) {
        return error;
    }
    uint32_t flags = (volume->all_lost ? LOST_ALL : 0u) | (volume->behind ? LOST_BEHIND : 0u);
    store_u64_le(body->data, volume->id);
    store_u32_le(body->data + 8, flags);
    store_u32_le(body->data + 12, volume->partitions);
    for (size_t i = 0; i < words; i++) {
        store_u64_le(body->data + LOST_HEAD_BYTES + i * sizeof(uint64_t), volume->lost[i]);
    }
    body->len = LOST_HEAD_BYTES + words * sizeof(uint64_t);
    return 0;
}

int log_lost_save(struct log_volume *volume)
{
    if (!volume->unsaved || volume->read_only) {
        return 0;
    }
    struct buffer body;
    buffer_init(&body, 0);
    int error = lost_encode(volume, &body);
    if (error == 0) {
        error = log_file_write(volume->disk, &log_lost_file, buffer_bytes(&body));
    }
    buffer_deinit(&body);
    volume->unsaved = error != 0;
    return error == SHOAL_ENOSPC ? 0 : error;
}

int log_volume_losses_known(struct log_volume *volume)
{
    struct disk *disk = volume->disk;
    int error = disk->ops->remove(disk, log_lost_file.name);
    if (error == SHOAL_ENOTFOUND) {
        return 0;
    }
    return error == 0 ? disk->ops->sync_folder(disk) : error;
}
