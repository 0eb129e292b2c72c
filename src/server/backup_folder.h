/* The folder that a backup is made into: empty or not there before, and again when it fails. */
#ifndef SERVER_BACKUP_FOLDER_H
#define SERVER_BACKUP_FOLDER_H

#include "server/manifest.h"

struct backup_folder {
    int fd;
    bool made;             /* it was not there before */
    const char *path;      /* borrowed */
    const char *data_name; /* of the folder in it for the engines' copies; borrowed */
};

#define BACKUP_FOLDER_NONE ((struct backup_folder){.fd = -1})

/* Makes the folder (its parent must be there), or takes it if it is empty, and the one in it for
 * data. 0; SHOAL_EINVAL, SHOAL_ECONFLICT, SHOAL_ENOSPC, SHOAL_EIO and a text: all is as it was. */
int backup_folder_open(struct backup_folder *out, const char *path, const char *data_name,
                       const char *data_dir, char text[MANIFEST_TEXT_BYTES]);

/* The names in the folder for data are durable. 0, SHOAL_EIO. */
int backup_folder_sync_data(const struct backup_folder *folder, char text[MANIFEST_TEXT_BYTES]);

/* Removes what is in it, and the folder itself if it was made, as far as possible. */
void backup_folder_empty(const struct backup_folder *folder);
void backup_folder_close(struct backup_folder *folder);

#endif
