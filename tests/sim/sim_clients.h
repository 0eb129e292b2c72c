/* The clients of a run: each asks one thing at a time, thinks, and asks again, of this node or
 * that, with contexts fresh, stale, forged or none. Keys are few, so that clients meet; a key that
 * has had many writes gives way to a fresh one of its slot. */
#ifndef SIM_CLIENTS_H
#define SIM_CLIENTS_H

#include "sim_world.h"

#define SIM_CLIENTS_MAX 64u
#define SIM_SLOTS_MAX 32u
#define SIM_TOKENS 8u
#define SIM_COUNTS 2u /* counters at a time */
#define SIM_LIST_KEYS_MAX 512u

struct sim_clients;

struct sim_token {
    uint8_t *bytes; /* owned */
    size_t len;
};

struct sim_slot {
    uint32_t generation;
    uint32_t key; /* in the history */
    char name[32];
    struct sim_token tokens[SIM_TOKENS]; /* a ring; those of the present generation */
    uint32_t token_count;
    uint32_t token_next;
    struct sim_token foreign; /* one of an earlier generation */
};

/* A list in progress, over its pages. */
struct sim_listing {
    uint32_t acked_before[SIM_KEYS_MAX];
    uint32_t keys_before;
    bool listed[SIM_KEYS_MAX];
    uint32_t limit;
    bool with_values;
    struct sim_token cursor;
};

struct sim_client {
    struct sim_clients *clients;
    struct timer timer;
    uint32_t slot; /* of its request in flight */
    uint32_t node; /* the one it likes */
    bool busy;
    struct sim_listing listing;
};

struct sim_clients {
    struct sim_world *world;
    struct random random;
    struct sim_client items[SIM_CLIENTS_MAX];
    uint32_t count;
    struct sim_slot slots[SIM_SLOTS_MAX];
    uint32_t slot_count;
    struct sim_slot counts[SIM_COUNTS];
    struct sim_slot wild;
    bool running;
    uint64_t next_value;
    uint64_t asked;
    uint64_t asked_max;
};

void sim_clients_init(struct sim_clients *clients, struct sim_world *world, uint64_t asked_max);
void sim_clients_deinit(struct sim_clients *clients);

void sim_clients_begin(struct sim_clients *clients);
/* No new requests. */
void sim_clients_end(struct sim_clients *clients);
bool sim_clients_idle(const struct sim_clients *clients);

#endif
