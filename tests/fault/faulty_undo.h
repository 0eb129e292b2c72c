/* What a power cut takes from a file: its content as it was when it was last synced, kept page by
 * page as it is overwritten. Pages that a failed sync was about are lost for good, as on Linux: a
 * later sync that succeeds does not save them, only writing them again does. One thread at a time,
 * but for different files. */
#ifndef FAULT_FAULTY_UNDO_H
#define FAULT_FAULTY_UNDO_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct undo_page;

struct undo {
    struct undo_page *pages; /* by their place in the file */
    uint64_t count;
    uint64_t capacity;
    bool changed;           /* since the last sync; only then what follows says something */
    uint64_t bytes_durable; /* how long the file was then */
};

/* The file is about to be changed in this range; by a new length, from that on (UINT64_MAX bytes).
 * 0 or an errno, and then nothing may be changed. */
int undo_note(struct undo *undo, int fd, uint64_t offset, uint64_t bytes);
/* 0 or an errno, and then as if nothing had been said. */
int undo_synced(struct undo *undo, int fd);
int undo_sync_failed(struct undo *undo, int fd);
bool undo_is_empty(const struct undo *undo);

/* The power is gone: the file is as it was. With `torn` some of the pages had been written all the
 * same, each by the toss of a coin of *random. 0 or an errno. */
int undo_power_cut(struct undo *undo, int fd, bool torn, unsigned *random);
void undo_deinit(struct undo *undo);

#endif
