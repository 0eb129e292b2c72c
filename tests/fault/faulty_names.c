/* See faulty_calls.h: what is done to names and folders. */
#include "faulty_calls.h"

#include <dirent.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faulty_journal.h"
#include "faulty_switches.h"

/* The inode becomes known to the kernel, with one lookup more. The name does not: a power cut
 * changes names, so the kernel has to ask each time. */
static int entry_of(struct inode *parent, const char *name, struct fuse_entry_param *out)
{
    struct inode *inode;
    int error = inodes_lookup(parent, name, &inode);
    if (error != 0) {
        return error;
    }
    *out = (struct fuse_entry_param){.ino = inode_to_fuse(inode), .attr_timeout = FOREVER_S};
    error = status_of(inode, &out->attr);
    if (error != 0) {
        inodes_forget(inode, 1);
    }
    return error;
}

static void answer_entry(fuse_req_t request, struct inode *parent, const char *name)
{
    struct fuse_entry_param entry;
    int error = entry_of(parent, name, &entry);
    if (error != 0) {
        (void)fuse_reply_err(request, error);
    } else if (fuse_reply_entry(request, &entry) != 0) {
        inodes_forget(inode_of(entry.ino), 1);
    }
}

void disk_lookup(fuse_req_t request, fuse_ino_t parent, const char *name)
{
    answer_entry(request, inode_of(parent), name);
}

void disk_forget(fuse_req_t request, fuse_ino_t ino, uint64_t lookups)
{
    inodes_forget(inode_of(ino), lookups);
    fuse_reply_none(request);
}

void disk_mkdir(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode)
{
    if (mkdirat(inode_of(parent)->fd, name, mode) != 0) {
        answer(request, -1);
        return;
    }
    int error = journal_created(inode_of(parent)->fd, name);
    if (error != 0) {
        (void)fuse_reply_err(request, error);
        return;
    }
    answer_entry(request, inode_of(parent), name);
}

/* The space of what has lost its last name, also when it is open yet. */
static uint64_t space_of_last(struct inode *parent, const char *name)
{
    struct stat status;
    bool last = fstatat(parent->fd, name, &status, AT_SYMLINK_NOFOLLOW) == 0 &&
                S_ISREG(status.st_mode) && status.st_nlink == 1;
    return last ? (uint64_t)status.st_blocks * 512 : 0;
}

void disk_unlink(fuse_req_t request, fuse_ino_t parent, const char *name)
{
    uint64_t bytes = space_of_last(inode_of(parent), name);
    int error = journal_remove(inode_of(parent)->fd, name);
    if (error == 0) {
        switches_give_back(bytes);
    }
    (void)fuse_reply_err(request, error);
}

/* 0, or an errno; takes the descriptor over. */
static int holds_nothing(int fd)
{
    DIR *folder = fdopendir(fd);
    if (folder == NULL) {
        int error = errno;
        (void)close(fd);
        return error;
    }
    int error = 0;
    for (struct dirent *entry = readdir(folder); entry != NULL; entry = readdir(folder)) {
        if (strcmp(entry->d_name, ".") != 0 && strcmp(entry->d_name, "..") != 0) {
            error = ENOTEMPTY;
        }
    }
    (void)closedir(folder);
    return error;
}

