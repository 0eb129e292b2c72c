/* Listing, summing up and comparing files. */
#include "server/manifest.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/hash.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "server/storage_meta.h"
#include "shoal/error.h"

#define PIECE_BYTES ((size_t)1 * LIMIT_MIB)
#define DEPTH_MAX 4u

void manifest_deinit(struct manifest *manifest)
{
    for (uint32_t i = 0; i < manifest->count; i++) {
        mem_free(manifest->files[i].name);
    }
    mem_free(manifest->files);
    *manifest = (struct manifest){0};
}

int manifest_add(struct manifest *manifest, const char *name, uint64_t bytes, uint64_t checksum)
{
    if (manifest->count == manifest->capacity) {
        uint32_t capacity = manifest->capacity == 0 ? 64 : manifest->capacity * 2;
        void *files = mem_realloc(manifest->files, capacity * sizeof(*manifest->files));
        if (files == NULL) {
            return SHOAL_ENOMEM;
        }
        manifest->files = files;
        manifest->capacity = capacity;
    }
    char *copy = mem_alloc(strlen(name) + 1);
    if (copy == NULL) {
        return SHOAL_ENOMEM;
    }
    memcpy(copy, name, strlen(name) + 1);
    manifest->files[manifest->count++] =
        (struct manifest_file){.name = copy, .bytes = bytes, .checksum = checksum};
    manifest->bytes += bytes;
    return 0;
}

/* ---- listing --------------------------------------------------------------------------------- */

static bool is_listed(const char *name)
{
    static const char *const others[] = {STORAGE_META_FILE, MANIFEST_FILE, MANIFEST_RESTORED_FILE,
                                         "lock", "ports.json"};
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        if (strcmp(name, others[i]) == 0) {
            return false;
        }
    }
    size_t len = strlen(name);
    return len < 4 || strcmp(name + len - 4, ".new") != 0;
}

/* What is listed of one folder; `prefix` is empty for the backup's own. */
struct listing {
    struct manifest *manifest;
    const char *prefix;
    uint32_t depth;
};

static int list_folder(const struct listing *listing, int fd);

static int list_below(const struct listing *listing, int fd, const char *name)
{
    char prefix[MANIFEST_NAME_BYTES_MAX + 64];
    if (listing->depth == DEPTH_MAX || snprintf(prefix, sizeof(prefix), "%s%s/", listing->prefix,
                                                name) > (int)MANIFEST_NAME_BYTES_MAX) {
        errno = ENAMETOOLONG;
        return SHOAL_EIO;
    }
    const struct listing below = {
        .manifest = listing->manifest, .prefix = prefix, .depth = listing->depth + 1};
    int folder = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    return folder < 0 ? SHOAL_EIO : list_folder(&below, folder);
}

static int add_entry(const struct listing *listing, int fd, const char *name)
{
    struct stat status;
    char path[2 * MANIFEST_NAME_BYTES_MAX + 64];
    bool top = listing->depth == 0;
    if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0 || (top && !is_listed(name))) {
        return 0;
    }
    if (fstatat(fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return SHOAL_EIO;
    }
    if (S_ISDIR(status.st_mode)) {
        return top ? 0 : list_below(listing, fd, name);
    }
    if (!S_ISREG(status.st_mode)) {
        return 0;
    }
    snprintf(path, sizeof(path), "%s%s", listing->prefix, name);
    return manifest_add(listing->manifest, path, (uint64_t)status.st_size, 0);
}

/* Closes fd. */
static int list_folder(const struct listing *listing, int fd)
{
    DIR *folder = fdopendir(fd);
    if (folder == NULL) {
        close(fd);
        return SHOAL_EIO;
    }
    int code = 0;
    errno = 0;
    for (struct dirent *entry; code == 0 && (entry = readdir(folder)) != NULL; errno = 0) {
        code = add_entry(listing, dirfd(folder), entry->d_name);
    }
    if (code == 0 && errno != 0) {
        code = SHOAL_EIO;
    }
    int saved = errno;
    closedir(folder);
    errno = saved;
    return code;
}

static int by_name(const void *a, const void *b)
{
    return strcmp(((const struct manifest_file *)a)->name, ((const struct manifest_file *)b)->name);
}

void manifest_sort(struct manifest *manifest)
{
    if (manifest->count > 0) {
        qsort(manifest->files, manifest->count, sizeof(*manifest->files), by_name);
    }
}

