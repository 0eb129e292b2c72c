/* Open files of the POSIX disk, for posix_disk.c: the descriptor, and its name for messages. */
#ifndef STORAGE_POSIX_DISK_FILE_H
#define STORAGE_POSIX_DISK_FILE_H

#include "storage/disk.h"
#include "storage/sync_times.h"

struct posix_disk {
    struct disk disk;
    int folder;
    struct sync_times times;
};

static inline struct posix_disk *posix_disk_of(struct disk *disk)
{
    return (struct posix_disk *)(void *)disk;
}

/* Keeps the words for the thread and returns the code for the errno. */
int posix_disk_failed(const char *what, const char *name, int code);

/* `flags` are those of open(2). `times`: where its syncs are counted; NULL: nowhere. */
int posix_file_open(int folder, const char *name, int flags, struct sync_times *times,
                    struct disk_file **out);
void posix_file_close(struct disk_file *file);

/* As in struct disk_ops. */
int posix_file_size(struct disk_file *file, uint64_t *bytes);
int posix_file_reserve(struct disk_file *file, uint64_t bytes);
int posix_file_write(struct disk_file *file, uint64_t offset, struct bytes bytes);
int posix_file_read(struct disk_file *file, uint64_t offset, void *out, size_t len, size_t *got);
int posix_file_read_now(struct disk_file *file, uint64_t offset, void *out, size_t len,
                        size_t *got);
int posix_file_sync(struct disk_file *file);
int posix_file_truncate(struct disk_file *file, uint64_t bytes);
int posix_file_map(struct disk_file *file, uint64_t bytes, struct disk_map *out);
void posix_file_unmap(struct disk_file *file, uint8_t *memory, uint64_t bytes);

#endif
