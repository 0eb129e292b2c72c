/* Peers and when they are due, and what is being gathered. See anti_entropy.h. */
#include "repair/anti_entropy.h"

#include "base/memory.h"
#include "shoal/error.h"

/* A gathering or an answer that takes longer is given up. */
#define ANTI_ENTROPY_PATIENCE_US UINT64_C(5000000)

struct ae_peer {
    struct anti_entropy *anti_entropy;
    uint64_t node;
    bool linked;
    bool due_again; /* asked for while a comparison was under way */
    struct timer timer;
    uint64_t ticket; /* of the comparison under way; 0: none */
    struct comparison mine;
};

struct ae_gather {
    struct anti_entropy *anti_entropy;
    uint64_t ticket;
    uint64_t node;
    struct timer timer;
    uint32_t outstanding;
    struct comparison sum;
    bool for_asker;
    struct comparison_asker asker;
};

static void ae_on_due(struct timer *timer, uint64_t now_us);
static void ae_on_impatience(struct timer *timer, uint64_t now_us);

void anti_entropy_init(struct anti_entropy *anti_entropy, uint64_t id_first)
{
    *anti_entropy = (struct anti_entropy){.next_ticket = id_first};
    table_init(&anti_entropy->peers);
    table_init(&anti_entropy->gathers);
}

static void ae_free_gather(struct ae_gather *gather)
{
    struct anti_entropy *anti_entropy = gather->anti_entropy;
    timers_stop(anti_entropy->timers, &gather->timer);
    (void)table_remove(&anti_entropy->gathers, gather->ticket);
    anti_entropy->asked -= gather->for_asker ? 1 : 0;
    mem_free(gather);
}

/* Any one; NULL when the table is empty. */
static void *ae_any(const struct table *table)
{
    size_t cursor = 0;
    uint64_t key;
    void *value;
    return table_next(table, &cursor, &key, &value) ? value : NULL;
}

/* Given up without a sum: a peer that asked is told so. */
static void ae_give_up(struct ae_gather *gather)
{
    struct comparison_asker asker = gather->asker;
    bool for_asker = gather->for_asker;
    ae_free_gather(gather);
    if (for_asker) {
        asker.answer(asker.self, NULL);
    }
}

void anti_entropy_deinit(struct anti_entropy *anti_entropy)
{
    struct ae_gather *gather;
    struct ae_peer *peer;
    while ((gather = ae_any(&anti_entropy->gathers)) != NULL) {
        ae_give_up(gather);
    }
    while ((peer = ae_any(&anti_entropy->peers)) != NULL) {
        timers_stop(anti_entropy->timers, &peer->timer);
        (void)table_remove(&anti_entropy->peers, peer->node);
        mem_free(peer);
    }
    table_deinit(&anti_entropy->gathers);
    table_deinit(&anti_entropy->peers);
}

/* ---- when ------------------------------------------------------------------------------------ */

static void ae_schedule(struct ae_peer *peer, uint64_t after_us)
{
    struct anti_entropy *anti_entropy = peer->anti_entropy;
    uint64_t due_us = anti_entropy->now.mono_us + after_us;
    if (!timer_running(&peer->timer) || peer->timer.deadline_us > due_us) {
        (void)timers_start(anti_entropy->timers, &peer->timer, due_us);
    }
}

/* The comparison under way, if any, is over: the next one after an interval, give or take a tenth
 * so that a cluster's don't fall together. */
static void ae_rest(struct ae_peer *peer)
{
    struct anti_entropy *anti_entropy = peer->anti_entropy;
    uint64_t interval_us = anti_entropy->interval_us;
    peer->ticket = 0;
    timers_stop(anti_entropy->timers, &peer->timer);
    if (anti_entropy->stopped || !peer->linked) {
        return;
    }
    if (peer->due_again) {
        peer->due_again = false;
        ae_schedule(peer, 0);
    } else if (interval_us > 0) {
        ae_schedule(peer, interval_us - interval_us / 10 +
                              random_below(anti_entropy->random, interval_us / 5 + 1));
    }
}

void anti_entropy_link(struct anti_entropy *anti_entropy, uint64_t node, bool up)
{
    struct ae_peer *peer = table_get(&anti_entropy->peers, node);
    if (peer == NULL) {
        peer = up ? mem_alloc_zeroed(1, sizeof(*peer)) : NULL;
        if (peer == NULL) {
            return;
        }
        peer->anti_entropy = anti_entropy;
        peer->node = node;
        peer->timer.fire = ae_on_due;
        if (table_put(&anti_entropy->peers, node, peer) < 0) {
            mem_free(peer);
            return;
        }
    }
    peer->linked = up;
    ae_rest(peer);
    if (up && anti_entropy->interval_us > 0 && !anti_entropy->stopped) {
        uint64_t soon_us = ANTI_ENTROPY_SOON_US < anti_entropy->interval_us
                               ? ANTI_ENTROPY_SOON_US
                               : anti_entropy->interval_us;
        ae_schedule(peer, soon_us / 2 + random_below(anti_entropy->random, soon_us / 2 + 1));
    }
}

void anti_entropy_now(struct anti_entropy *anti_entropy)
{
    size_t cursor = 0;
    uint64_t key;
    void *value;
    while (!anti_entropy->stopped && table_next(&anti_entropy->peers, &cursor, &key, &value)) {
        struct ae_peer *peer = value;
        if (peer->linked && peer->ticket == 0) {
            ae_schedule(peer, 0);
        } else {
            peer->due_again = peer->linked;
        }
    }
}

