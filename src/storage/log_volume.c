/* See log_volume.h: opening and closing, and the life of segments in between. */
#include "storage/log_volume.h"

#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"
#include "base/log.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "storage/log_volume_state.h"

/* Where records were lost, theirs may have been the highest sequences; should they ever be read
 * again, they must not win over what was written since. */
#define SEQUENCE_GAP (UINT64_C(1) << 32)

int log_volume_refuse(char text[LOG_TEXT_BYTES], int code, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    (void)vsnprintf(text, LOG_TEXT_BYTES, format, arguments);
    va_end(arguments);
    return code;
}

int log_volume_disk_failed(struct log_volume *volume, int code, char text[LOG_TEXT_BYTES])
{
    const char *what =
        code == SHOAL_ENOMEM ? "out of memory" : volume->disk->ops->explain(volume->disk);
    return log_volume_refuse(text, code, "opening the log: %s", what);
}

static void segment_free(struct log_volume *volume, struct log_segment *segment)
{
    if (segment->file != NULL) {
        volume->disk->ops->close(segment->file);
    }
    log_hint_free(segment->hint);
    mem_free(segment);
}

static void volume_free(struct log_volume *volume)
{
    for (uint32_t i = 0; i < volume->segment_count; i++) {
        segment_free(volume, volume->segments[i]);
    }
    for (struct queue *link; (link = queue_pop(&volume->created)) != NULL;) {
        segment_free(volume, QUEUE_ITEM(link, struct log_segment, link));
    }
    (void)pthread_mutex_destroy(&volume->lock);
    mem_free(volume->segments);
    mem_free(volume->lost);
    mem_free(volume);
}

static int volume_new(const struct log_volume_options *options, struct log_volume **out)
{
    ASSERT(options->partitions > 0 && options->partitions <= LIMIT_PARTITIONS_MAX);
    struct log_volume *volume = mem_alloc_zeroed(1, sizeof(*volume));
    if (volume == NULL) {
        return SHOAL_ENOMEM;
    }
    volume->lost = mem_alloc_zeroed((engine_partition_count(options->partitions) + 63) / 64,
                                    sizeof(*volume->lost));
    if (volume->lost == NULL) {
        mem_free(volume);
        return SHOAL_ENOMEM;
    }
    volume->disk = options->disk;
    volume->partitions = options->partitions;
    volume->durability = options->durability;
    volume->read_only = options->read_only;
    volume->next_number = 1;
    queue_init(&volume->created);
    (void)pthread_mutex_init(&volume->lock, NULL); /* cannot fail without attributes */
    *out = volume;
    return 0;
}

static bool volume_lossy(const struct log_volume *volume)
{
    bool lossy = volume->all_lost;
    for (uint32_t i = 0; i < (engine_partition_count(volume->partitions) + 63) / 64; i++) {
        lossy = lossy || volume->lost[i] != 0;
    }
    return lossy;
}

static int volume_load(struct log_volume *volume, const struct log_volume_options *options,
                       const struct log_listing *listing, char text[512])
{
    int error = log_clean_identify(volume, options, listing, text);
    error = error == 0 ? log_clean_begin(volume, options, listing, text) : error;
    error = error == 0 ? log_recovery_run(volume, options, listing, text) : error;
    if (error != 0) {
        return error;
    }
    if (volume_lossy(volume) && volume->sequence < UINT64_MAX - SEQUENCE_GAP) {
        volume->sequence += SEQUENCE_GAP;
    }
    if (volume->read_only) {
        return 0;
    }
    error = log_lost_save(volume); /* there may be room now */
    return error == 0 ? log_clean_running(volume, options, text)
                      : log_volume_disk_failed(volume, error, text);
}

int log_volume_open(const struct log_volume_options *options, struct log_volume **out,
                    char text[512])
{
    struct log_volume *volume;
    struct log_listing listing = {0};
    int error = volume_new(options, &volume);
    if (error != 0) {
        return log_volume_refuse(text, error, "opening the log: out of memory");
    }
    error = log_listing_read(volume->disk, &listing);
    error = error == 0 ? volume_load(volume, options, &listing, text)
                       : log_volume_disk_failed(volume, error, text);
    log_listing_free(&listing);
    if (error != 0) {
        volume_free(volume);
        return error;
    }
    *out = volume;
    return 0;
}

void log_volume_loaded(struct log_volume *volume)
{
    for (uint32_t i = 0; i < volume->segment_count; i++) {
        struct log_segment *segment = volume->segments[i];
        log_hint_free(segment->hint);
        segment->hint = NULL;
        (void)log_volume_release(volume, segment);
    }
}

