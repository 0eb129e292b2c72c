/* What is owed for one partition, and how far each of its owners has confirmed it: who gets a pass
 * now, who in its turn, and when what all have confirmed is removed. See hint_delivery.h. */
#include "base/assert.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "repair/hint_inside.h"
#include "shoal/error.h"

/* ---- life ---- */

static void hint_debt_on_timer(struct timer *timer, uint64_t now_us);

/* The route is wanted no more, and nothing of it is under way. */
void hint_route_rest(struct hint_route *route)
{
    if (route->state == ROUTE_ACTIVE) {
        hint_pass_abort(route->pass);
        route->pass = NULL;
        route->peer->active--;
    } else if (route->state == ROUTE_WANTING) {
        queue_remove(&route->link);
    }
    route->state = ROUTE_IDLE;
    if (route->is_returning) {
        route->is_returning = false;
        route->peer->returning--;
    }
}

void hint_debt_free(struct hint_debt *debt)
{
    struct hint_delivery *delivery = debt->delivery;
    for (uint32_t i = 0; i < debt->route_count; i++) {
        hint_route_rest(&debt->routes[i]);
    }
    hint_sweep_abort(debt);
    timers_stop(delivery->timers, &debt->timer);
    queue_remove(&debt->link);
    (void)table_remove(&delivery->debts, (uint64_t)debt->partition + 1);
    mem_free(debt->routes);
    mem_free(debt);
}

/* The debt of the partition, for which hints are there; NULL without memory. */
struct hint_debt *hint_debt_make(struct hint_delivery *delivery, uint32_t partition)
{
    struct hint_debt *debt = table_get(&delivery->debts, (uint64_t)partition + 1);
    if (debt != NULL) {
        return debt;
    }
    debt = mem_alloc_zeroed(1, sizeof(*debt));
    if (debt == NULL || table_put(&delivery->debts, (uint64_t)partition + 1, debt) < 0) {
        mem_free(debt);
        return NULL;
    }
    debt->delivery = delivery;
    debt->partition = partition;
    debt->timer.fire = hint_debt_on_timer;
    debt->reading.fire = hint_sweep_on_read;
    queue_init(&debt->reading.link);
    queue_push(&delivery->turns, &debt->link);
    if (hint_debt_reroute(debt) < 0) {
        hint_debt_free(debt);
        return NULL;
    }
    return debt;
}

/* ---- routes ---- */

bool hint_peer_linked(const struct hint_delivery *delivery, const struct hint_peer *peer)
{
    return peer->node == delivery->self || reach_linked(delivery->reach, peer->node);
}

/* NULL without memory. */
static struct hint_peer *hint_peer_make(struct hint_delivery *delivery, uint64_t node)
{
    struct hint_peer *peer = table_get(&delivery->peers, node);
    if (peer != NULL) {
        return peer;
    }
    peer = mem_alloc_zeroed(1, sizeof(*peer));
    if (peer == NULL || table_put(&delivery->peers, node, peer) < 0) {
        mem_free(peer);
        return NULL;
    }
    peer->node = node;
    queue_init(&peer->wanting);
    return peer;
}

struct hint_route *hint_debt_route(struct hint_debt *debt, uint64_t node)
{
    for (uint32_t i = 0; i < debt->route_count; i++) {
        if (debt->routes[i].peer->node == node) {
            return &debt->routes[i];
        }
    }
    return NULL;
}

/* The partition's owners in the live layouts, less the removed. How many; 0 when there are too
 * many layouts to tell: then the debt waits. */
static uint32_t hint_debt_owners(const struct hint_debt *debt, uint64_t out[LIMIT_REQUEST_TARGETS])
{
    struct placement placement;
    uint32_t count = 0;
    if (view_place(debt->delivery->view, debt->partition, &placement) < 0) {
        return 0;
    }
    uint64_t present = 0;
    for (uint32_t i = 0; i < placement.layout_count; i++) {
        present |= placement.present[i];
    }
    for (uint32_t i = 0; i < placement.node_count; i++) {
        if ((present >> i & 1) != 0) {
            out[count++] = placement.nodes[i];
        }
    }
    return count;
}

static bool hint_debt_owed_to(struct hint_debt *debt, const uint64_t *owners, uint32_t count)
{
    bool same = debt->route_count == count;
    for (uint32_t i = 0; same && i < count; i++) {
        same = hint_debt_route(debt, owners[i]) != NULL;
    }
    return same;
}

/* Routes to the owners of now; those that stay keep what they have confirmed. 0 or SHOAL_ENOMEM. */
int hint_debt_reroute(struct hint_debt *debt)
{
    uint64_t owners[LIMIT_REQUEST_TARGETS];
    uint32_t count = hint_debt_owners(debt, owners);
    if (debt->routes != NULL && hint_debt_owed_to(debt, owners, count)) {
        return 0;
    }
    struct hint_route *routes = mem_alloc_zeroed(count, sizeof(*routes));
    if (routes == NULL) {
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        const struct hint_route *before = hint_debt_route(debt, owners[i]);
        struct hint_peer *peer = hint_peer_make(debt->delivery, owners[i]);
        if (peer == NULL) {
            mem_free(routes);
            return SHOAL_ENOMEM;
        }
        routes[i] = (struct hint_route){.debt = debt, .peer = peer};
        if (before != NULL) {
            routes[i].actor = before->actor;
            routes[i].confirmed = before->confirmed;
            routes[i].heard = before->heard;
        }
    }
    for (uint32_t i = 0; i < debt->route_count; i++) {
        hint_route_rest(&debt->routes[i]);
    }
    hint_sweep_abort(debt);
    mem_free(debt->routes);
    debt->routes = routes;
    debt->route_count = count;
    debt->asked = 0;
    debt->swept = 0;
    return 0;
}

