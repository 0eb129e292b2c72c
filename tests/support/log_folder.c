/* See log_folder.h. */
#include "support/log_folder.h"

#include <stdlib.h>

#include "base/assert.h"
#include "shoal/error.h"

static void progress_note(void *self, const struct log_progress *progress)
{
    struct log_folder *folder = self;
    ASSERT(progress->segments_done <= progress->segments);
    ASSERT(progress->bytes_done <= progress->bytes);
    folder->progress = *progress;
}

void log_folder_init(struct log_folder *folder, uint64_t seed)
{
    memset(folder, 0, sizeof(*folder));
    folder->model = model_disk_new(seed);
    folder->disk = model_disk_port(folder->model);
    random_init(&folder->random, seed);
    folder->options = (struct log_volume_options){.partitions = LOG_FOLDER_PARTITIONS,
                                                  .durability = LOG_SYNC,
                                                  .boot = 1,
                                                  .id = 1 + seed,
                                                  .progress = progress_note,
                                                  .progress_self = folder};
}

void log_folder_deinit(struct log_folder *folder)
{
    if (folder->volume != NULL) {
        log_folder_close(folder, false);
    }
    model_disk_free(folder->model);
}

int log_folder_open(struct log_folder *folder)
{
    ASSERT(folder->volume == NULL);
    folder->options.disk = folder->disk;
    return log_volume_open(&folder->options, &folder->volume, folder->text);
}

void log_folder_close(struct log_folder *folder, bool clean)
{
    log_volume_close(folder->volume, clean);
    folder->volume = NULL;
}

void log_folder_crash(struct log_folder *folder, enum model_crash how)
{
    model_disk_stop(folder->model);
    if (folder->volume != NULL) {
        log_folder_close(folder, false);
    }
    (void)model_disk_crash(folder->model, &folder->random, how);
}

void log_folder_copy(struct log_folder *folder)
{
    ASSERT(folder->volume == NULL);
    struct model_disk *copy = model_disk_copy(folder->model, random_u64(&folder->random));
    model_disk_free(folder->model);
    folder->model = copy;
    folder->disk = model_disk_port(copy);
}

int log_folder_begin(struct log_folder *folder, uint64_t capacity, struct log_writer *writer,
                     struct log_segment **segment)
{
    uint64_t number = log_volume_number(folder->volume);
    uint64_t sequence = folder->volume->sequence;
    int error = log_volume_create(folder->volume, number, capacity, sequence + 1, segment);
    if (error == 0) {
        log_writer_init(writer, folder->disk, (*segment)->file, (*segment)->origin);
        writer->sequence = sequence;
    }
    return error;
}

/* Looks for one record among the entries of its partition. */
struct lookup {
    struct disk *disk;
    const struct log_segment *segment;
    const struct log_writer *writer;
    uint32_t index;
    bool found;
};

static int lookup_visit(void *self, const struct log_hint_entry *entry)
{
    struct lookup *lookup = self;
    const struct log_written *written = &lookup->writer->written[lookup->index];
    if (entry->offset != written->offset) {
        return 0;
    }
    ASSERT(entry->sequence == written->record.sequence && entry->bytes == written->size);
    uint8_t *bytes = malloc(entry->bytes);
    struct log_record record;
    size_t got;
    ASSERT(bytes != NULL);
    ASSERT(lookup->disk->ops->read(lookup->segment->file, entry->offset, bytes, entry->bytes,
                                   &got) == 0);
    lookup->found = log_record_decode(&lookup->writer->origin, entry->offset,
                                      bytes_make(bytes, got), &record, &got) == 0 &&
                    log_writer_find(lookup->writer, entry->offset, &record) == lookup->index;
    free(bytes);
    return 0;
}

bool log_folder_has(const struct log_folder *folder, const struct log_writer *writer,
                    uint32_t index)
{
    for (uint32_t i = 0; i < folder->volume->segment_count; i++) {
        const struct log_segment *segment = folder->volume->segments[i];
        if (segment->origin.number == writer->origin.number && segment->hint != NULL) {
            struct lookup lookup = {
                .disk = folder->disk, .segment = segment, .writer = writer, .index = index};
            ASSERT(log_hint_read(segment->hint, writer->written[index].record.partition,
                                 lookup_visit, &lookup) == 0);
            return lookup.found;
        }
    }
    return false;
}

uint32_t log_folder_has_count(const struct log_folder *folder, const struct log_writer *writer)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < writer->count; i++) {
        count += log_folder_has(folder, writer, i);
    }
    return count;
}

uint64_t log_folder_total(const struct log_folder *folder)
{
    uint64_t total = 0;
    for (uint32_t i = 0; i < folder->volume->segment_count; i++) {
        const struct log_hint *hint = folder->volume->segments[i]->hint;
        for (uint32_t group = 0; group < log_hint_groups(hint); group++) {
            total += log_hint_count(hint, log_hint_partition(hint, group));
        }
    }
    return total;
}
