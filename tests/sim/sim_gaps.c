#include "sim_gaps.h"

#include "base/assert.h"

static struct sim_gap_node *gaps_find(const struct sim_gaps *gaps, uint64_t id)
{
    for (uint32_t i = 0; i < gaps->count; i++) {
        if (gaps->nodes[i].id == id) {
            return (struct sim_gap_node *)&gaps->nodes[i];
        }
    }
    return NULL;
}

static struct sim_gap_node *gaps_node(struct sim_gaps *gaps, uint64_t id)
{
    struct sim_gap_node *node = gaps_find(gaps, id);
    if (node == NULL) {
        ASSERT(gaps->count < SIM_GAPS_MAX);
        node = &gaps->nodes[gaps->count++];
        *node = (struct sim_gap_node){.id = id};
    }
    return node;
}

void sim_gaps_note(struct sim_gaps *gaps, const struct feed_event *event)
{
    struct sim_gap_node *node = gaps_node(gaps, event->node);
    if (event->op == FEED_BACK) {
        node->away = false;
    } else {
        node->away = node->away || event->reason == FEED_GAP_AWAY;
        node->reasons |= 1u << event->reason;
    }
}

void sim_gaps_begin(struct sim_gaps *gaps, const struct feed_cursor *cursor)
{
    for (uint32_t i = 0; i < cursor->count; i++) {
        if (cursor->places[i].tag == 0) {
            gaps_node(gaps, cursor->places[i].node)->timed = true;
        }
    }
}

bool sim_gaps_told(const struct sim_gaps *gaps, uint64_t node, uint32_t reason)
{
    const struct sim_gap_node *found = gaps_find(gaps, node);
    return found != NULL && (found->reasons & 1u << reason) != 0;
}

/* The end of a process costs what was not acknowledged; of the machine, what was not synced. */
static bool may_be_lost(const struct sim_world *world, const struct sim_dot *dot,
                        const struct sim_write *write)
{
    return sim_feed_may_lose(&world->nodes[dot->node].feed, dot->issued_us, write->acked_us);
}

bool sim_gaps_excuse(const struct sim_gaps *gaps, const struct sim_world *world,
                     const struct sim_write *write)
{
    const struct sim_key *key = &world->oracle.history.keys[write->key];
    const uint32_t gone = 1u << FEED_GAP_LOST | 1u << FEED_GAP_TRIMMED | 1u << FEED_GAP_REMOVED;
    for (uint32_t i = 0; i < write->dot_count; i++) {
        const struct sim_dot *dot = &key->dots[write->dots[i]];
        const struct sim_gap_node *node = gaps_find(gaps, dot->node_id);
        if (node == NULL) {
            continue;
        }
        bool crashed = (node->reasons & 1u << FEED_GAP_CRASHED) != 0;
        if ((node->reasons & gone) != 0 || node->away || node->timed ||
            (crashed && may_be_lost(world, dot, write))) {
            return true;
        }
    }
    return write->dot_count == 0; /* its dot was never seen: by whom it was made isn't known */
}
