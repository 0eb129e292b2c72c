/* A tail on a model disk, with jobs that run by hand, beside a record of every event that was ever
 * put into it: nothing that it tells may differ from that, in whichever life it was written. */
#ifndef SUPPORT_TAIL_RIG_H
#define SUPPORT_TAIL_RIG_H

#include "base/buffer.h"
#include "storage/tail.h"
#include "support/manual_offload.h"
#include "support/model_disk.h"

#define TAIL_RIG_VALUE_BYTES_MAX 3000u

/* What is in an event is nothing to a tail. */
#define TAIL_RIG_PUT 1u
#define TAIL_RIG_DELETE 2u

struct tail_rig_event {
    uint64_t id;
    uint64_t position;
    uint64_t stamp; /* what is in it */
    bool memory;    /* there was no disk for it */
    bool durable;   /* no end of the process or the machine takes it away, but trimming does */
};

struct tail_rig {
    struct random random;
    struct model_disk *disk; /* NULL: memory alone */
    struct manual_offload offload;
    struct tail *tail;
    uint64_t bytes_max;
    uint64_t now_us;
    uint32_t life;
    bool healthy; /* since the last opening no call of the disk has failed */
    struct tail_rig_event *events;
    uint32_t count;
    uint32_t capacity;
    uint32_t first_of_life; /* in `events` */
    struct buffer page;
};

/* What a look through all of it found. */
struct tail_rig_look {
    uint64_t events;
    uint64_t crash_marks;
    uint64_t holes;  /* places where positions are missing */
    uint64_t errors; /* places that could not be read */
    uint64_t first, end;
};

void tail_rig_init(struct tail_rig *rig, uint64_t seed, bool on_disk, uint64_t bytes_max);
void tail_rig_deinit(struct tail_rig *rig);

void tail_rig_open(struct tail_rig *rig);
/* In good order. */
void tail_rig_close(struct tail_rig *rig);
void tail_rig_crash(struct tail_rig *rig, enum model_crash how);

/* The next event, of a size that is drawn. */
void tail_rig_append(struct tail_rig *rig);
/* What was appended so far is synced, whatever that takes. */
void tail_rig_sync(struct tail_rig *rig);

/* Reads everything from the position on, page by page, and asserts that each event is the one that
 * was put there. */
struct tail_rig_look tail_rig_look(struct tail_rig *rig, uint64_t position);
/* The same, and that nothing is missing that should be there. */
struct tail_rig_look tail_rig_check(struct tail_rig *rig);

#endif
