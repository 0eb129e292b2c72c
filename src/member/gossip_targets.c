/* Whom to tell: random nodes, the living first. A node thought dead is told now and then although
 * living ones fill all places, for only so do the two sides of a healed cut find each other. */
#include "member/gossip.h"

/* How often one of the targets is such a node. */
#define DEAD_TARGET_CHANCE 0.125

/* A uniform choice of up to `wanted` among candidates that pass by once (reservoir sampling). */
struct choice {
    uint64_t ids[GOSSIP_FANOUT_MAX];
    uint32_t count;
    uint32_t wanted;
    uint64_t offered;
};

static void choice_offer(struct choice *choice, struct random *random, uint64_t id)
{
    choice->offered++;
    if (choice->count < choice->wanted) {
        choice->ids[choice->count++] = id;
        return;
    }
    uint64_t at = random_below(random, choice->offered);
    if (at < choice->wanted) {
        choice->ids[at] = id;
    }
}

static bool state_lives(enum node_state state)
{
    return state != NODE_DOWN && state != NODE_LEFT;
}

static uint32_t choices_join(struct random *random, const struct choice *living,
                             const struct choice *dead, uint64_t *out)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < living->count; i++) {
        out[count++] = living->ids[i];
    }
    for (uint32_t i = 0; i < dead->count && count < dead->wanted; i++) {
        out[count++] = dead->ids[i];
    }
    bool all_live = living->count > 0 && living->count == living->wanted;
    if (all_live && dead->count > 0 && random_chance(random, DEAD_TARGET_CHANCE)) {
        out[random_below(random, count)] = dead->ids[random_below(random, dead->count)];
    }
    return count;
}

uint32_t gossip_targets(struct gossip *gossip, struct random *random, const uint64_t *eligible,
                        uint32_t eligible_count, uint64_t now_us, uint64_t *out, uint32_t out_max)
{
    uint32_t wanted = gossip->options.fanout < out_max ? gossip->options.fanout : out_max;
    struct choice living = {.wanted = wanted};
    struct choice dead = {.wanted = wanted};
    size_t cursor = 0;
    uint32_t i = 0;
    uint64_t id;
    void *node;
    for (;;) {
        if (eligible == NULL) {
            if (!table_next(&gossip->nodes, &cursor, &id, &node)) {
                break;
            }
        } else if (i < eligible_count) {
            id = eligible[i++];
        } else {
            break;
        }
        if (id != gossip->self.id) {
            bool lives = state_lives(gossip_state(gossip, id, now_us));
            choice_offer(lives ? &living : &dead, random, id);
        }
    }
    return choices_join(random, &living, &dead, out);
}
