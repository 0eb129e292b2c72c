/* What the model disk's parts share: model_disk.c is the port, model_disk_crash.c is what tests do
 * to it. */
#ifndef SUPPORT_MODEL_STATE_H
#define SUPPORT_MODEL_STATE_H

#include "support/model_disk.h"
#include "support/model_folder.h"

struct model_map;

struct model_disk {
    struct disk disk;
    struct model_disk_options options;
    struct random random;
    uint64_t device;
    uint64_t number; /* of the newest inode */
    uint64_t order;  /* of the newest change */
    uint64_t life;   /* how many processes have ended: older handles are dead */
    uint32_t handles;
    struct model_folder folder;
    struct model_map *maps;

    struct model_fault faults[MODEL_FAULTS_MAX];
    uint64_t fault_calls[MODEL_FAULTS_MAX];
    uint32_t fault_count;
    uint64_t changes;
    uint64_t stop_at;
    bool stop_after;
    bool stopped;
    bool calm;
    char words[160];

    char path[256]; /* when it is a folder that belongs to another */
    struct model_disk *folders;
    struct model_disk *next;
};

/* The port is the first thing in it. */
struct disk_file {
    struct model_disk *disk;
    struct model_file *file;
    uint64_t life;
    bool writes;
    char name[DISK_NAME_BYTES];
};

extern const struct disk_ops model_disk_ops;

/* ---- model_map.c ---- */

void model_map(struct model_disk *disk, struct model_file *file, uint64_t bytes,
               struct disk_map *out);
void model_unmap(struct model_disk *disk, const uint8_t *memory);
/* What was written to memory that is mapped is the file's (NULL: all files'). */
void model_maps_fold(struct model_disk *disk, const struct model_file *file);
/* The same, and what is written there from now on is nobody's. */
void model_maps_freeze(struct model_disk *disk);

static inline bool model_ends_so(const char *name, const char *suffix)
{
    size_t len = strlen(name);
    size_t suffix_len = strlen(suffix);
    return len >= suffix_len && strcmp(name + len - suffix_len, suffix) == 0;
}

#endif
