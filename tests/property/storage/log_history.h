/* What was asked of log engines, in order, and which states a restart may find: per worker the
 * state after some number of its writes, not fewer than were confirmed. Writes are small numbers
 * with a value each that no other has. */
#ifndef PROPERTY_LOG_HISTORY_H
#define PROPERTY_LOG_HISTORY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HISTORY_PARTITIONS 8u
#define HISTORY_KEYS 24u /* of each partition */
#define HISTORY_WRITES_MAX 4096u
#define HISTORY_WORKERS_MAX 4u

enum history_kind { HISTORY_PUT, HISTORY_REMOVE, HISTORY_DROP, HISTORY_HOLDING };

struct history_write {
    enum history_kind kind;
    uint32_t partition;
    uint32_t key;
    uint64_t value; /* 0: none */
    uint64_t sequence;
};

struct history_state {
    uint64_t values[HISTORY_KEYS]; /* 0: not there */
    uint64_t holding;
};

struct history {
    struct history_state base[HISTORY_PARTITIONS]; /* at the last restart */
    struct history_state now[HISTORY_PARTITIONS];
    struct history_write writes[HISTORY_WORKERS_MAX][HISTORY_WRITES_MAX]; /* since */
    uint32_t counts[HISTORY_WORKERS_MAX];
    uint32_t workers;
    uint64_t settled[HISTORY_WORKERS_MAX];
    uint64_t durable[HISTORY_WORKERS_MAX];
    uint64_t last_value;
};

/* All that was written is in the base now. */
void history_restart(struct history *history, uint32_t workers);

void history_apply(struct history_state state[HISTORY_PARTITIONS],
                   const struct history_write *write);
void history_add(struct history *history, const struct history_write *write);

/* The worker's writes up to the sequence. */
uint32_t history_count(const struct history *history, uint32_t worker, uint64_t sequence);

/* Is what was found of the worker's partitions the state after `least` or more of its writes? Then
 * it is the state from now on. */
bool history_adopt_prefix(struct history *history, uint32_t worker, uint32_t least,
                          const struct history_state found[HISTORY_PARTITIONS]);

/* Is each key found as it was after `least` writes, or as some later write left it? Then it is so
 * from now on. */
bool history_adopt_any(struct history *history, uint32_t worker, uint32_t least,
                       const struct history_state found[HISTORY_PARTITIONS]);

#endif
