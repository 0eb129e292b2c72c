/* Debts, routes and peers: to whom hints go, and when.
 *
 * An owner whose link comes up is caught up at once, by several passes. While all owners of a
 * partition can be reached, what arrives is pushed to all of them, at most once a second. While
 * some are away, the others get it in *routine* passes: one at a time, for a tenth of the time, for
 * every such pass walks over all that is kept for those who are away. Before anything is removed,
 * every owner is asked once more, by one store, whether it still is who it was. See
 * hint_delivery.h. */
#include "base/assert.h"
#include "base/log.h"
#include "base/memory.h"
#include "repair/hint_inside.h"
#include "shoal/error.h"

#define HINT_SOON_US UINT64_C(500000)   /* from a hint's arrival */
#define HINT_AGAIN_US UINT64_C(1000000) /* between two passes of a route */
#define HINT_PAUSE_US_MIN UINT64_C(200000)
#define HINT_PAUSE_US_MAX UINT64_C(10000000)
#define HINT_ROUTINE_US_MIN UINT64_C(100000)
#define HINT_ROUTINE_US_MAX UINT64_C(10000000)
#define HINT_ROUTINE_REST 9u /* times as long as a pass took */
#define HINT_BEGINS_MAX 32u  /* passes begun in one event */

static void hint_delivery_on_routine(struct timer *timer, uint64_t now_us);
static void hint_delivery_on_going_on(struct timer *timer, uint64_t now_us);

/* ---- life ---- */

void hint_delivery_init(struct hint_delivery *delivery, uint64_t id_first)
{
    *delivery = (struct hint_delivery){.id_first = id_first,
                                       .routine = {.fire = hint_delivery_on_routine},
                                       .going_on = {.fire = hint_delivery_on_going_on}};
    table_init(&delivery->debts);
    table_init(&delivery->peers);
    queue_init(&delivery->turns);
    hint_passes_init(delivery);
}

void hint_delivery_forget(struct hint_delivery *delivery)
{
    while (!queue_empty(&delivery->turns)) {
        hint_debt_free(QUEUE_ITEM(delivery->turns.next, struct hint_debt, link));
    }
    size_t cursor = 0;
    uint64_t node;
    void *peer;
    while (table_next(&delivery->peers, &cursor, &node, &peer)) {
        mem_free(peer);
    }
    table_deinit(&delivery->peers);
    table_init(&delivery->peers);
    delivery->view = NULL;
}

void hint_delivery_deinit(struct hint_delivery *delivery)
{
    hint_delivery_forget(delivery);
    timers_stop(delivery->timers, &delivery->routine);
    timers_stop(delivery->timers, &delivery->going_on);
    table_deinit(&delivery->debts);
    table_deinit(&delivery->peers);
}

/* ---- planning ---- */

static void hint_delivery_keep_routine(struct hint_delivery *delivery, uint64_t rest_us)
{
    (void)timers_start(delivery->timers, &delivery->routine, delivery->now.mono_us + rest_us);
}

/* Plans every debt. One at a time may be freed by it, none by another's: nothing begins meanwhile.
 */
static void hint_delivery_plan_all(struct hint_delivery *delivery)
{
    bool was_running = delivery->is_running;
    delivery->is_running = true;
    struct queue *link = delivery->turns.next;
    while (link != &delivery->turns) {
        struct queue *next = link->next;
        hint_debt_plan(QUEUE_ITEM(link, struct hint_debt, link));
        link = next;
    }
    delivery->is_running = was_running;
    hint_delivery_run(delivery);
}

/* ---- passes ---- */

/* Begins one pass to the peer, if one can. */
static bool hint_peer_begin(struct hint_delivery *delivery, struct hint_peer *peer)
{
    struct hint_pass *pass = hint_pass_free(delivery);
    if (pass == NULL || queue_empty(&peer->wanting) || peer->active >= HINT_PASSES_PER_PEER ||
        !hint_peer_linked(delivery, peer)) {
        return false;
    }
    struct hint_route *route = QUEUE_ITEM(queue_pop(&peer->wanting), struct hint_route, link);
    route->state = ROUTE_ACTIVE;
    peer->active++;
    hint_pass_begin(pass, route);
    return true;
}

