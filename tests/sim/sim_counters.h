/* Counters of a run: what was added to each, and whether what is shown of them agrees with it.
 *
 *      a read from r owners, and the answer of an addition:
 *              every addition that was acknowledged before it began is in it, and none that never
 *              was asked for, or of which its client was told that nothing was applied (1)
 *
 * Which acknowledged additions bind is as for other writes: see sim_oracle.h. */
#ifndef SIM_COUNTERS_H
#define SIM_COUNTERS_H

#include "sim_oracle.h"

/* What the names of counters begin with, and of those that are also put, deleted and expire: what
 * these show is judged by nobody here, but what is held of them is, as of every key. */
#define SIM_COUNTER_NAME "count"
#define SIM_WILD_NAME "wild"
bool sim_counters_named(struct bytes key);
bool sim_counters_wild(struct bytes key);

/* A read or an addition begins: what is acknowledged by now must be in its answer. */
uint64_t sim_counters_now(const struct sim_oracle *oracle);

/* Returns the addition's id, from 1. */
uint32_t sim_counters_add_begin(struct sim_oracle *oracle, struct bytes key, int64_t delta);
void sim_counters_add_end(struct sim_oracle *oracle, uint32_t id, const struct sim_reply *reply,
                          int64_t number);

/* `shown`: a counter's digits; data NULL where there is nothing. */
void sim_counters_read_end(struct sim_oracle *oracle, struct bytes key, uint64_t began,
                           const struct sim_reply *reply, struct bytes shown);

/* See sim_oracle_loss, _excuse and _delivered, which call these. */
void sim_counters_loss(struct sim_oracle *oracle);
void sim_counters_excuse(struct sim_oracle *oracle, uint32_t key);
void sim_counters_delivered(struct sim_oracle *oracle);

#endif
