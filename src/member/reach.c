/* A peer turns silent only after several requests in a row went unanswered: one slow answer is what
 * hedging is for, and changing the coordinator for it would cost more than it saves. A silent peer
 * gets one request as a probe, after a pause that doubles while it stays silent; the first answer,
 * or a new link, clears everything. */
#include "member/reach.h"

#include "base/memory.h"
#include "shoal/error.h"

#include <math.h>

/* RFC 6298: weights of a new sample, and how many deviations make a patient wait. */
#define LATENCY_GAIN 0.125
#define DEVIATION_GAIN 0.25
#define DEVIATIONS 4.0

/* A sample counts as no more than this: an answer out of a long pause says little of the next. */
#define LATENCY_US_MAX 1000000u

void reach_init(struct reach *reach)
{
    table_init(&reach->peers);
}

void reach_deinit(struct reach *reach)
{
    size_t cursor = 0;
    uint64_t node;
    void *peer;
    while (table_next(&reach->peers, &cursor, &node, &peer)) {
        mem_free(peer);
    }
    table_deinit(&reach->peers);
}

static void silence_clear(struct reach_peer *peer)
{
    peer->silences = 0;
    peer->probes = 0;
    peer->silent_since_us = 0;
    peer->last_try_us = 0;
}

static int peer_add(struct reach *reach, uint64_t node)
{
    struct reach_peer *peer = mem_alloc_zeroed(1, sizeof(*peer));
    if (peer == NULL) {
        return SHOAL_ENOMEM;
    }
    peer->linked = true;
    int error = table_put(&reach->peers, node, peer);
    if (error != 0) {
        mem_free(peer);
    }
    return error;
}

int reach_link(struct reach *reach, uint64_t node, bool up)
{
    struct reach_peer *peer = table_get(&reach->peers, node);
    if (peer == NULL) {
        return up ? peer_add(reach, node) : 0;
    }
    peer->linked = up;
    silence_clear(peer);
    return 0;
}

void reach_forget(struct reach *reach, uint64_t node)
{
    mem_free(table_remove(&reach->peers, node));
}

void reach_heard(struct reach *reach, uint64_t node)
{
    struct reach_peer *peer = table_get(&reach->peers, node);
    if (peer != NULL) {
        silence_clear(peer);
    }
}

void reach_answered(struct reach *reach, uint64_t node, uint64_t latency_us)
{
    struct reach_peer *peer = table_get(&reach->peers, node);
    if (peer == NULL) {
        return;
    }
    silence_clear(peer);
    double sample = (double)(latency_us < LATENCY_US_MAX ? latency_us : LATENCY_US_MAX);
    if (!peer->measured) {
        peer->measured = true;
        peer->latency_us = sample;
        peer->deviation_us = sample / 2;
        return;
    }
    double off = fabs(sample - peer->latency_us);
    peer->deviation_us += DEVIATION_GAIN * (off - peer->deviation_us);
    peer->latency_us += LATENCY_GAIN * (sample - peer->latency_us);
}

void reach_silent(struct reach *reach, uint64_t node, uint64_t now_us)
{
    struct reach_peer *peer = table_get(&reach->peers, node);
    if (peer == NULL) {
        return;
    }
    if (peer->silences == 0) {
        peer->silent_since_us = now_us;
    }
    if (peer->silences < REACH_SILENCES) {
        peer->last_try_us = now_us;
    }
    if (peer->silences < UINT32_MAX) {
        peer->silences++;
    }
}

static uint64_t probe_interval_us(const struct reach_peer *peer)
{
    uint64_t interval_us = REACH_PROBE_US_MIN;
    for (uint32_t i = 0; i < peer->probes && interval_us < REACH_PROBE_US_MAX; i++) {
        interval_us *= 2;
    }
    return interval_us < REACH_PROBE_US_MAX ? interval_us : REACH_PROBE_US_MAX;
}

bool reach_usable(struct reach *reach, uint64_t node, uint64_t now_us)
{
    struct reach_peer *peer = table_get(&reach->peers, node);
    if (peer == NULL || !peer->linked) {
        return false;
    }
    if (peer->silences < REACH_SILENCES) {
        return true;
    }
    if (now_us < peer->last_try_us || now_us - peer->last_try_us < probe_interval_us(peer)) {
        return false;
    }
    peer->last_try_us = now_us;
    if (peer->probes < UINT32_MAX) {
        peer->probes++;
    }
    return true;
}

bool reach_quiet(const struct reach *reach, uint64_t node)
{
    const struct reach_peer *peer = table_get(&reach->peers, node);
    return peer != NULL && peer->linked && peer->silences >= REACH_SILENCES;
}

bool reach_linked(const struct reach *reach, uint64_t node)
{
    const struct reach_peer *peer = table_get(&reach->peers, node);
    return peer != NULL && peer->linked;
}

uint64_t reach_hedge_us(const struct reach *reach, uint64_t node, uint64_t min_us, uint64_t max_us)
{
    const struct reach_peer *peer = table_get(&reach->peers, node);
    if (peer == NULL || !peer->measured) {
        return max_us;
    }
    uint64_t wait_us = (uint64_t)(peer->latency_us + DEVIATIONS * peer->deviation_us);
    if (wait_us > max_us) {
        return max_us;
    }
    return wait_us < min_us ? min_us : wait_us;
}
