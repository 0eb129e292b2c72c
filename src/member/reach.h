/* Whom this node reaches: evidence of its own only (links up or down, answers and silences), one per
 * worker. It orders whom to try first and when to hedge; it never refuses. Nobody else's word makes
 * a peer usable or unusable. */
#ifndef MEMBER_REACH_H
#define MEMBER_REACH_H

#include "base/table.h"

struct reach_peer {
    bool linked;
    uint32_t silences;        /* requests in a row that had to be hedged or timed out */
    uint64_t silent_since_us; /* the first of them; 0 for none */
    uint64_t last_try_us;     /* the last request sent while silent */
    double latency_us;        /* smoothed answer time */
    double deviation_us;
};

struct reach {
    struct table peers; /* node id -> struct reach_peer * */
};

void reach_init(struct reach *reach);
void reach_deinit(struct reach *reach);

/* 0 or SHOAL_ENOMEM. */
int reach_link(struct reach *reach, uint64_t node, bool up);
void reach_answered(struct reach *reach, uint64_t node, uint64_t latency_us);
void reach_silent(struct reach *reach, uint64_t node, uint64_t now_us);

/* Linked and not silent of late. A silent peer is tried again now and then: true once every
 * probe interval, so that it can prove itself. */
bool reach_usable(struct reach *reach, uint64_t node, uint64_t now_us);

/* Linked at all: worth sending to. */
bool reach_linked(const struct reach *reach, uint64_t node);

/* How long to wait for this peer before trying another as well: smoothed latency plus four
 * deviations, within [min, max] (RFC 6298's estimator). */
uint64_t reach_hedge_us(const struct reach *reach, uint64_t node, uint64_t min_us,
                        uint64_t max_us);

#endif
