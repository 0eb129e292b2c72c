/* Between the files of unit_redo (the end of what a run before has left half done):
 *
 *      unit_redo.c         its course, and what workers tell each other of it
 *      unit_redo_find.c    the records of a worker: finding them, and removing them
 *      unit_redo_write.c   their changes, where the keys are */
#ifndef NODE_UNIT_REDO_INSIDE_H
#define NODE_UNIT_REDO_INSIDE_H

#include "node/core.h"
#include "node/unit_change.h"

enum redo_step {
    REDO_HERE,  /* to worker 0: I have adopted, and have `records` */
    REDO_GO,    /* all have: begin */
    REDO_ASK,   /* is it decided? */
    REDO_TOLD,  /* `decided` */
    REDO_WRITE, /* these changes, as far as the keys are yours */
    REDO_WROTE, /* and it is durable */
    REDO_READY, /* to worker 0: nothing is left here */
    REDO_OPEN,  /* at nobody's */
};

struct letter_redo {
    struct letter letter;
    struct queue waiting; /* among the asked worker's asks */
    enum redo_step step;
    struct redo_item *item; /* whose it is about, of the asking worker */
    bool records;
    bool decided;
    struct unit_record record;
    size_t len;
    uint8_t bytes[]; /* the record's changes */
};

/* A record that was found. */
struct redo_item {
    struct queue link;
    struct unit_record record; /* its changes lie behind it */
    uint32_t partition;
    uint32_t away; /* workers that write it */
    uint8_t bytes[];
};

struct unit_redo {
    struct worker *worker;
    struct queue items;
    struct queue asks; /* letters that came before all was found */
    uint32_t walked;   /* partitions */
    uint64_t walked_up_to;
    uint32_t away; /* items that wait for others */
    uint32_t done; /* items that were done again */
    int code;
    bool walking;
    struct timer again;
    struct read_waiter reading;
    struct durable_waiter durable;
};

/* ---- unit_redo.c ---- */

/* As the model says, with a copy of its record's changes. False without memory. */
bool redo_post(struct worker *worker, uint32_t to, const struct letter_redo *model);

/* ---- unit_redo_find.c ---- */

/* Has any partition of this worker a record? */
bool redo_has_records(const struct worker *worker);
/* Makes items of all of them. REPLICA_DONE, REPLICA_PENDING, or why not: then again. */
int redo_find(struct unit_redo *redo);
/* Are all records of the same there? */
bool redo_whole(const struct unit_redo *redo, const struct redo_item *item);
/* Appends the changes of all records of the same: 0 or SHOAL_ENOMEM. */
int redo_gather(const struct unit_redo *redo, const struct redo_item *item, struct buffer *changes);
/* Is there a decision for it? */
bool redo_decided(const struct unit_redo *redo, const struct unit_record *record);
/* Removes all records but decisions, and their items: 0, or why not all of them. */
int redo_remove_all(struct unit_redo *redo);
/* Decisions, too, once nobody asks for them any more; the items stay. */
void redo_remove_decisions(struct unit_redo *redo);
void redo_free_items(struct unit_redo *redo);

/* ---- unit_redo_write.c ---- */

/* Has the worker of this index keys of the record? */
bool redo_concerns(const struct worker *worker, const struct unit_record *record, uint32_t index);
/* Writes the changes of keys that are this worker's, and says so to who has asked for it once that
 * is durable. */
void redo_write(struct worker *worker, const struct letter_redo *letter);

#endif