void log_volume_close(struct log_volume *volume, bool clean)
{
    struct disk *disk = volume->disk;
    for (uint32_t i = 0; i < volume->segment_count; i++) {
        if (volume->segments[i]->file != NULL) {
            disk->ops->close(volume->segments[i]->file);
            volume->segments[i]->file = NULL;
        }
    }
    for (struct queue *link; (link = queue_pop(&volume->created)) != NULL;) {
        segment_free(volume, QUEUE_ITEM(link, struct log_segment, link));
    }
    if (clean && !volume->read_only) {
        int error = log_clean_end(volume);
        if (error != 0) {
            log_warning("log: the clean stop could not be recorded: holdings will begin anew",
                        LOG_TEXT("error", disk->ops->explain(disk)));
        }
    }
    volume_free(volume);
}

uint64_t log_volume_number(struct log_volume *volume)
{
    return atomic_fetch_add(&volume->next_number, 1);
}

static int segment_fill(void *self, struct disk *disk, struct disk_file *file)
{
    const struct log_header *header = self;
    uint8_t bytes[LOG_HEADER_BYTES];
    log_header_encode(header, bytes);
    int error = disk->ops->reserve(file, header->capacity);
    return error == 0 ? disk->ops->write(file, 0, bytes_make(bytes, sizeof(bytes))) : error;
}

/* The temporary name is of another kind than a hint's, which may be made at the same time. */
static int segment_create(struct log_volume *volume, const struct log_header *header,
                          struct disk_file **out)
{
    char name[LOG_NAME_BYTES];
    char temporary[LOG_NAME_BYTES];
    log_segment_name(header->origin.number, name);
    memcpy(temporary, name, sizeof(temporary));
    memcpy(strrchr(temporary, '.'), ".new", sizeof(".new"));
    int error = log_file_publish(volume->disk, temporary, name, segment_fill, (void *)header);
    return error == 0 ? volume->disk->ops->open(volume->disk, name, DISK_OPEN_WRITE, out) : error;
}

int log_volume_create(struct log_volume *volume, uint64_t number, uint64_t capacity,
                      uint64_t first_sequence, struct log_segment **out)
{
    struct log_header header = {.origin = {.volume = volume->id, .number = number},
                                .capacity = log_round(capacity),
                                .first_sequence = first_sequence};
    ASSERT(header.capacity >= LOG_HEADER_BYTES + 2 * LOG_BATCH_BYTES);
    struct log_segment *segment = mem_alloc_zeroed(1, sizeof(*segment));
    if (segment == NULL) {
        return SHOAL_ENOMEM;
    }
    int error = segment_create(volume, &header, &segment->file);
    if (error != 0) {
        mem_free(segment);
        return error;
    }
    segment->origin = header.origin;
    segment->first_sequence = first_sequence;
    segment->sequence_min = UINT64_MAX;
    segment->users = 1;
    queue_init(&segment->link);
    (void)pthread_mutex_lock(&volume->lock);
    queue_push(&volume->created, &segment->link);
    (void)pthread_mutex_unlock(&volume->lock);
    *out = segment;
    return 0;
}

static int segment_remove(struct log_volume *volume, struct log_segment *segment)
{
    const struct disk_ops *ops = volume->disk->ops;
    char name[LOG_NAME_BYTES];
    log_segment_name(segment->origin.number, name);
    int error = ops->remove(volume->disk, name);
    if (error != 0 && error != SHOAL_ENOTFOUND) {
        return error;
    }
    log_hint_name(segment->origin.number, name);
    error = ops->remove(volume->disk, name);
    if (error != 0 && error != SHOAL_ENOTFOUND) {
        return error;
    }
    return ops->sync_folder(volume->disk);
}

int log_volume_release(struct log_volume *volume, struct log_segment *segment)
{
    uint32_t users = atomic_fetch_sub(&segment->users, 1);
    ASSERT(users > 0);
    if (users > 1 || volume->read_only) {
        return 0;
    }
    volume->disk->ops->close(segment->file);
    segment->file = NULL;
    int error = segment_remove(volume, segment);
    if (error == 0) {
        atomic_store(&segment->gone, true);
    }
    return error;
}

void log_volume_forget(struct log_volume *volume, struct log_segment *segment)
{
    ASSERT(atomic_load(&segment->users) == 0);
    (void)pthread_mutex_lock(&volume->lock);
    bool created = !queue_empty(&segment->link);
    queue_remove(&segment->link);
    (void)pthread_mutex_unlock(&volume->lock);
    if (created) {
        segment_free(volume, segment);
    }
}
