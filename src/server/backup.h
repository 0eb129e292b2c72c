/* Backups of the running node. One is made at a time, by a thread of its own, which lives for as
 * long as that takes:
 *
 *      DIR made --> engines put their copies into DIR/log (links to what never changes, so this is
 *      quick and takes no space at first) --> node.record --> everything read and summed up
 *      --> backup.json --> storage.json, without which nothing can be started from DIR
 *
 * What fails is told to whoever asks, and the folder is emptied again. */
#ifndef SERVER_BACKUP_H
#define SERVER_BACKUP_H

#include "api/native.h"
#include "net/net.h"
#include "server/config.h"

struct backup;

struct backup_options {
    const struct config *config; /* borrowed, as the rest */
    int folder_fd;               /* data_dir */
};

/* 0, SHOAL_ENOMEM. */
int backup_new(const struct backup_options *options, struct backup **out);

/* Once there are loops, before they run. */
void backup_attach(struct backup *backup, struct net *net);

/* How the surfaces reach it. */
struct native_backup backup_port(struct backup *backup);

/* The node is about to stop: what is being read is given up. Any thread. */
void backup_stop(struct backup *backup);
/* After the loops are over: waits for the thread; nothing is being made any more. */
void backup_join(struct backup *backup);
/* After the workers are freed; NULL is fine. */
void backup_free(struct backup *backup);

#endif
