/* See faulty_inodes.h. FUSE tells nobody when a file was born, by which shoal-server knows a file
 * from its copy that got the same inode later. So the number shown is made of both. */
#include "faulty_inodes.h"

#include <errno.h>
#include <fcntl.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "faulty_journal.h"
#include "faulty_switches.h"

#define ROOT UINT64_C(1) /* FUSE_ROOT_ID */
#define BUCKETS 1024u

static struct {
    pthread_mutex_t lock; /* of the table, the lookups and the names */
    struct inode *buckets[BUCKETS];
    struct inode root;
    atomic_bool dead;
} inodes = {.lock = PTHREAD_MUTEX_INITIALIZER};

static void lock(pthread_mutex_t *mutex)
{
    if (pthread_mutex_lock(mutex) != 0) {
        abort();
    }
}

static void unlock(pthread_mutex_t *mutex)
{
    if (pthread_mutex_unlock(mutex) != 0) {
        abort();
    }
}

void inode_lock(struct inode *inode)
{
    lock(&inode->lock);
}

void inode_unlock(struct inode *inode)
{
    unlock(&inode->lock);
}

/* 0 or an errno. */
static int inode_init(struct inode *inode, int fd)
{
    struct statx status;
    if (statx(fd, "", AT_EMPTY_PATH, STATX_INO | STATX_BTIME, &status) != 0) {
        return errno;
    }
    uint64_t born = (uint64_t)status.stx_btime.tv_sec * 1000000000 + status.stx_btime.tv_nsec;
    inode->fd = fd;
    inode->ino = status.stx_ino;
    inode->number = status.stx_ino ^ born * UINT64_C(0x9E3779B97F4A7C15);
    return pthread_mutex_init(&inode->lock, NULL);
}

int inodes_init(const char *folder)
{
    int parent = open(folder, O_PATH | O_DIRECTORY | O_CLOEXEC);
    if (parent < 0) {
        return -1;
    }
    int fd = openat(parent, "files", O_PATH | O_DIRECTORY | O_CLOEXEC);
    int error = fd < 0 ? errno : inode_init(&inodes.root, fd);
    if (error == 0) {
        error = journal_init(parent);
    }
    (void)close(parent);
    errno = error;
    return error == 0 ? 0 : -1;
}

struct inode *inode_of(uint64_t ino)
{
    return ino == ROOT ? &inodes.root : (struct inode *)(uintptr_t)ino;
}

uint64_t inode_to_fuse(struct inode *inode)
{
    return inode == &inodes.root ? ROOT : (uint64_t)(uintptr_t)inode;
}

void inode_path(const struct inode *inode, char out[INODE_PATH_BYTES])
{
    (void)snprintf(out, INODE_PATH_BYTES, "/proc/self/fd/%d", inode->fd);
}

static struct inode **bucket_of(ino_t ino)
{
    return &inodes.buckets[(ino ^ ino >> 10) % BUCKETS];
}

/* With the table locked. */
static struct inode *find(ino_t ino)
{
    struct inode *inode = *bucket_of(ino);
    while (inode != NULL && inode->ino != ino) {
        inode = inode->next;
    }
    return inode;
}

static void set_name(struct inode *inode, const char *name)
{
    size_t length = strlen(name);
    size_t skip = length < INODE_NAME_BYTES ? 0 : length + 1 - INODE_NAME_BYTES;
    (void)memcpy(inode->name, name + skip, length - skip + 1);
}

void inodes_name(struct inode *inode, char out[INODE_NAME_BYTES])
{
    lock(&inodes.lock);
    (void)memcpy(out, inode->name, INODE_NAME_BYTES);
    unlock(&inodes.lock);
}

/* With the table locked; takes the descriptor over, also when it fails. */
static int find_or_add(int fd, const char *name, struct inode **out)
{
    struct stat status;
    if (fstat(fd, &status) != 0) {
        int error = errno;
        (void)close(fd);
        return error;
    }
    struct inode *inode = find(status.st_ino);
    if (inode != NULL) {
        (void)close(fd);
        *out = inode;
        return 0;
    }
    inode = calloc(1, sizeof(*inode));
    int error = inode != NULL ? inode_init(inode, fd) : ENOMEM;
    if (error != 0) {
        free(inode);
        (void)close(fd);
        return error;
    }
    set_name(inode, name);
    inode->next = *bucket_of(inode->ino);
    *bucket_of(inode->ino) = inode;
    *out = inode;
    return 0;
}

