/* A folder of the model disk: names as processes see them, names that are on stable storage, and
 * the creations, renames and removals in between. Until the folder is synced each of them may come
 * true or not, in any combination; a rename may also leave both names behind. */
#ifndef SUPPORT_MODEL_FOLDER_H
#define SUPPORT_MODEL_FOLDER_H

#include "storage/disk.h"
#include "support/model_file.h"

struct model_name {
    char name[DISK_NAME_BYTES];
    struct model_file *file; /* a reference of its own */
};

struct model_names {
    struct model_name *all;
    size_t count;
    size_t capacity;
};

struct model_folder {
    struct model_names seen;
    struct model_names held;
    struct queue steps; /* of struct model_step, oldest first */
};

struct model_step {
    struct queue link;
    uint64_t order;
    char from[DISK_NAME_BYTES]; /* a name that goes, or "" */
    char to[DISK_NAME_BYTES];   /* a name that comes, or "" */
    struct model_file *file;    /* what it stands for */
};

void model_folder_init(struct model_folder *folder);
void model_folder_deinit(struct model_folder *folder);

/* The file, or NULL. */
struct model_file *model_names_find(const struct model_names *names, const char *name);

/* Something happens to names: `from` goes or `to` comes, or both; "" for none. */
void model_folder_step(struct model_folder *folder, uint64_t order, const char *from,
                       const char *to, struct model_file *file);

/* All steps are on stable storage. */
void model_folder_sync(struct model_folder *folder);
/* The oldest step goes that way; a torn one leaves both names. */
void model_folder_decide(struct model_folder *folder, enum model_fate fate);
/* What processes see is what is on stable storage; all steps have been decided. */
void model_folder_settle(struct model_folder *folder);

/* Puts a name there, on stable storage as well. */
void model_folder_put(struct model_folder *folder, const char *name, struct model_file *file);

#endif
