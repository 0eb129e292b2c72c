/* The files and folders that the kernel knows, each with a descriptor of the real one, and with
 * what the faulty disk keeps of it. One that has changes which are not synced stays, whether the
 * kernel knows it or not. */
#ifndef FAULT_FAULTY_INODES_H
#define FAULT_FAULTY_INODES_H

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "faulty_undo.h"

#define INODE_NAME_BYTES 64u
#define INODE_PATH_BYTES 64u

struct inode {
    struct inode *next; /* of those with the same hash */
    uint64_t lookups;
    int fd; /* O_PATH */
    ino_t ino;
    uint64_t number;             /* what it is shown as */
    char name[INODE_NAME_BYTES]; /* its first, or what it was renamed to: see inodes_name */
    pthread_mutex_t lock;        /* for what follows */
    struct undo undo;
    uint64_t owed; /* see switches_pay_write, which looks after it */
};

/* 0, or -1 with errno. */
int inodes_init(const char *folder);

/* What `parent` has under the name, and one lookup of the kernel's more: 0 or an errno. */
int inodes_lookup(struct inode *parent, const char *name, struct inode **out);
void inodes_forget(struct inode *inode, uint64_t lookups);

/* What is there under the name now has this one. */
void inodes_renamed(struct inode *parent, const char *name);
/* Its name, of a long one the end. */
void inodes_name(struct inode *inode, char out[INODE_NAME_BYTES]);

void inode_lock(struct inode *inode);
void inode_unlock(struct inode *inode);

/* A path by which to open it. */
void inode_path(const struct inode *inode, char out[INODE_PATH_BYTES]);

/* Lets go of those that nobody knows any more and that have no name. */
void inodes_sweep(void);

/* The power is cut. First the kernel is told by `invalidate`, of each inode, to forget what it
 * knows; what it writes back for that, while inodes_are_dead, is ignored. Then everything is as it
 * was synced; see undo_power_cut for `torn`. 0 or an errno. */
int inodes_power_cut(void (*invalidate)(uint64_t ino), bool torn, unsigned random);
bool inodes_are_dead(void);

/* As the kernel names them. */
struct inode *inode_of(uint64_t ino);
uint64_t inode_to_fuse(struct inode *inode);

#endif
