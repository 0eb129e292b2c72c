/* The node's folder: made when it isn't there, locked while a node uses it, so that two processes
 * never take one another's record; and the file that tells which ports were taken, for scripts that
 * configure port 0. */
#ifndef SERVER_DATA_FOLDER_H
#define SERVER_DATA_FOLDER_H

#include "base/bytes.h"

struct data_folder {
    int fd;
    int lock_fd;
};

#define DATA_FOLDER_NONE ((struct data_folder){.fd = -1, .lock_fd = -1})

/* 0; or SHOAL_EIO, SHOAL_ECONFLICT (another process has it) and a text. */
int data_folder_open(const char *path, struct data_folder *out, char text[512]);
/* The same for a folder that must be there, for tools that only read: nothing is made in it. */
int data_folder_open_existing(const char *path, struct data_folder *out, char text[512]);
/* Lets go of the lock. */
void data_folder_close(struct data_folder *folder);

/* Replaces a small file whole; for what may be lost in a crash. 0 or SHOAL_EIO. */
int data_folder_write(const struct data_folder *folder, const char *name, struct bytes content);
/* Whether there is nothing in the folder; false when that can't be seen. */
bool data_folder_is_empty(int fd);
/* Removes it; harmless if it isn't there. */
void data_folder_remove(const struct data_folder *folder, const char *name);

#endif
