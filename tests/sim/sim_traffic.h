/* What a run's network carries, by kind of frame: for measuring, so only where it is asked for. */
#ifndef SIM_TRAFFIC_H
#define SIM_TRAFFIC_H

#include "base/bytes.h"

#include <stdbool.h>
#include <stdint.h>

#define SIM_TRAFFIC_KINDS 64u

struct sim_traffic {
    bool wanted;
    uint64_t frames[SIM_TRAFFIC_KINDS], bytes[SIM_TRAFFIC_KINDS]; /* by enum message_kind */
    uint64_t views, view_bytes;                                   /* whole or in brief, in gossip */
};

/* A whole frame is sent. */
void sim_traffic_take(struct sim_traffic *traffic, struct bytes frame);

/* Of gossip: heartbeats, records, views. */
uint64_t sim_traffic_gossip_bytes(const struct sim_traffic *traffic);
uint64_t sim_traffic_bytes(const struct sim_traffic *traffic);

#endif
