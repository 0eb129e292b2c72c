/* A volume on the model disk, opened and ended in all ways, for tests of recovery: what was written
 * through a log_writer is looked up again through the hints and read from the segments. */
#ifndef SUPPORT_LOG_FOLDER_H
#define SUPPORT_LOG_FOLDER_H

#include "support/log_writer.h"
#include "support/model_disk.h"

#define LOG_FOLDER_PARTITIONS 8u

struct log_folder {
    struct model_disk *model;
    struct disk *disk;
    struct random random;
    struct log_volume_options options; /* of the next opening */
    struct log_volume *volume;         /* NULL: not open */
    struct log_progress progress;      /* as it was told last */
    char text[512];
};

void log_folder_init(struct log_folder *folder, uint64_t seed);
void log_folder_deinit(struct log_folder *folder);

/* Opens it: the outcome, and its words in `text`. */
int log_folder_open(struct log_folder *folder);
void log_folder_close(struct log_folder *folder, bool clean);
/* The process ends as it is, open or not. */
void log_folder_crash(struct log_folder *folder, enum model_crash how);
/* The disk is exchanged for what a copy of all files would be. */
void log_folder_copy(struct log_folder *folder);

/* A new segment, and a writer for it; deinit the writer before the folder goes. */
int log_folder_begin(struct log_folder *folder, uint64_t capacity, struct log_writer *writer,
                     struct log_segment **segment);

/* The open volume has this record, with every byte. */
bool log_folder_has(const struct log_folder *folder, const struct log_writer *writer,
                    uint32_t index);
/* How many of the writer's records it has, and how many records in all. */
uint32_t log_folder_has_count(const struct log_folder *folder, const struct log_writer *writer);
uint64_t log_folder_total(const struct log_folder *folder);

#endif
