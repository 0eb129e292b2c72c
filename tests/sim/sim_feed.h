/* A simulated machine's folder of the live feed: a disk of its own beside the store's, which shares
 * the fate of the machine, and the tails of the running process on it. With the memory engine there
 * is no disk, and every process begins with empty tails. */
#ifndef SIM_FEED_H
#define SIM_FEED_H

#include "sim_store.h"
#include "storage/tail_set.h"

/* Within which what was written is synced; a process may be paused meanwhile. */
#define SIM_FEED_SYNC_US UINT64_C(10000000)
#define SIM_FEED_OUTAGES_MAX 64u

struct sim_feed {
    struct random random;    /* its own, so that the feed doesn't change the course of the rest */
    struct model_disk *disk; /* NULL: there is none */
    struct model_disk *copy;
    struct tail_set *tails; /* of the running process */
    bool failed; /* the disk has, once, and what came then was kept in memory alone; or the list
                    below is full */
    uint64_t outages_us[SIM_FEED_OUTAGES_MAX]; /* when the power was lost */
    uint32_t outage_count;
};

void sim_feed_init(struct sim_feed *feed, const struct sim_store_options *options, uint64_t seed);
void sim_feed_deinit(struct sim_feed *feed);

/* Opens the tails of a process; 0 or SHOAL_ENOMEM. */
int sim_feed_open(struct sim_feed *feed, uint32_t workers, const struct offload *offloads,
                  bool anew);
void sim_feed_close(struct sim_feed *feed, bool clean);

/* May an end of the process or the machine have cost what was written between these times? */
bool sim_feed_may_lose(const struct sim_feed *feed, uint64_t begun_us, uint64_t ended_us);

/* As the store's: sim_store.h. */
void sim_feed_end(struct sim_feed *feed, enum sim_exit how, uint64_t now_us);
void sim_feed_freeze(struct sim_feed *feed);
void sim_feed_wipe(struct sim_feed *feed);
void sim_feed_copy_aside(struct sim_feed *feed);
void sim_feed_put_back(struct sim_feed *feed);
/* Calls fail, for lack of room or by themselves, until it is mended. */
void sim_feed_break(struct sim_feed *feed);
void sim_feed_mend(struct sim_feed *feed);

#endif
