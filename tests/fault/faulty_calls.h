/* The calls that the file system passes on, by what they are about: names (faulty_names.c),
 * attributes and content (faulty_files.c). As fuse_lowlevel.h has them. */
#ifndef FAULT_FAULTY_CALLS_H
#define FAULT_FAULTY_CALLS_H

#define FUSE_USE_VERSION 312

#include <errno.h>
#include <fuse_lowlevel.h>

#include "faulty_inodes.h"

#define FOREVER_S 1e9 /* nobody else changes the files, so the kernel need never ask again */

/* 0, or what errno says. */
static inline void answer(fuse_req_t request, int result)
{
    (void)fuse_reply_err(request, result == 0 ? 0 : errno);
}

/* 0 or an errno. */
int status_of(const struct inode *inode, struct stat *out);
/* Opens it for `file`: 0 or an errno. */
int open_inode(struct inode *inode, struct fuse_file_info *file);

void disk_lookup(fuse_req_t request, fuse_ino_t parent, const char *name);
void disk_forget(fuse_req_t request, fuse_ino_t ino, uint64_t lookups);
void disk_mkdir(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode);
void disk_unlink(fuse_req_t request, fuse_ino_t parent, const char *name);
void disk_rmdir(fuse_req_t request, fuse_ino_t parent, const char *name);
void disk_rename(fuse_req_t request, fuse_ino_t parent, const char *name, fuse_ino_t to_parent,
                 const char *to_name, unsigned flags);
void disk_link(fuse_req_t request, fuse_ino_t ino, fuse_ino_t to_parent, const char *to_name);
void disk_create(fuse_req_t request, fuse_ino_t parent, const char *name, mode_t mode,
                 struct fuse_file_info *file);
void disk_opendir(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *file);
void disk_readdir(fuse_req_t request, fuse_ino_t ino, size_t bytes, off_t offset,
                  struct fuse_file_info *file);
void disk_releasedir(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *file);
void disk_fsyncdir(fuse_req_t request, fuse_ino_t ino, int data_only, struct fuse_file_info *file);

void disk_getattr(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *file);
void disk_setattr(fuse_req_t request, fuse_ino_t ino, struct stat *to, int which,
                  struct fuse_file_info *file);
void disk_statfs(fuse_req_t request, fuse_ino_t ino);
void disk_open(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *file);
void disk_release(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *file);
void disk_read(fuse_req_t request, fuse_ino_t ino, size_t bytes, off_t offset,
               struct fuse_file_info *file);
void disk_write(fuse_req_t request, fuse_ino_t ino, const char *data, size_t bytes, off_t offset,
                struct fuse_file_info *file);
void disk_fallocate(fuse_req_t request, fuse_ino_t ino, int mode, off_t offset, off_t length,
                    struct fuse_file_info *file);
void disk_flush(fuse_req_t request, fuse_ino_t ino, struct fuse_file_info *file);
void disk_fsync(fuse_req_t request, fuse_ino_t ino, int data_only, struct fuse_file_info *file);

#endif