void hint_delivery_run(struct hint_delivery *delivery)
{
    if (delivery->is_running || delivery->is_stopped) {
        return;
    }
    delivery->is_running = true;
    uint32_t begun = 0;
    bool more = true;
    while (more && begun < HINT_BEGINS_MAX) {
        more = false;
        size_t cursor = 0;
        uint64_t node;
        void *peer;
        while (table_next(&delivery->peers, &cursor, &node, &peer)) {
            if (hint_peer_begin(delivery, peer)) {
                more = true;
                begun++;
            }
        }
    }
    delivery->is_running = false;
    if (more) {
        (void)timers_start(delivery->timers, &delivery->going_on, delivery->now.mono_us);
    }
}

static void hint_delivery_on_going_on(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    hint_delivery_run(QUEUE_ITEM(timer, struct hint_delivery, going_on));
}

/* A route of a peer that came back is caught up. */
static void hint_route_returned(struct hint_route *route)
{
    struct hint_delivery *delivery = route->debt->delivery;
    struct hint_peer *peer = route->peer;
    route->is_returning = false;
    if (--peer->returning == 0) {
        log_info("hints: delivered what was owed",
                 LOG_TEXT("node", delivery->ports.name(delivery->ports.self, peer->node)),
                 LOG_U64("objects", peer->sent));
    }
}

void hint_route_ended(struct hint_route *route, bool was_routine, uint64_t took_us, int code)
{
    struct hint_debt *debt = route->debt;
    struct hint_delivery *delivery = debt->delivery;
    uint64_t now_us = delivery->now.mono_us;
    ASSERT(route->state == ROUTE_ACTIVE);
    route->state = ROUTE_IDLE;
    route->pass = NULL;
    route->peer->active--;
    if (code < 0) {
        uint64_t pause_us = route->pause_us * 2;
        pause_us = pause_us < HINT_PAUSE_US_MIN ? HINT_PAUSE_US_MIN : pause_us;
        route->pause_us = pause_us > HINT_PAUSE_US_MAX ? HINT_PAUSE_US_MAX : pause_us;
        route->not_before_us = now_us + route->pause_us;
    } else if (code > 0 || !route->is_probe) {
        route->pause_us = 0;
        route->not_before_us = code == 0 ? now_us + HINT_AGAIN_US : now_us;
    }
    if (code == 0 && !route->is_probe && route->is_returning) {
        hint_route_returned(route);
    }
    if (was_routine) {
        uint64_t rest_us = took_us * HINT_ROUTINE_REST;
        rest_us = rest_us < HINT_ROUTINE_US_MIN ? HINT_ROUTINE_US_MIN : rest_us;
        hint_delivery_keep_routine(delivery,
                                   rest_us > HINT_ROUTINE_US_MAX ? HINT_ROUTINE_US_MAX : rest_us);
    }
    hint_debt_plan(debt);
    hint_delivery_run(delivery);
}

/* ---- events ---- */

/* A debt for whatever is owed. */
static void hint_delivery_make_all(struct hint_delivery *delivery)
{
    const struct hints *hints = delivery->hints;
    uint64_t found = 0;
    for (uint32_t p = hints->first; found < hints->keys && p < hints->partitions;
         p += hints->step) {
        struct hint_pile pile = hints_pile(hints, p);
        found += pile.keys;
        if (pile.keys > 0) {
            (void)hint_debt_make(delivery, p); /* without memory: the next routine tries again */
        }
    }
}

void hint_delivery_adopt(struct hint_delivery *delivery, const struct view *view, uint64_t self)
{
    delivery->view = view;
    delivery->self = self;
    if (delivery->is_stopped) {
        return;
    }
    struct queue *link = delivery->turns.next;
    while (link != &delivery->turns) {
        struct hint_debt *debt = QUEUE_ITEM(link, struct hint_debt, link);
        link = link->next;
        if (hint_debt_reroute(debt) < 0) {
            hint_debt_free(debt); /* made anew later */
        }
    }
    if (delivery->hints->keys > 0) {
        hint_delivery_make_all(delivery);
        if (!timer_running(&delivery->routine)) {
            hint_delivery_keep_routine(delivery, HINT_ROUTINE_US_MIN);
        }
    }
    hint_delivery_plan_all(delivery);
}

void hint_delivery_owe(struct hint_delivery *delivery, uint32_t partition)
{
    if (delivery->is_stopped) {
        return;
    }
    struct hint_debt *debt = hint_debt_make(delivery, partition);
    if (debt != NULL) {
        hint_debt_plan_at(debt, delivery->now.mono_us + HINT_SOON_US);
    }
    if (!timer_running(&delivery->routine)) {
        hint_delivery_keep_routine(delivery, HINT_ROUTINE_US_MAX);
    }
}