int manifest_list(struct manifest *manifest, int folder_fd, const char *data_name,
                  char text[MANIFEST_TEXT_BYTES])
{
    const struct listing own = {.manifest = manifest, .prefix = ""};
    int fd = openat(folder_fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int code = fd < 0 ? SHOAL_EIO : list_folder(&own, fd);
    if (code == 0 && data_name != NULL && faccessat(folder_fd, data_name, F_OK, 0) == 0) {
        code = list_below(&own, folder_fd, data_name);
    }
    if (code != 0) {
        snprintf(text, MANIFEST_TEXT_BYTES, "the folder can't be listed: %s",
                 code == SHOAL_ENOMEM ? shoal_error_text(code) : strerror(errno));
        return code;
    }
    manifest_sort(manifest);
    return 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

struct reading {
    int folder_fd;
    const struct manifest_watch *watch; /* NULL: none */
    uint8_t *piece;
    uint64_t bytes_done;
    char *text;
};

static int read_pieces(struct reading *reading, int fd, struct hash_pieces *hash, uint64_t *bytes)
{
    for (;;) {
        ssize_t got = read(fd, reading->piece, PIECE_BYTES);
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got <= 0) {
            return got == 0 ? 0 : SHOAL_EIO;
        }
        hash_pieces_add(hash, bytes_make(reading->piece, (size_t)got));
        *bytes += (uint64_t)got;
        reading->bytes_done += (uint64_t)got;
        if (reading->watch != NULL &&
            !reading->watch->read(reading->watch->self, reading->bytes_done)) {
            return SHOAL_ESHUTDOWN;
        }
    }
}

/* The size and checksum that the file has; SHOAL_ENOTFOUND when it isn't there. */
static int sum_file(struct reading *reading, const char *name, uint64_t *bytes, uint64_t *checksum)
{
    int fd = openat(reading->folder_fd, name, O_RDONLY | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        int code = errno == ENOENT ? SHOAL_ENOTFOUND : SHOAL_EIO;
        snprintf(reading->text, MANIFEST_TEXT_BYTES, "%.200s can't be read: %s", name,
                 strerror(errno));
        return code;
    }
    (void)posix_fadvise(fd, 0, 0, POSIX_FADV_SEQUENTIAL);
    struct hash_pieces *hash = hash_pieces_new();
    *bytes = 0;
    int code = hash == NULL ? SHOAL_ENOMEM : read_pieces(reading, fd, hash, bytes);
    if (code == SHOAL_ESHUTDOWN) {
        snprintf(reading->text, MANIFEST_TEXT_BYTES, "given up: %s", shoal_error_text(code));
    } else if (code != 0) {
        snprintf(reading->text, MANIFEST_TEXT_BYTES, "%.200s can't be read: %s", name,
                 code == SHOAL_EIO ? strerror(errno) : shoal_error_text(code));
    }
    *checksum = hash == NULL ? 0 : hash_pieces_end(hash);
    close(fd);
    return code;
}

static int begin_reading(struct reading *reading, int folder_fd, const struct manifest_watch *watch,
                         char text[MANIFEST_TEXT_BYTES])
{
    *reading = (struct reading){
        .folder_fd = folder_fd, .watch = watch, .text = text, .piece = mem_alloc(PIECE_BYTES)};
    if (reading->piece == NULL) {
        snprintf(text, MANIFEST_TEXT_BYTES, "%s", shoal_error_text(SHOAL_ENOMEM));
        return SHOAL_ENOMEM;
    }
    return 0;
}

int manifest_sum(struct manifest *manifest, int folder_fd, const struct manifest_watch *watch,
                 char text[MANIFEST_TEXT_BYTES])
{
    struct reading reading;
    int code = begin_reading(&reading, folder_fd, watch, text);
    for (uint32_t i = 0; i < manifest->count && code == 0; i++) {
        struct manifest_file *file = &manifest->files[i];
        uint64_t bytes;
        uint64_t checksum;
        code = sum_file(&reading, file->name, &bytes, &checksum);
        if (code == 0) {
            manifest->bytes += bytes - file->bytes;
            file->bytes = bytes;
            file->checksum = checksum;
        }
    }
    mem_free(reading.piece);
    return code == SHOAL_ENOTFOUND ? SHOAL_EIO : code;
}

/* ---- comparing ------------------------------------------------------------------------------- */

static int compare_file(struct reading *reading, const struct manifest_file *file)
{
    uint64_t bytes;
    uint64_t checksum;
    int code = sum_file(reading, file->name, &bytes, &checksum);
    if (code == SHOAL_ENOTFOUND) {
        snprintf(reading->text, MANIFEST_TEXT_BYTES, "%.200s is missing", file->name);
        return SHOAL_EDAMAGED;
    }
    if (code == 0 && bytes != file->bytes) {
        snprintf(reading->text, MANIFEST_TEXT_BYTES,
                 "%.200s has %" PRIu64 " bytes and had %" PRIu64 " in the backup", file->name,
                 bytes, file->bytes);
        return SHOAL_EDAMAGED;
    }
    if (code == 0 && checksum != file->checksum && !MUTANT(backup_unchecked)) {
        snprintf(reading->text, MANIFEST_TEXT_BYTES, "%.200s is damaged: its checksum differs",
                 file->name);
        return SHOAL_EDAMAGED;
    }
    return code;
}

static bool has(const struct manifest *manifest, const char *name)
{
    const struct manifest_file key = {.name = (char *)(uintptr_t)name};
    return manifest->count > 0 && bsearch(&key, manifest->files, manifest->count,
                                          sizeof(*manifest->files), by_name) != NULL;
}

/* A file of data that the backup didn't have would bring back what it never held. */
static int find_strangers(const struct manifest *manifest, int folder_fd, const char *data_name,
                          char text[MANIFEST_TEXT_BYTES])
{
    struct manifest found = {0};
    int code = manifest_list(&found, folder_fd, data_name, text);
    for (uint32_t i = 0; i < found.count && code == 0; i++) {
        if (strchr(found.files[i].name, '/') != NULL && !has(manifest, found.files[i].name)) {
            snprintf(text, MANIFEST_TEXT_BYTES, "%.200s is not part of the backup",
                     found.files[i].name);
            code = SHOAL_EDAMAGED;
        }
    }
    manifest_deinit(&found);
    return code;
}

int manifest_verify(const struct manifest *manifest, int folder_fd, const char *data_name,
                    const struct manifest_watch *watch, char text[MANIFEST_TEXT_BYTES])
{
    struct reading reading;
    int code = find_strangers(manifest, folder_fd, data_name, text);
    if (code != 0) {
        return code;
    }
    code = begin_reading(&reading, folder_fd, watch, text);
    for (uint32_t i = 0; i < manifest->count && code == 0; i++) {
        code = compare_file(&reading, &manifest->files[i]);
    }
    mem_free(reading.piece);
    return code;
}