void anti_entropy_stop(struct anti_entropy *anti_entropy)
{
    size_t cursor = 0;
    uint64_t key;
    void *value;
    anti_entropy->stopped = true;
    while (table_next(&anti_entropy->peers, &cursor, &key, &value)) {
        ae_rest(value);
    }
}

/* ---- gathering ------------------------------------------------------------------------------- */

static int ae_gather(struct anti_entropy *anti_entropy, uint64_t node,
                     const struct comparison_asker *asker, uint64_t *ticket)
{
    struct ae_gather *gather = mem_alloc_zeroed(1, sizeof(*gather));
    if (gather == NULL) {
        return SHOAL_ENOMEM;
    }
    gather->anti_entropy = anti_entropy;
    gather->ticket = anti_entropy->next_ticket++;
    gather->node = node;
    gather->timer.fire = ae_on_impatience;
    gather->outstanding = anti_entropy->workers;
    int result = table_put(&anti_entropy->gathers, gather->ticket, gather);
    if (result == 0) {
        result = timers_start(anti_entropy->timers, &gather->timer,
                              anti_entropy->now.mono_us + ANTI_ENTROPY_PATIENCE_US);
    }
    if (result < 0) {
        ae_free_gather(gather);
        return result;
    }
    if (asker != NULL) {
        gather->for_asker = true;
        gather->asker = *asker;
        anti_entropy->asked++;
    }
    *ticket = gather->ticket;
    anti_entropy->ports.gather(anti_entropy->ports.self, node, gather->ticket);
    return 0;
}

int anti_entropy_asked(struct anti_entropy *anti_entropy, uint64_t node,
                       const struct comparison_asker *asker)
{
    uint64_t ticket;
    return anti_entropy->asked >= ANTI_ENTROPY_ASKED_MAX
               ? SHOAL_EOVERLOAD
               : ae_gather(anti_entropy, node, asker, &ticket);
}

static void ae_on_impatience(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    ae_give_up(QUEUE_ITEM(timer, struct ae_gather, timer));
}

/* ---- comparing ------------------------------------------------------------------------------- */

static void ae_on_due(struct timer *timer, uint64_t now_us)
{
    struct ae_peer *peer = QUEUE_ITEM(timer, struct ae_peer, timer);
    struct anti_entropy *anti_entropy = peer->anti_entropy;
    (void)now_us;
    if (peer->ticket != 0 || anti_entropy->view == NULL ||
        ae_gather(anti_entropy, peer->node, NULL, &peer->ticket) < 0) {
        ae_rest(peer); /* no answer in time, or none to be had: next time */
        return;
    }
    (void)timers_start(anti_entropy->timers, timer,
                       anti_entropy->now.mono_us + 2 * ANTI_ENTROPY_PATIENCE_US);
}

/* The peer's comparison has been gathered here: asks for the peer's. */
static void ae_ask(struct anti_entropy *anti_entropy, struct ae_peer *peer)
{
    if (peer->mine.shared == 0) {
        ae_rest(peer);
        return;
    }
    struct message_compare ask = {
        .id = peer->ticket,
        .node = anti_entropy->self,
        .view_digest = anti_entropy->view->digest,
        .sum = peer->mine.sum,
    };
    buffer_clear(anti_entropy->frame);
    if (message_compare_encode(&ask, anti_entropy->frame) < 0 ||
        anti_entropy->ports.send(anti_entropy->ports.self, peer->node,
                                 buffer_bytes(anti_entropy->frame)) < 0) {
        ae_rest(peer);
    }
}

void anti_entropy_gathered(struct anti_entropy *anti_entropy, uint64_t ticket,
                           const struct comparison *part)
{
    struct ae_gather *gather = table_get(&anti_entropy->gathers, ticket);
    if (gather == NULL) {
        return;
    }
    comparison_add(&gather->sum, part);
    if (--gather->outstanding > 0) {
        return;
    }
    struct comparison whole = gather->sum;
    struct comparison_asker asker = gather->asker;
    struct ae_peer *peer = table_get(&anti_entropy->peers, gather->node);
    bool for_asker = gather->for_asker;
    ae_free_gather(gather);
    if (for_asker) {
        asker.answer(asker.self, &whole);
    } else if (peer != NULL && peer->ticket == ticket) {
        peer->mine = whole;
        ae_ask(anti_entropy, peer);
    }
}

void anti_entropy_on_compared(struct anti_entropy *anti_entropy, uint64_t node,
                              const struct message_compared *answer)
{
    struct ae_peer *peer = table_get(&anti_entropy->peers, node);
    if (peer == NULL || peer->ticket == 0 || peer->ticket != answer->id) {
        return;
    }
    anti_entropy->compared++;
    if (answer->view.data != NULL) {
        anti_entropy->ports.learn(anti_entropy->ports.self, answer->view_digest, answer->view);
    }
    bool equal = answer->code == 0 && answer->equal && !peer->mine.incomplete;
    bool untold = peer->mine.untold;
    ae_rest(peer);
    if (!equal || untold) {
        anti_entropy->ports.round(anti_entropy->ports.self, node, !equal);
    } else {
        anti_entropy->equal++;
    }
}
