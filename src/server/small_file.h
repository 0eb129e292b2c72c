/* Small files that are read whole and replaced whole: what a data folder holds beside the data. */
#ifndef SERVER_SMALL_FILE_H
#define SERVER_SMALL_FILE_H

#include "base/buffer.h"

/* Appends the file's content: 0; 1 when there is none; SHOAL_ETOOBIG over `len_max`; SHOAL_EIO (and
 * errno), SHOAL_ENOMEM. */
int small_file_read(int folder_fd, const char *name, size_t len_max, struct buffer *out);

/* Replaces the file so that after any crash the old content or the new one is there; durable when
 * it returns 0. SHOAL_ENOSPC, SHOAL_EIO (and errno): the old one is still there. */
int small_file_store(int folder_fd, const char *name, struct bytes content);

/* Writes all of it from where the file stands, however many calls that takes: 0, or -1 and errno.
 */
int small_file_write(int fd, struct bytes bytes);

#endif
