/* See faulty_calls.h: what is done to attributes and content, and where the switches count. */
#include "faulty_calls.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "faulty_switches.h"

#define BLOCK_BYTES UINT64_C(4096)

/* ---- space
 * ------------------------------------------------------------------------------------------------
 */

static uint64_t taken_bytes(int fd)
{
    struct stat status;
    return fstat(fd, &status) == 0 ? (uint64_t)status.st_blocks * 512 : 0;
}

/* Space for a file up to there: what it has reserved it may fill on a full disk, too. */
static int take_up_to(int fd, uint64_t end)
{
    uint64_t left;
    if (!switches_full(&left)) {
        return 0;
    }
    uint64_t need = (end + BLOCK_BYTES - 1) / BLOCK_BYTES * BLOCK_BYTES;
    uint64_t has = taken_bytes(fd);
    return need > has ? switches_take(need - has) : 0;
}

static void gave_back(uint64_t before, uint64_t after)
{
    switches_give_back(before > after ? before - after : 0);
}

/* ---- attributes
 * ------------------------------------------------------------------------------------------- */

int status_of(const struct inode *inode, struct stat *out)
{
    if (fstat(inode->fd, out) != 0) {
        return errno;
    }
    out->st_ino = inode->number;
    return 0;
}

static void answer_attributes(fuse_req_t request, const struct inode *inode)
{
    struct stat status;
    int error = status_of(inode, &status);
    if (error != 0) {
        (void)fuse_reply_err(request, error);
    } else {
        (void)fuse_reply_attr(request, &status, FOREVER_S);
    }
}

void disk_getattr(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *file)
{
    (void)file;
    answer_attributes(request, inode_of(ino));
}

static int set_size(struct inode *inode, const char *path, uint64_t bytes)
{
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    inode_lock(inode);
    uint64_t before = taken_bytes(fd);
    int error = undo_note(&inode->undo, fd, bytes, UINT64_MAX);
    if (error == 0 && ftruncate(fd, (off_t)bytes) != 0) {
        error = errno;
    }
    gave_back(before, taken_bytes(fd));
    inode_unlock(inode);
    (void)close(fd);
    return error;
}

static int set_times(const char *path, const struct stat *to, int which)
{
    struct timespec times[2] = {{.tv_nsec = UTIME_OMIT}, {.tv_nsec = UTIME_OMIT}};
    if ((which & FUSE_SET_ATTR_ATIME) != 0) {
        times[0] = to->st_atim;
    }
    if ((which & FUSE_SET_ATTR_MTIME) != 0) {
        times[1] = to->st_mtim;
    }
    if ((which & FUSE_SET_ATTR_ATIME_NOW) != 0) {
        times[0].tv_nsec = UTIME_NOW;
    }
    if ((which & FUSE_SET_ATTR_MTIME_NOW) != 0) {
        times[1].tv_nsec = UTIME_NOW;
    }
    return utimensat(AT_FDCWD, path, times, 0) == 0 ? 0 : errno;
}

static int set_attributes(struct inode *inode, const struct stat *to, int which)
{
    char path[INODE_PATH_BYTES];
    inode_path(inode, path);
    if ((which & FUSE_SET_ATTR_MODE) != 0 && chmod(path, to->st_mode) != 0) {
        return errno;
    }
    uid_t owner = (which & FUSE_SET_ATTR_UID) != 0 ? to->st_uid : (uid_t)-1;
    gid_t group = (which & FUSE_SET_ATTR_GID) != 0 ? to->st_gid : (gid_t)-1;
    if ((which & (FUSE_SET_ATTR_UID | FUSE_SET_ATTR_GID)) != 0 && chown(path, owner, group) != 0) {
        return errno;
    }
    int error = 0;
    if ((which & FUSE_SET_ATTR_SIZE) != 0) {
        error = set_size(inode, path, (uint64_t)to->st_size);
    }
    if (error == 0 && (which & (FUSE_SET_ATTR_ATIME | FUSE_SET_ATTR_MTIME |
                                FUSE_SET_ATTR_ATIME_NOW | FUSE_SET_ATTR_MTIME_NOW)) != 0) {
        error = set_times(path, to, which);
    }
    return error;
}

void disk_setattr(fuse_req_t request, fuse_ino_t ino, struct stat *to, int which,
                  struct fuse_file_info *file)
{
    (void)file;
    int error = set_attributes(inode_of(ino), to, which);
    if (error != 0) {
        (void)fuse_reply_err(request, error);
    } else {
        answer_attributes(request, inode_of(ino));
    }
}

void disk_statfs(fuse_req_t request, fuse_ino_t ino)
{
    struct statvfs space;
    uint64_t left;
    if (fstatvfs(inode_of(ino)->fd, &space) != 0) {
        answer(request, -1);
        return;
    }
    if (switches_full(&left)) {
        space.f_bfree = left / space.f_frsize;
        space.f_bavail = space.f_bfree;
    }
    (void)fuse_reply_statfs(request, &space);
}