static bool hint_delivery_has_routine(const struct hint_delivery *delivery)
{
    for (uint32_t i = 0; i < HINT_PASSES_MAX; i++) {
        if (delivery->passes[i].route != NULL && delivery->passes[i].is_routine) {
            return true;
        }
    }
    return false;
}

/* Wants a pass for the first route, in turn, that nothing else wants one for. */
static void hint_delivery_take_turn(struct hint_delivery *delivery)
{
    for (size_t tried = 0; tried < delivery->debts.count; tried++) {
        struct hint_debt *debt = QUEUE_ITEM(delivery->turns.next, struct hint_debt, link);
        uint64_t newest = hints_pile(delivery->hints, debt->partition).newest;
        queue_remove(&debt->link);
        queue_push(&delivery->turns, &debt->link);
        for (uint32_t i = 0; i < debt->route_count; i++) {
            struct hint_route *route = &debt->routes[i];
            if (hint_route_ready(route, newest) && delivery->now.mono_us >= route->not_before_us) {
                hint_route_want(route, false, true);
                return;
            }
        }
    }
}

static void hint_delivery_on_routine(struct timer *timer, uint64_t now_us)
{
    struct hint_delivery *delivery = QUEUE_ITEM(timer, struct hint_delivery, routine);
    (void)now_us;
    if (delivery->is_stopped || delivery->hints->keys == 0) {
        return;
    }
    hint_delivery_keep_routine(delivery, HINT_ROUTINE_US_MAX);
    hint_delivery_make_all(delivery);
    if (!hint_delivery_has_routine(delivery)) {
        hint_delivery_take_turn(delivery);
    }
    hint_delivery_plan_all(delivery);
}

static void hint_route_on_link(struct hint_route *route, bool up)
{
    const struct hint_delivery *delivery = route->debt->delivery;
    uint64_t newest = hints_pile(delivery->hints, route->debt->partition).newest;
    hint_route_rest(route);
    route->pause_us = 0;
    route->not_before_us = 0;
    if (up && route->confirmed < newest) {
        route->is_returning = true;
        route->peer->returning++;
    }
}

void hint_delivery_on_link(struct hint_delivery *delivery, uint64_t node, bool up)
{
    struct hint_peer *peer = table_get(&delivery->peers, node);
    if (peer == NULL || delivery->is_stopped) {
        return;
    }
    const char *name = delivery->ports.name(delivery->ports.self, node);
    if (peer->returning > 0) {
        log_info("hints: delivery broken off, to go on later", LOG_TEXT("node", name),
                 LOG_U64("objects", peer->sent));
    }
    for (struct queue *link = delivery->turns.next; link != &delivery->turns; link = link->next) {
        struct hint_route *route = hint_debt_route(QUEUE_ITEM(link, struct hint_debt, link), node);
        if (route != NULL) {
            hint_route_on_link(route, up);
        }
    }
    peer->sent = 0;
    if (peer->returning > 0) {
        log_info("hints: delivering what is owed", LOG_TEXT("node", name),
                 LOG_U64("partitions", peer->returning));
    }
    hint_delivery_plan_all(delivery);
}

void hint_delivery_stop(struct hint_delivery *delivery)
{
    delivery->is_stopped = true;
    for (struct queue *link = delivery->turns.next; link != &delivery->turns; link = link->next) {
        struct hint_debt *debt = QUEUE_ITEM(link, struct hint_debt, link);
        for (uint32_t i = 0; i < debt->route_count; i++) {
            hint_route_rest(&debt->routes[i]);
        }
        hint_sweep_abort(debt);
        timers_stop(delivery->timers, &debt->timer);
    }
}

void hint_delivery_check(const struct hint_delivery *delivery)
{
    uint32_t active = 0;
    for (uint32_t i = 0; i < HINT_PASSES_MAX; i++) {
        const struct hint_pass *pass = &delivery->passes[i];
        if (pass->route != NULL) {
            ASSERT(pass->route->pass == pass);
            ASSERT(pass->route->state == ROUTE_ACTIVE);
            ASSERT(pass->route->debt->delivery == delivery);
            active++;
        }
    }
    size_t cursor = 0;
    uint64_t node;
    void *value;
    while (table_next(&delivery->peers, &cursor, &node, &value)) {
        const struct hint_peer *peer = value;
        ASSERT(peer->active <= HINT_PASSES_PER_PEER && peer->active <= active);
        active -= peer->active;
    }
    ASSERT(active == 0);
}
