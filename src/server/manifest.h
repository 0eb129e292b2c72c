/* What makes a folder of copies a backup: "backup.json", written last, with every file's size and
 * checksum (XXH3-64, as `xxhsum -H3` prints it). A data_dir that has one is a restored copy that
 * has not been started yet: every file is checked against it first, so that a copy that lacks
 * something or was damaged on its way is refused by name instead of being served.
 *
 * storage.json is not in the list: it has a checksum of its own, names the manifest, and changes
 * when the copy is taken into use. */
#ifndef SERVER_MANIFEST_H
#define SERVER_MANIFEST_H

#include "base/buffer.h"

#define MANIFEST_FILE "backup.json"
#define MANIFEST_RESTORED_FILE "restored.json" /* its name once the copy is in use */
#define MANIFEST_TEXT_BYTES 512u
#define MANIFEST_NAME_BYTES_MAX 300u

struct manifest_file {
    char *name; /* from the backup's folder on: "node.record", "log/000000000000002a.seg" */
    uint64_t bytes;
    uint64_t checksum;
};

struct manifest {
    uint64_t id; /* random */
    uint64_t time_ms;
    char node[256];
    char cluster[256];
    struct manifest_file *files;
    uint32_t count;
    uint32_t capacity;
    uint64_t bytes; /* of all files */
};

/* How far reading has come; false: give up (SHOAL_ESHUTDOWN). */
struct manifest_watch {
    void *self;
    bool (*read)(void *self, uint64_t bytes_done);
};

void manifest_deinit(struct manifest *manifest);

/* Adds a file; the name is copied. 0, SHOAL_ENOMEM. Afterwards, in order of name. */
int manifest_add(struct manifest *manifest, const char *name, uint64_t bytes, uint64_t checksum);
void manifest_sort(struct manifest *manifest);

/* Adds the folder's files and all below the folder in it that is named (NULL: none), with sizes, in
 * order of name; passes over what manifests don't list. 0, SHOAL_EIO, SHOAL_ENOMEM. */
int manifest_list(struct manifest *manifest, int folder_fd, const char *data_name,
                  char text[MANIFEST_TEXT_BYTES]);

/* Reads every file and notes its checksum. 0, or SHOAL_EIO, SHOAL_ESHUTDOWN, SHOAL_ENOMEM and a
 * text.
 */
int manifest_sum(struct manifest *manifest, int folder_fd, const struct manifest_watch *watch,
                 char text[MANIFEST_TEXT_BYTES]);

/* Durable when it returns 0. SHOAL_ENOSPC, SHOAL_EIO, SHOAL_ENOMEM. */
int manifest_store(const struct manifest *manifest, int folder_fd);

/* 0 and the manifest, to be deinited; 1 when there is none; SHOAL_EPROTO, SHOAL_EVERSION,
 * SHOAL_EIO, SHOAL_ENOMEM. */
int manifest_load(int folder_fd, struct manifest *out);

/* Reads every file: 0 when all is there as it was; SHOAL_EDAMAGED and the text that names the first
 * that is missing, damaged, or too many; SHOAL_EIO, SHOAL_ESHUTDOWN, SHOAL_ENOMEM. */
int manifest_verify(const struct manifest *manifest, int folder_fd, const char *data_name,
                    const struct manifest_watch *watch, char text[MANIFEST_TEXT_BYTES]);

#endif
