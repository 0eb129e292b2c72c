/* A file of the model disk: what processes see of it, what is on stable storage, and the changes in
 * between, in order. A sync makes the two equal; a power loss decides the fate of each change.
 *
 *      held --(write)--(truncate)--(write)--> seen
 *      on the platter     not synced          in the page cache
 *
 * Runs out of memory by assertion: the disk's own needs are none of the tested code's business. */
#ifndef SUPPORT_MODEL_FILE_H
#define SUPPORT_MODEL_FILE_H

#include "base/bytes.h"
#include "base/queue.h"
#include "base/random.h"

#define MODEL_SECTOR_BYTES 512u

/* Content; zeros from len up to size, which need no memory. */
struct model_content {
    uint8_t *data;
    size_t len;
    size_t capacity;
    uint64_t size;
};

struct model_file {
    uint32_t refs;   /* names, undecided names, open handles */
    uint64_t number; /* the inode's */
    uint64_t change; /* its change time: grows with everything done to it */
    struct model_content seen;
    struct model_content held;
    struct queue changes; /* of struct model_change, oldest first */
};

struct model_change {
    struct queue link;
    uint64_t order; /* among all changes of the disk */
    bool resize;    /* to `offset` bytes; else a write */
    uint64_t offset;
    size_t len;
    uint8_t bytes[];
};

/* What becomes of a change when the power goes. */
enum model_fate { MODEL_KEPT, MODEL_DROPPED, MODEL_TORN, MODEL_CORRUPTED };

struct model_file *model_file_new(uint64_t number);
struct model_file *model_file_ref(struct model_file *file);
void model_file_unref(struct model_file *file); /* NULL is fine */

void model_file_write(struct model_file *file, uint64_t order, uint64_t offset, struct bytes bytes);
void model_file_resize(struct model_file *file, uint64_t order, uint64_t size);
/* As much as there is, up to len. */
size_t model_file_read(const struct model_file *file, uint64_t offset, void *out, size_t len);

/* All changes are on stable storage. */
void model_file_sync(struct model_file *file);

/* The oldest change goes that way; a torn write keeps a prefix or any of its sectors. */
void model_file_decide(struct model_file *file, enum model_fate fate, struct random *random);

/* What processes see is what is on stable storage; all changes have been decided. */
void model_file_settle(struct model_file *file);

/* Flips a bit, in memory and on stable storage. */
void model_file_flip(struct model_file *file, uint64_t offset, unsigned bit);

/* The content of `from`, as processes see it, all of it synced. */
void model_file_copy(struct model_file *file, const struct model_file *from, uint64_t bytes_max);

#endif
