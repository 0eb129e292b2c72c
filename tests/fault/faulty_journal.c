/* See faulty_journal.h. */
#include "faulty_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ASIDE_BYTES 24u

/* A name that was made, taken away, or given instead of another. */
struct change {
    struct change *before;
    int parent; /* -1: nothing was taken away there */
    char *name;
    int to_parent; /* -1: nothing was made there */
    char *to_name;
    char aside[ASIDE_BYTES]; /* where what was removed or replaced lies; empty: nothing was */
};

static struct {
    pthread_mutex_t lock;
    int gone;
    unsigned long long aside; /* names given out there */
    struct change *newest;
} journal = {.lock = PTHREAD_MUTEX_INITIALIZER, .gone = -1};

static void lock(void)
{
    if (pthread_mutex_lock(&journal.lock) != 0) {
        abort();
    }
}

static void unlock(void)
{
    if (pthread_mutex_unlock(&journal.lock) != 0) {
        abort();
    }
}

int journal_init(int folder)
{
    journal.gone = openat(folder, "gone", O_PATH | O_DIRECTORY | O_CLOEXEC);
    return journal.gone < 0 ? errno : 0;
}

static void change_free(struct change *change)
{
    if (change->parent >= 0) {
        (void)close(change->parent);
    }
    if (change->to_parent >= 0) {
        (void)close(change->to_parent);
    }
    free(change->name);
    free(change->to_name);
    free(change);
}

/* A copy of the folder's descriptor and of the name, if there is one: false without memory or
 * descriptors. */
static bool remember(int parent, const char *name, int *out_parent, char **out_name)
{
    *out_parent = name != NULL ? fcntl(parent, F_DUPFD_CLOEXEC, 0) : -1;
    *out_name = name != NULL ? strdup(name) : NULL;
    return name == NULL || (*out_parent >= 0 && *out_name != NULL);
}

static struct change *change_new(int parent, const char *name, int to_parent, const char *to_name)
{
    struct change *change = calloc(1, sizeof(*change));
    if (change == NULL) {
        return NULL;
    }
    bool from = remember(parent, name, &change->parent, &change->name);
    bool to = remember(to_parent, to_name, &change->to_parent, &change->to_name);
    if (!from || !to) {
        change_free(change);
        return NULL;
    }
    return change;
}

static void push(struct change *change)
{
    change->before = journal.newest;
    journal.newest = change;
}

/* 0, or an errno; ENOENT where there is nothing. */
static int put_aside(struct change *change, int parent, const char *name)
{
    (void)snprintf(change->aside, ASIDE_BYTES, "%llu", journal.aside++);
    if (renameat(parent, name, journal.gone, change->aside) != 0) {
        change->aside[0] = '\0';
        return errno;
    }
    return 0;
}

int journal_created(int parent, const char *name)
{
    struct change *change = change_new(-1, NULL, parent, name);
    if (change == NULL) {
        return ENOMEM;
    }
    lock();
    push(change);
    unlock();
    return 0;
}

int journal_remove(int parent, const char *name)
{
    struct change *change = change_new(parent, name, -1, NULL);
    if (change == NULL) {
        return ENOMEM;
    }
    lock();
    int error = put_aside(change, parent, name);
    if (error == 0) {
        push(change);
    }
    unlock();
    if (error != 0) {
        change_free(change);
    }
    return error;
}

/* With the lock. For a moment there is nothing under the new name: the kernel holds both folders,
 * and nobody else sees it. */
static int rename_noted(struct change *change)
{
    int error = put_aside(change, change->to_parent, change->to_name);
    if (error != 0 && error != ENOENT) {
        return error;
    }
    if (renameat(change->parent, change->name, change->to_parent, change->to_name) == 0) {
        return 0;
    }
    error = errno;
    if (change->aside[0] != '\0' &&
        renameat(journal.gone, change->aside, change->to_parent, change->to_name) != 0) {
        abort();
    }
    return error;
}

int journal_rename(int parent, const char *name, int to_parent, const char *to_name)
{
    struct change *change = change_new(parent, name, to_parent, to_name);
    if (change == NULL) {
        return ENOMEM;
    }
    lock();
    int error = rename_noted(change);
    if (error == 0) {
        push(change);
    }
    unlock();
    if (error != 0) {
        change_free(change);
    }
    return error;
}

/* What lies aside is no longer needed. It is a file, or a folder that was empty. */
static void forget_aside(const struct change *change)
{
    if (change->aside[0] != '\0' && unlinkat(journal.gone, change->aside, 0) != 0) {
        (void)unlinkat(journal.gone, change->aside, AT_REMOVEDIR);
    }
}

void journal_synced(void)
{
    lock();
    while (journal.newest != NULL) {
        struct change *change = journal.newest;
        journal.newest = change->before;
        forget_aside(change);
        change_free(change);
    }
    unlock();
}

static int undo_made(const struct change *change)
{
    if (change->parent >= 0) {
        int result = renameat(change->to_parent, change->to_name, change->parent, change->name);
        return result == 0 ? 0 : errno;
    }
    if (unlinkat(change->to_parent, change->to_name, 0) == 0) {
        return 0;
    }
    int error = errno;
    return unlinkat(change->to_parent, change->to_name, AT_REMOVEDIR) == 0 ? 0 : error;
}

static int undo(const struct change *change)
{
    int error = change->to_parent >= 0 ? undo_made(change) : 0;
    if (error != 0 || change->aside[0] == '\0') {
        return error;
    }
    bool removed = change->to_parent < 0;
    int result = renameat(journal.gone, change->aside, removed ? change->parent : change->to_parent,
                          removed ? change->name : change->to_name);
    return result == 0 ? 0 : errno;
}

int journal_power_cut(void)
{
    int error = 0;
    lock();
    while (journal.newest != NULL) {
        struct change *change = journal.newest;
        journal.newest = change->before;
        int failed = undo(change);
        error = error != 0 ? error : failed;
        change_free(change);
    }
    unlock();
    return error;
}
