/* Whom this node reaches: evidence of its own only (links up or down, answers and silences), one
 * per worker. It orders whom to try first and when to hedge; it never refuses. Nobody else's word
 * makes a peer usable or unusable. */
#ifndef MEMBER_REACH_H
#define MEMBER_REACH_H

#include "base/table.h"

/* So many unanswered requests in a row make a peer silent. */
#define REACH_SILENCES 3u

/* The pause between two probes of a silent peer: doubles from the one to the other. */
#define REACH_PROBE_US_MIN 200000u
#define REACH_PROBE_US_MAX 2000000u

struct reach_peer {
    bool linked;
    bool measured;            /* the two estimates below hold something */
    uint32_t silences;        /* requests in a row that had to be hedged or timed out */
    uint64_t silent_since_us; /* the first of them; 0 for none */
    uint64_t last_try_us;     /* the last probe, or when it turned silent */
    uint32_t probes;          /* since it turned silent */
    double latency_us;        /* smoothed answer time */
    double deviation_us;
};

struct reach {
    struct table peers; /* node id -> struct reach_peer * */
};

void reach_init(struct reach *reach);
void reach_deinit(struct reach *reach);

/* The link to a peer came up (it starts with a clean sheet) or went down. A peer never linked is
 * unknown: what is said of it below is ignored. 0 or SHOAL_ENOMEM (only for a first link). */
int reach_link(struct reach *reach, uint64_t node, bool up);

/* The peer is a peer no more. */
void reach_forget(struct reach *reach, uint64_t node);

/* It answered a request after so long, be it late: it lives. */
void reach_answered(struct reach *reach, uint64_t node, uint64_t latency_us);

/* It lives, but how long it takes can't be said: it answered once more what was asked repeatedly.
 */
void reach_heard(struct reach *reach, uint64_t node);

/* A request to it had to be hedged or timed out. */
void reach_silent(struct reach *reach, uint64_t node, uint64_t now_us);

/* Linked and not silent. A silent peer is tried again now and then: true once every probe interval,
 * so that it can prove itself. Ask only when about to send. */
bool reach_usable(struct reach *reach, uint64_t node, uint64_t now_us);

/* Linked, and silent: nothing that could be sent elsewhere is worth sending there. */
bool reach_quiet(const struct reach *reach, uint64_t node);

/* Linked at all: worth sending to. */
bool reach_linked(const struct reach *reach, uint64_t node);

/* How long to wait for this peer before trying another as well: smoothed latency plus four
 * deviations, within [min, max] (RFC 6298's estimator); max while it has never answered. */
uint64_t reach_hedge_us(const struct reach *reach, uint64_t node, uint64_t min_us, uint64_t max_us);

#endif