void disk_rmdir(fuse_req_t request, fuse_ino_t parent, const char *name)
{
    int fd = openat(inode_of(parent)->fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    int error = fd < 0 ? errno : 0;
    if (error == 0) {
        error = holds_nothing(fd);
    }
    if (error == 0) {
        error = journal_remove(inode_of(parent)->fd, name);
    }
    (void)fuse_reply_err(request, error);
}

void disk_rename(fuse_req_t request, fuse_ino_t parent, const char *name, fuse_ino_t to_parent,
                 const char *to_name, unsigned flags)
{
    if (flags != 0) {
        (void)fuse_reply_err(request, EINVAL);
        return;
    }
    uint64_t bytes = space_of_last(inode_of(to_parent), to_name);
    int error = journal_rename(inode_of(parent)->fd, name, inode_of(to_parent)->fd, to_name);
    if (error == 0) {
        switches_give_back(bytes);
        inodes_renamed(inode_of(to_parent), to_name);
    }
    (void)fuse_reply_err(request, error);
}

void disk_link(fuse_req_t request, fuse_ino_t ino, fuse_ino_t to_parent, const char *to_name)
{
    char path[INODE_PATH_BYTES];
    inode_path(inode_of(ino), path);
    if (linkat(AT_FDCWD, path, inode_of(to_parent)->fd, to_name, AT_SYMLINK_FOLLOW) != 0) {
        answer(request, -1);
        return;
    }
    int error = journal_created(inode_of(to_parent)->fd, to_name);
    if (error != 0) {
        (void)fuse_reply_err(request, error);
        return;
    }
    answer_entry(request, inode_of(to_parent), to_name);
}

/* Opens it as well. That may be there already, made by somebody else meanwhile. */
static int create(struct inode *parent, const char *name, mode_t mode,
                  struct fuse_entry_param *entry, struct fuse_file_info *file)
{
    int fd = openat(parent->fd, name, O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, mode);
    int error = fd < 0 ? errno : journal_created(parent->fd, name);
    if (fd >= 0) {
        (void)close(fd);
    }
    if (error == EEXIST && (file->flags & O_EXCL) == 0) {
        error = 0;
    }
    if (error == 0) {
        error = entry_of(parent, name, entry);
    }
    if (error != 0) {
        return error;
    }
    error = open_inode(inode_of(entry->ino), file);
    if (error != 0) {
        inodes_forget(inode_of(entry->ino), 1);
    }
    return error;
}

void disk_create(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode,
                 struct fuse_file_info *file)
{
    struct fuse_entry_param entry;
    int error = create(inode_of(parent), name, mode, &entry, file);
    if (error != 0) {
        (void)fuse_reply_err(request, error);
    } else if (fuse_reply_create(request, &entry, file) != 0) {
        (void)close((int)file->fh);
        inodes_forget(inode_of(entry.ino), 1);
    }
}

/* ---- folders
 * ---------------------------------------------------------------------------------------------- */

void disk_opendir(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *file)
{
    int fd = openat(inode_of(ino)->fd, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    DIR *folder = fd >= 0 ? fdopendir(fd) : NULL;
    if (folder == NULL) {
        answer(request, -1);
        if (fd >= 0) {
            (void)close(fd);
        }
        return;
    }
    file->fh = (uint64_t)(uintptr_t)folder;
    if (fuse_reply_open(request, file) != 0) {
        (void)closedir(folder);
    }
}

static DIR *folder_of(const struct fuse_file_info *file)
{
    return (DIR *)(uintptr_t)file->fh;
}

/* As many entries as go into the buffer; the first that does not is read again next time. */
static size_t list(fuse_req_t request, DIR *folder, char *buffer, size_t bytes)
{
    size_t used = 0;
    for (;;) {
        long place = telldir(folder);
        struct dirent *entry = readdir(folder);
        if (entry == NULL) {
            return used;
        }
        struct stat kind = {.st_ino = entry->d_ino, .st_mode = (mode_t)entry->d_type << 12};
        size_t need = fuse_add_direntry(request, buffer + used, bytes - used, entry->d_name, &kind,
                                        telldir(folder));
        if (need > bytes - used) {
            seekdir(folder, place);
            return used;
        }
        used += need;
    }
}

void disk_readdir(fuse_req_t request, fuse_ino_t ino, size_t bytes, off_t offset,
                  struct fuse_file_info *file)
{
    (void)ino;
    char *buffer = malloc(bytes);
    if (buffer == NULL) {
        (void)fuse_reply_err(request, ENOMEM);
        return;
    }
    seekdir(folder_of(file), offset);
    (void)fuse_reply_buf(request, buffer, list(request, folder_of(file), buffer, bytes));
    free(buffer);
}

void disk_releasedir(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *file)
{
    (void)ino;
    answer(request, closedir(folder_of(file)));
}

void disk_fsyncdir(fuse_req_t request, fuse_ino_t ino, int data_only, struct fuse_file_info *file)
{
    (void)ino;
    (void)data_only;
    switches_counted(FAULTY_SYNCS);
    int error = switches_sync_error();
    if (error != 0) {
        (void)fuse_reply_err(request, error);
        return;
    }
    if (fsync(dirfd(folder_of(file))) != 0) {
        answer(request, -1);
        return;
    }
    journal_synced();
    inodes_sweep();
    (void)fuse_reply_err(request, 0);
}
