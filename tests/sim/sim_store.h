/* A simulated machine's storage, and what its server does about it: the disk, which outlives
 * processes; the volume and the engines of the running one; and how each end of a process, and each
 * mishap, treats the disk. With the memory engine there is no disk. */
#ifndef SIM_STORE_H
#define SIM_STORE_H

#include "sim_options.h"
#include "storage/engine.h"
#include "storage/log_volume.h"
#include "storage/offload.h"
#include "support/model_disk.h"

/* How a process ends. */
enum sim_exit {
    SIM_EXIT_STOP,  /* in good order */
    SIM_EXIT_KILL,  /* the machine goes on, and with it the page cache */
    SIM_EXIT_POWER, /* the machine goes down */
};

struct sim_store_figures {
    uint64_t compacted, scrubbed; /* segments */
    uint64_t damaged;             /* discoveries */
};

struct sim_store {
    const struct sim_store_options *options;
    uint32_t partitions;
    struct random *random;     /* the world's */
    struct model_disk *disk;   /* NULL: the memory engine */
    struct model_disk *copy;   /* an older copy, to be put back some day; NULL: none */
    struct log_volume *volume; /* of the running process */
    uint64_t boot;             /* of the machine's running */
    bool troubled;             /* calls of the disk fail at times, or it is full */
    bool rotten;               /* it rots, and nobody can say whether all of that was found */
    enum sim_exit doom;        /* how the process ends when the disk stops */
};

void sim_store_init(struct sim_store *store, const struct sim_store_options *options,
                    uint32_t partitions, struct random *random);
void sim_store_deinit(struct sim_store *store);

/* ---- a process ---- */

/* Opens what is on the disk. 0, or a code and the words for it. */
int sim_store_open(struct sim_store *store, char text[512]);
/* The engine of one of its workers; after all of them, sim_store_loaded. */
int sim_store_engine(struct sim_store *store, uint32_t worker, uint32_t workers,
                     const struct offload *offload, struct engine **out, char text[512]);
void sim_store_loaded(struct sim_store *store);
/* Asserts the engine's invariants; walks everything. */
void sim_store_check(const struct sim_store *store, const struct engine *engine);
/* Adds up what an engine that ends has done. */
void sim_store_tell(const struct sim_store *store, const struct engine *engine,
                    struct sim_store_figures *figures);
/* The engines are freed. `clean`: they had their last word, durably. */
void sim_store_close(struct sim_store *store, bool clean);
/* The process is gone, in that way. Returns how many changes the disk did not keep. */
uint64_t sim_store_end(struct sim_store *store, enum sim_exit how);

/* Would that end make the node forget what it has confirmed, so that all of it must be refilled? */
bool sim_store_forgets(const struct sim_store *store, enum sim_exit how);

/* From now on the process achieves nothing any more. */
void sim_store_freeze(struct sim_store *store);
/* It ends in that way in the middle of something: at one of its next calls that change the disk. */
void sim_store_doom(struct sim_store *store, enum sim_exit how);
void sim_store_spare(struct sim_store *store);
bool sim_store_doomed(const struct sim_store *store); /* now is the time */

/* ---- mishaps ---- */

/* Everything is gone. */
void sim_store_wipe(struct sim_store *store);
/* A copy is put aside; and takes the place of everything: false when there is none. */
void sim_store_copy_aside(struct sim_store *store);
bool sim_store_put_back(struct sim_store *store);
/* A bit of a closed segment (one that has a hint) flips, and sometimes one of its hint: false when
 * there is none. What rots before
 * a segment is closed can look as if it had never been written. */
bool sim_store_rot(struct sim_store *store, struct random *random);
/* There is room for a little more than what is there. */
void sim_store_fill(struct sim_store *store, struct random *random);
/* Calls fail: those that change something, or reads, which is a kind of rot. */
void sim_store_break(struct sim_store *store, struct random *random, bool reads);
/* The disk is well again, but for what is lost. */
void sim_store_mend(struct sim_store *store);

/* While calm, what is held can be looked at without changing the course of things. */
void sim_store_calm(struct sim_store *store, bool calm);

#endif