int inodes_lookup(struct inode *parent, const char *name, struct inode **out)
{
    int fd = openat(parent->fd, name, O_PATH | O_NOFOLLOW | O_CLOEXEC);
    if (fd < 0) {
        return errno;
    }
    lock(&inodes.lock);
    int error = find_or_add(fd, name, out);
    if (error == 0) {
        (*out)->lookups++;
    }
    unlock(&inodes.lock);
    return error;
}

/* With the table locked. */
static void drop(struct inode *inode)
{
    struct inode **at = bucket_of(inode->ino);
    while (*at != inode) {
        at = &(*at)->next;
    }
    *at = inode->next;
    switches_forgive(&inode->owed);
    undo_deinit(&inode->undo);
    (void)close(inode->fd);
    (void)pthread_mutex_destroy(&inode->lock);
    free(inode);
}

void inodes_forget(struct inode *inode, uint64_t lookups)
{
    if (inode == &inodes.root) {
        return;
    }
    lock(&inodes.lock);
    inode->lookups -= lookups;
    if (inode->lookups == 0 && undo_is_empty(&inode->undo)) {
        drop(inode);
    }
    unlock(&inodes.lock);
}

void inodes_renamed(struct inode *parent, const char *name)
{
    struct stat status;
    if (fstatat(parent->fd, name, &status, AT_SYMLINK_NOFOLLOW) != 0) {
        return; /* it is gone already */
    }
    lock(&inodes.lock);
    struct inode *inode = find(status.st_ino);
    if (inode != NULL) {
        set_name(inode, name);
    }
    unlock(&inodes.lock);
}

void inodes_sweep(void)
{
    lock(&inodes.lock);
    for (unsigned i = 0; i < BUCKETS; i++) {
        struct inode *inode = inodes.buckets[i];
        while (inode != NULL) {
            struct inode *next = inode->next;
            struct stat status;
            if (inode->lookups == 0 && fstat(inode->fd, &status) == 0 && status.st_nlink == 0) {
                drop(inode);
            }
            inode = next;
        }
    }
    unlock(&inodes.lock);
}

bool inodes_are_dead(void)
{
    return atomic_load(&inodes.dead);
}

/* All that there are, each held by one lookup more; NULL without memory. */
static struct inode **hold_all(size_t *count)
{
    size_t capacity = 0;
    *count = 0;
    lock(&inodes.lock);
    for (unsigned i = 0; i < BUCKETS; i++) {
        for (struct inode *inode = inodes.buckets[i]; inode != NULL; inode = inode->next) {
            capacity++;
        }
    }
    struct inode **all = calloc(capacity + 1, sizeof(struct inode *));
    for (unsigned i = 0; all != NULL && i < BUCKETS; i++) {
        for (struct inode *inode = inodes.buckets[i]; inode != NULL; inode = inode->next) {
            inode->lookups++;
            all[(*count)++] = inode;
        }
    }
    unlock(&inodes.lock);
    return all;
}

static int cut_inode(struct inode *inode, bool torn, unsigned *random)
{
    char path[INODE_PATH_BYTES];
    inode_path(inode, path);
    inode_lock(inode);
    int error = 0;
    if (!undo_is_empty(&inode->undo)) {
        int fd = open(path, O_RDWR | O_CLOEXEC);
        error = fd < 0 ? errno : undo_power_cut(&inode->undo, fd, torn, random);
        if (fd >= 0) {
            (void)close(fd);
        }
    }
    inode_unlock(inode);
    return error;
}

int inodes_power_cut(void (*invalidate)(uint64_t ino), bool torn, unsigned random)
{
    size_t count;
    struct inode **all = hold_all(&count);
    if (all == NULL) {
        return ENOMEM;
    }
    atomic_store(&inodes.dead, true);
    invalidate(ROOT);
    for (size_t i = 0; i < count; i++) {
        invalidate(inode_to_fuse(all[i]));
    }
    atomic_store(&inodes.dead, false);
    int error = journal_power_cut();
    for (size_t i = 0; i < count; i++) {
        int failed = cut_inode(all[i], torn, &random);
        error = error != 0 ? error : failed;
        inodes_forget(all[i], 1);
    }
    free(all);
    return error;
}
