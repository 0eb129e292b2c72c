/* Careful with what is there already: only an empty folder is taken, and only what lies in it
 * afterwards is removed. */
#include "server/backup_folder.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/limits.h"
#include "net/keeper.h"
#include "server/data_folder.h"
#include "server/manifest.h"
#include "server/storage_meta.h"
#include "shoal/error.h"

static int fail(char text[MANIFEST_TEXT_BYTES], int code, const char *what, const char *why)
{
    snprintf(text, MANIFEST_TEXT_BYTES, "%s: %s", what, why);
    return code;
}

static int fail_errno(char text[MANIFEST_TEXT_BYTES], const char *what)
{
    int code = errno == ENOSPC || errno == EDQUOT ? SHOAL_ENOSPC : SHOAL_EIO;
    return fail(text, code, what, strerror(errno));
}

/* A backup inside the folder it copies would be part of the next, and of the node's own data. */
static bool is_inside(const char *path, const char *folder)
{
    char *real = realpath(path, NULL);
    char *real_folder = realpath(folder, NULL);
    size_t len = real_folder == NULL ? 0 : strlen(real_folder);
    bool inside = real != NULL && len > 0 && strncmp(real, real_folder, len) == 0 &&
                  (real[len] == '/' || real[len] == 0);
    free(real);
    free(real_folder);
    return inside;
}

static int sync_parent(const char *path)
{
    char parent[LIMIT_PATH_BYTES + 8];
    snprintf(parent, sizeof(parent), "%s/..", path);
    int fd = open(parent, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int result = fd < 0 ? -1 : fsync(fd);
    if (fd >= 0) {
        close(fd);
    }
    return result;
}

static int open_empty(struct backup_folder *folder, const char *data_dir,
                      char text[MANIFEST_TEXT_BYTES])
{
    folder->made = mkdir(folder->path, 0700) == 0;
    if (!folder->made && errno != EEXIST) {
        return errno == ENOENT
                   ? fail(text, SHOAL_EINVAL, "the folder can't be made", "its parent isn't there")
                   : fail_errno(text, "the folder can't be made");
    }
    folder->fd = open(folder->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->fd < 0) {
        return fail_errno(text, "the folder can't be opened");
    }
    if (!data_folder_is_empty(folder->fd)) {
        return fail(text, SHOAL_ECONFLICT, "the folder is not empty",
                    "give one that is, or one that isn't there yet");
    }
    if (is_inside(folder->path, data_dir)) {
        return fail(text, SHOAL_EINVAL, "the folder is inside the node's data_dir",
                    "choose another place, best on another disk");
    }
    return 0;
}

int backup_folder_open(struct backup_folder *out, const char *path, const char *data_name,
                       const char *data_dir, char text[MANIFEST_TEXT_BYTES])
{
    struct backup_folder folder = {.fd = -1, .path = path, .data_name = data_name};
    int code = open_empty(&folder, data_dir, text);
    if (code != 0) {
        if (folder.made) {
            rmdir(path);
        }
        backup_folder_close(&folder);
        return code;
    }
    if (mkdirat(folder.fd, data_name, 0700) != 0 || sync_parent(path) != 0) {
        code = fail_errno(text, "the folder can't be written to");
        backup_folder_empty(&folder);
        backup_folder_close(&folder);
        return code;
    }
    *out = folder;
    return 0;
}

int backup_folder_sync_data(const struct backup_folder *folder, char text[MANIFEST_TEXT_BYTES])
{
    int fd = openat(folder->fd, folder->data_name, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    int code = fd >= 0 && fsync(fd) == 0 ? 0 : fail_errno(text, "the folder can't be synced");
    if (fd >= 0) {
        close(fd);
    }
    return code;
}

/* Everything in the folder named, then the folder; links are not followed. */
static void remove_folder(int fd, const char *name)
{
    int own = openat(fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    DIR *folder = own < 0 ? NULL : fdopendir(own);
    if (folder == NULL) {
        return;
    }
    for (struct dirent *entry; (entry = readdir(folder)) != NULL;) {
        bool self = strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0;
        if (!self && unlinkat(own, entry->d_name, 0) != 0) {
            remove_folder(own, entry->d_name);
        }
    }
    closedir(folder);
    unlinkat(fd, name, AT_REMOVEDIR);
}

void backup_folder_empty(const struct backup_folder *folder)
{
    if (folder->fd < 0) {
        return;
    }
    remove_folder(folder->fd, folder->data_name);
    unlinkat(folder->fd, KEEPER_FILE, 0);
    unlinkat(folder->fd, MANIFEST_FILE, 0);
    unlinkat(folder->fd, STORAGE_META_FILE, 0);
    if (folder->made) {
        rmdir(folder->path);
    }
}

void backup_folder_close(struct backup_folder *folder)
{
    if (folder->fd >= 0) {
        close(folder->fd);
    }
    folder->fd = -1;
}
