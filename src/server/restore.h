/* A data_dir that is the copy of a backup, at its first start: checked whole, then taken into use.
 *
 *      storage.json names a backup, backup.json is there    verified; storage.json: no backup, but
 *                                                           behind; backup.json -> restored.json
 *      ... backup.json is not there                         refused: half a copy, or half a backup
 *      storage.json names none, backup.json is there        the last step was cut short: done again
 */
#ifndef SERVER_RESTORE_H
#define SERVER_RESTORE_H

#include "server/storage.h"
#include "server/storage_meta.h"

/* 0: there is nothing to restore, or it is done: *meta is as it is on disk. A negative code and the
 * words for what is wrong. May take long; says in the log how far it is. */
int restore_check(const char *data_dir, int folder_fd, storage_tick tick, struct storage_meta *meta,
                  char text[512]);

#endif