/* ---- planning ---- */

void hint_debt_plan_at(struct hint_debt *debt, uint64_t at_us)
{
    if (!timer_running(&debt->timer) || debt->timer.deadline_us > at_us) {
        /* Without memory the next routine looks at it. */
        (void)timers_start(debt->delivery->timers, &debt->timer, at_us);
    }
}

void hint_route_want(struct hint_route *route, bool is_probe, bool is_routine)
{
    ASSERT(route->state == ROUTE_IDLE);
    route->is_probe = is_probe;
    route->is_routine = is_routine;
    route->state = ROUTE_WANTING;
    queue_push(&route->peer->wanting, &route->link);
}

/* Up to where all owners have confirmed. */
static uint64_t hint_debt_confirmed(const struct hint_debt *debt)
{
    uint64_t least = debt->route_count == 0 ? 0 : UINT64_MAX;
    uint64_t most = 0;
    for (uint32_t i = 0; i < debt->route_count; i++) {
        uint64_t confirmed = debt->routes[i].confirmed;
        least = confirmed < least ? confirmed : least;
        most = confirmed > most ? confirmed : most;
    }
    return MUTANT(hint_one_owner) ? most : least;
}

/* All owners have confirmed so much, but not all at one time: the first may have lost it since, and
 * been filled again by others who did not have it yet. So each is asked once more, by a store,
 * after all have confirmed; then there was a moment at which all of them held it, and it is swept.
 */
static void hint_debt_settle(struct hint_debt *debt, uint64_t confirmed)
{
    struct hint_delivery *delivery = debt->delivery;
    if (debt->asked <= debt->swept || debt->asked > confirmed) {
        debt->asked = confirmed;
        debt->mark = delivery->serial;
    }
    bool same = true;
    for (uint32_t i = 0; i < debt->route_count; i++) {
        struct hint_route *route = &debt->routes[i];
        if (route->heard > debt->mark || MUTANT(hint_any_actor) || MUTANT(hint_one_owner) ||
            MUTANT(hint_sent)) {
            continue;
        }
        same = false;
        if (route->state == ROUTE_IDLE && hint_peer_linked(delivery, route->peer)) {
            if (delivery->now.mono_us < route->not_before_us && route->pause_us > 0) {
                hint_debt_plan_at(debt, route->not_before_us);
            } else {
                hint_route_want(route, true, false);
            }
        }
    }
    if (same) {
        hint_sweep_begin(debt, debt->asked);
    }
}

static bool hint_debt_reachable(const struct hint_debt *debt)
{
    for (uint32_t i = 0; i < debt->route_count; i++) {
        if (!hint_peer_linked(debt->delivery, debt->routes[i].peer)) {
            return false;
        }
    }
    return true;
}

/* Could a pass of the route begin, and would it bring anything? */
bool hint_route_ready(const struct hint_route *route, uint64_t newest)
{
    return route->state == ROUTE_IDLE && route->confirmed < newest &&
           hint_peer_linked(route->debt->delivery, route->peer);
}

static void hint_debt_want(struct hint_debt *debt, uint64_t newest)
{
    bool reachable = hint_debt_reachable(debt);
    for (uint32_t i = 0; i < debt->route_count; i++) {
        struct hint_route *route = &debt->routes[i];
        if (!hint_route_ready(route, newest) || !(reachable || route->is_returning)) {
            continue;
        }
        if (debt->delivery->now.mono_us < route->not_before_us) {
            hint_debt_plan_at(debt, route->not_before_us);
        } else {
            hint_route_want(route, false, false);
        }
    }
}

void hint_debt_plan(struct hint_debt *debt)
{
    struct hint_delivery *delivery = debt->delivery;
    struct hint_pile pile = hints_pile(delivery->hints, debt->partition);
    if (delivery->is_stopped || debt->is_sweeping) {
        return;
    }
    if (pile.keys == 0) {
        hint_debt_free(debt);
        return;
    }
    uint64_t confirmed = hint_debt_confirmed(debt);
    if (confirmed > debt->swept) {
        hint_debt_settle(debt, confirmed);
    }
    hint_debt_want(debt, pile.newest);
    hint_delivery_run(delivery);
}

static void hint_debt_on_timer(struct timer *timer, uint64_t now_us)
{
    struct hint_debt *debt = QUEUE_ITEM(timer, struct hint_debt, timer);
    (void)now_us;
    if (debt->is_sweeping) {
        hint_sweep_step(debt);
    } else {
        hint_debt_plan(debt);
    }
}
