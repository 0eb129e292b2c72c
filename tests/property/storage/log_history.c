#include "log_history.h"

#include <string.h>

#include "base/assert.h"

void history_restart(struct history *history, uint32_t workers)
{
    memcpy(history->base, history->now, sizeof(history->base));
    memset(history->counts, 0, sizeof(history->counts));
    memset(history->settled, 0, sizeof(history->settled));
    memset(history->durable, 0, sizeof(history->durable));
    history->workers = workers;
}

void history_apply(struct history_state state[HISTORY_PARTITIONS],
                   const struct history_write *write)
{
    struct history_state *partition = &state[write->partition];
    switch (write->kind) {
    case HISTORY_PUT:
        partition->values[write->key] = write->value;
        break;
    case HISTORY_REMOVE:
        partition->values[write->key] = 0;
        break;
    case HISTORY_DROP:
        memset(partition, 0, sizeof(*partition));
        break;
    case HISTORY_HOLDING:
        partition->holding = write->value;
        break;
    }
}

void history_add(struct history *history, const struct history_write *write)
{
    uint32_t worker = write->partition % history->workers;
    ASSERT(history->counts[worker] < HISTORY_WRITES_MAX);
    history->writes[worker][history->counts[worker]++] = *write;
    history_apply(history->now, write);
}

uint32_t history_count(const struct history *history, uint32_t worker, uint64_t sequence)
{
    uint32_t count = 0;
    while (count < history->counts[worker] && history->writes[worker][count].sequence <= sequence) {
        count++;
    }
    return count;
}

static bool states_equal(const struct history *history, uint32_t worker,
                         const struct history_state *a, const struct history_state *b)
{
    for (uint32_t i = worker; i < HISTORY_PARTITIONS; i += history->workers) {
        if (memcmp(&a[i], &b[i], sizeof(a[i])) != 0) {
            return false;
        }
    }
    return true;
}

static void adopt(struct history *history, uint32_t worker, const struct history_state *found)
{
    for (uint32_t i = worker; i < HISTORY_PARTITIONS; i += history->workers) {
        history->now[i] = found[i];
    }
}

bool history_adopt_prefix(struct history *history, uint32_t worker, uint32_t least,
                          const struct history_state found[HISTORY_PARTITIONS])
{
    struct history_state state[HISTORY_PARTITIONS];
    memcpy(state, history->base, sizeof(state));
    for (uint32_t i = 0; i <= history->counts[worker]; i++) {
        if (i >= least && states_equal(history, worker, state, found)) {
            adopt(history, worker, found);
            return true;
        }
        if (i < history->counts[worker]) {
            history_apply(state, &history->writes[worker][i]);
        }
    }
    return false;
}

/* May the write after the first `least` have left the value there? */
static bool later(const struct history *history, uint32_t worker, uint32_t least,
                  uint32_t partition, uint32_t key, uint64_t value)
{
    for (uint32_t i = least; i < history->counts[worker]; i++) {
        const struct history_write *write = &history->writes[worker][i];
        bool drops = write->kind == HISTORY_DROP;
        bool same = key == HISTORY_KEYS ? write->kind == HISTORY_HOLDING
                                        : write->kind != HISTORY_HOLDING && write->key == key;
        if (write->partition == partition &&
            ((drops && value == 0) || (!drops && same && write->value == value))) {
            return true;
        }
    }
    return false;
}

bool history_adopt_any(struct history *history, uint32_t worker, uint32_t least,
                       const struct history_state found[HISTORY_PARTITIONS])
{
    struct history_state state[HISTORY_PARTITIONS];
    memcpy(state, history->base, sizeof(state));
    for (uint32_t i = 0; i < least; i++) {
        history_apply(state, &history->writes[worker][i]);
    }
    for (uint32_t i = worker; i < HISTORY_PARTITIONS; i += history->workers) {
        for (uint32_t key = 0; key < HISTORY_KEYS; key++) {
            if (found[i].values[key] != state[i].values[key] &&
                !later(history, worker, least, i, key, found[i].values[key])) {
                return false;
            }
        }
        if (found[i].holding != state[i].holding &&
            !later(history, worker, least, i, HISTORY_KEYS, found[i].holding)) {
            return false;
        }
    }
    adopt(history, worker, found);
    return true;
}
