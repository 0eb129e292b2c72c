/* A folder and its lock. The lock is flock's: it ends with the process, however that ends. */
#include "server/data_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "server/small_file.h"
#include "shoal/error.h"

#define LOCK_FILE "lock"

/* Each folder on the way that isn't there. 0 or -1 and errno. */
static int make_folders(const char *path)
{
    char part[4096];
    size_t len = strlen(path);
    if (len >= sizeof(part)) {
        errno = ENAMETOOLONG;
        return -1;
    }
    for (size_t i = 1; i <= len; i++) {
        if (path[i] == '/' || path[i] == 0) {
            memcpy(part, path, i);
            part[i] = 0;
            if (mkdir(part, 0700) != 0 && errno != EEXIST) {
                return -1;
            }
        }
    }
    return 0;
}

static long lock_holder(int lock_fd)
{
    char digits[24] = "";
    ssize_t got = pread(lock_fd, digits, sizeof(digits) - 1, 0);
    return got > 0 ? strtol(digits, NULL, 10) : 0;
}

static int take_lock(struct data_folder *folder, const char *path, bool may_lack, char text[512])
{
    folder->lock_fd =
        openat(folder->fd, LOCK_FILE, O_RDWR | O_CLOEXEC | (may_lack ? 0 : O_CREAT), 0600);
    if (folder->lock_fd < 0 && may_lack && (errno == ENOENT || errno == EROFS || errno == EACCES)) {
        return 0; /* a node that uses it has one that can be written to */
    }
    if (folder->lock_fd < 0) {
        snprintf(text, 512, "data_dir %.200s can't be written: %s", path, strerror(errno));
        return SHOAL_EIO;
    }
    if (flock(folder->lock_fd, LOCK_EX | LOCK_NB) != 0) {
        snprintf(text, 512,
                 "data_dir %.200s is in use by process %ld: two nodes can't share a folder", path,
                 lock_holder(folder->lock_fd));
        return SHOAL_ECONFLICT;
    }
    char digits[24];
    int len = snprintf(digits, sizeof(digits), "%ld\n", (long)getpid());
    if (ftruncate(folder->lock_fd, 0) != 0 ||
        small_file_write(folder->lock_fd, bytes_make(digits, (size_t)len)) != 0) {
        snprintf(text, 512, "data_dir %.200s can't be written: %s", path, strerror(errno));
        return SHOAL_EIO;
    }
    return 0;
}

static int open_folder(const char *path, bool may_lack_lock, struct data_folder *out,
                       char text[512])
{
    struct data_folder folder = DATA_FOLDER_NONE;
    folder.fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder.fd < 0) {
        snprintf(text, 512, "data_dir %.200s can't be opened: %s", path, strerror(errno));
        return SHOAL_EIO;
    }
    int code = take_lock(&folder, path, may_lack_lock, text);
    if (code != 0) {
        data_folder_close(&folder);
        return code;
    }
    *out = folder;
    return 0;
}

int data_folder_open(const char *path, struct data_folder *out, char text[512])
{
    if (make_folders(path) != 0) {
        snprintf(text, 512, "data_dir %.200s can't be made: %s", path, strerror(errno));
        return SHOAL_EIO;
    }
    return open_folder(path, false, out, text);
}

int data_folder_open_existing(const char *path, struct data_folder *out, char text[512])
{
    return open_folder(path, true, out, text);
}

bool data_folder_is_empty(int fd)
{
    int own = openat(fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = own < 0 ? NULL : fdopendir(own);
    if (folder == NULL) {
        if (own >= 0) {
            close(own);
        }
        return false;
    }
    bool empty = true;
    for (struct dirent *entry; empty && (entry = readdir(folder)) != NULL;) {
        empty = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
    }
    closedir(folder);
    return empty;
}

void data_folder_close(struct data_folder *folder)
{
    if (folder->lock_fd >= 0) {
        close(folder->lock_fd);
    }
    if (folder->fd >= 0) {
        close(folder->fd);
    }
    *folder = DATA_FOLDER_NONE;
}

int data_folder_write(const struct data_folder *folder, const char *name, struct bytes content)
{
    char temporary[64];
    snprintf(temporary, sizeof(temporary), "%s.new", name);
    int fd = openat(folder->fd, temporary, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
    if (fd < 0) {
        return SHOAL_EIO;
    }
    bool written = small_file_write(fd, content) == 0;
    written = close(fd) == 0 && written;
    if (!written || renameat(folder->fd, temporary, folder->fd, name) != 0) {
        unlinkat(folder->fd, temporary, 0);
        return SHOAL_EIO;
    }
    return 0;
}

void data_folder_remove(const struct data_folder *folder, const char *name)
{
    unlinkat(folder->fd, name, 0);
}