/* ---- files
 * ------------------------------------------------------------------------------------------------
 */

/* Readable in any case: what is overwritten is read first. */
static int open_flags(int flags)
{
    flags &= ~(O_APPEND | O_NOFOLLOW | O_TRUNC | O_CREAT | O_EXCL | O_ACCMODE);
    return flags | O_RDWR | O_CLOEXEC;
}

int open_inode(struct inode *inode, struct fuse_file_info *file)
{
    char path[INODE_PATH_BYTES];
    inode_path(inode, path);
    int fd = open(path, open_flags(file->flags));
    if (fd < 0) {
        return errno;
    }
    file->fh = (uint64_t)fd;
    file->keep_cache = 1;
    return 0;
}

void disk_open(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *file)
{
    int error = open_inode(inode_of(ino), file);
    if (error != 0) {
        (void)fuse_reply_err(request, error);
    } else if (fuse_reply_open(request, file) != 0) {
        (void)close((int)file->fh);
    }
}

void disk_release(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *file)
{
    (void)ino;
    answer(request, close((int)file->fh));
}

void disk_read(fuse_req_t request, fuse_ino_t ino, size_t bytes, off_t offset,
               struct fuse_file_info *file)
{
    switches_counted(FAULTY_READS);
    char name[INODE_NAME_BYTES];
    inodes_name(inode_of(ino), name);
    int error = switches_read_error(name);
    char *data = error == 0 ? malloc(bytes) : NULL;
    ssize_t got = data != NULL ? pread((int)file->fh, data, bytes, offset) : -1;
    if (got < 0) {
        (void)fuse_reply_err(request, error != 0 ? error : errno);
    } else {
        switches_pay_read((uint64_t)got);
        (void)fuse_reply_buf(request, data, (size_t)got);
    }
    free(data);
}

static ssize_t write_inode(struct inode *inode, int fd, const char *data, size_t bytes,
                           off_t offset)
{
    char name[INODE_NAME_BYTES];
    inodes_name(inode, name);
    int error = switches_write_error(name);
    if (error == 0) {
        error = take_up_to(fd, (uint64_t)offset + bytes);
    }
    if (error == 0) {
        error = undo_note(&inode->undo, fd, (uint64_t)offset, bytes);
    }
    if (error != 0) {
        errno = error;
        return -1;
    }
    return pwrite(fd, data, bytes, offset);
}

void disk_write(fuse_req_t request, fuse_ino_t ino, const char *data, size_t bytes, off_t offset,
                struct fuse_file_info *file)
{
    struct inode *inode = inode_of(ino);
    switches_counted(FAULTY_WRITES);
    inode_lock(inode);
    ssize_t done =
        inodes_are_dead() ? (ssize_t)bytes : write_inode(inode, (int)file->fh, data, bytes, offset);
    int error = errno;
    inode_unlock(inode);
    if (done < 0) {
        (void)fuse_reply_err(request, error);
        return;
    }
    switches_pay_write(&inode->owed, (uint64_t)done);
    (void)fuse_reply_write(request, (size_t)done);
}

void disk_fallocate(fuse_req_t request, fuse_ino_t ino, int mode, off_t offset, off_t length,
                    struct fuse_file_info *file)
{
    struct inode *inode = inode_of(ino);
    int fd = (int)file->fh;
    bool takes = (mode & FALLOC_FL_PUNCH_HOLE) == 0;
    char name[INODE_NAME_BYTES];
    inodes_name(inode, name);
    int error = takes ? switches_write_error(name) : 0;
    inode_lock(inode);
    if (error == 0 && takes) {
        error = take_up_to(fd, (uint64_t)offset + (uint64_t)length);
    }
    uint64_t before = taken_bytes(fd);
    if (error == 0) {
        error = undo_note(&inode->undo, fd, (uint64_t)offset, (uint64_t)length);
    }
    if (error == 0 && fallocate(fd, mode, offset, length) != 0) {
        error = errno;
    }
    gave_back(before, taken_bytes(fd));
    inode_unlock(inode);
    (void)fuse_reply_err(request, error);
}

void disk_flush(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *file)
{
    (void)ino;
    (void)file;
    (void)fuse_reply_err(request, 0);
}

static int sync_inode(struct inode *inode, int fd, int data_only)
{
    int error = switches_sync_error();
    if (error != 0) {
        int failed = undo_sync_failed(&inode->undo, fd);
        return failed != 0 ? failed : error;
    }
    if ((data_only ? fdatasync(fd) : fsync(fd)) != 0) {
        return errno;
    }
    return undo_synced(&inode->undo, fd);
}

void disk_fsync(fuse_req_t request, fuse_ino_t ino, int data_only, struct fuse_file_info *file)
{
    struct inode *inode = inode_of(ino);
    switches_counted(FAULTY_SYNCS);
    switches_pay_sync(&inode->owed);
    inode_lock(inode);
    int error = sync_inode(inode, (int)file->fh, data_only);
    inode_unlock(inode);
    (void)fuse_reply_err(request, error);
}
