/* One way along a partition's hints, for one owner: a page of stores is sent, and the next one once
 * all of it has been answered. A pass that meets trouble ends and begins again later from the first
 * hint: what was confirmed before merges to nothing there. See hint_delivery.h. */
#include "base/assert.h"
#include "base/log.h"
#include "base/mutant.h"
#include "repair/hint_inside.h"
#include "shoal/error.h"

#define HINT_ANSWER_US_MAX UINT64_C(2000000)

/* Entries looked at for one page, so that those already confirmed can't hold the loop. */
#define HINT_VISITS_MAX 512u

/* ---- life ---- */

static void hint_pass_on_timer(struct timer *timer, uint64_t now_us);
static void hint_pass_on_read(struct read_waiter *waiter, int code);
static void hint_pass_page(struct hint_pass *pass);

void hint_passes_init(struct hint_delivery *delivery)
{
    for (uint32_t i = 0; i < HINT_PASSES_MAX; i++) {
        struct hint_pass *pass = &delivery->passes[i];
        *pass = (struct hint_pass){.delivery = delivery,
                                   .timer = {.fire = hint_pass_on_timer},
                                   .reading = {.fire = hint_pass_on_read}};
        queue_init(&pass->reading.link);
    }
}

struct hint_pass *hint_pass_free(struct hint_delivery *delivery)
{
    for (uint32_t i = 0; i < HINT_PASSES_MAX; i++) {
        if (delivery->passes[i].route == NULL) {
            return &delivery->passes[i];
        }
    }
    return NULL;
}

void hint_pass_abort(struct hint_pass *pass)
{
    timers_stop(pass->delivery->timers, &pass->timer);
    waiting_leave(&pass->reading);
    pass->route = NULL;
    pass->waiting = 0;
}

/* With 0, a negative code, or 1: another actor answered, and nothing it confirmed before counts. */
static void hint_pass_end(struct hint_pass *pass, int code)
{
    struct hint_route *route = pass->route;
    uint64_t took_us = pass->delivery->now.mono_us - pass->began_us;
    hint_pass_abort(pass);
    hint_route_ended(route, pass->is_routine, took_us, code);
}

void hint_pass_begin(struct hint_pass *pass, struct hint_route *route)
{
    struct hint_delivery *delivery = pass->delivery;
    ASSERT(pass->route == NULL && route->pass == NULL);
    pass->route = route;
    pass->actor = 0;
    pass->is_probe = route->is_probe;
    pass->is_routine = route->is_routine;
    pass->floor = route->is_probe ? 0 : route->confirmed;
    pass->ceiling = route->is_probe ? route->confirmed : delivery->hints->arrival;
    pass->began_us = delivery->now.mono_us;
    pass->position = 0;
    pass->refused_first = UINT64_MAX;
    route->pass = pass;
    hint_pass_page(pass);
}

/* All there was has been answered. */
static void hint_pass_complete(struct hint_pass *pass)
{
    struct hint_route *route = pass->route;
    bool refused = pass->refused_first != UINT64_MAX;
    uint64_t confirmed = refused ? pass->refused_first - 1 : pass->ceiling;
    if (confirmed > route->confirmed) {
        route->confirmed = confirmed;
    }
    if (pass->is_probe && pass->actor == 0) {
        route->heard = pass->delivery->serial + 1; /* what it had confirmed is there no more */
    }
    hint_pass_end(pass, refused ? SHOAL_EOVERLOAD : 0);
}

/* ---- a page ---- */

struct hint_page {
    struct hint_pass *pass;
    size_t bytes;
    uint32_t visited;
    uint64_t last; /* position */
    int code;
};

static int hint_page_send(struct hint_pass *pass, const struct hint_entry *entry)
{
    struct hint_delivery *delivery = pass->delivery;
    uint64_t slot = (uint64_t)(pass - delivery->passes);
    struct message_store store = {
        .id = delivery->id_first + delivery->serial * HINT_PASSES_MAX + slot,
        .partition = pass->route->debt->partition,
        .key = entry->key,
        .object = entry->object,
        .view_digest = delivery->view->digest,
    };
    buffer_clear(delivery->frame);
    int result = message_store_encode(&store, delivery->frame);
    if (result == 0) {
        result = delivery->ports.send(delivery->ports.self, pass->route->peer->node,
                                      buffer_bytes(delivery->frame));
    }
    if (result == 0) {
        pass->arrivals[pass->sent] = entry->arrival;
        pass->waiting |= (MUTANT(hint_sent) ? UINT64_C(0) : UINT64_C(1)) << pass->sent;
        pass->sent++;
        delivery->serial++;
    }
    return result;
}

/* A page ends only between positions. */
static bool hint_page_full(const struct hint_page *page)
{
    const struct hint_pass *pass = page->pass;
    return pass->sent == HINT_PAGE_KEYS || page->bytes >= HINT_PAGE_BYTES ||
           page->visited >= HINT_VISITS_MAX;
}

static bool hint_page_visit(void *self, const struct hint_entry *entry)
{
    struct hint_page *page = self;
    struct hint_pass *pass = page->pass;
    if (hint_page_full(page) && entry->position != page->last) {
        pass->next = entry->position;
        pass->is_last = false;
        return false;
    }
    page->last = entry->position;
    page->visited++;
    if (entry->object.data == NULL || entry->arrival <= pass->floor ||
        entry->arrival > pass->ceiling) {
        return true;
    }
    if (pass->sent == HINT_PAGE_KEYS) {
        page->code = SHOAL_EINTERNAL; /* so many keys of one position don't come by chance */
        return false;
    }
    page->code = hint_page_send(pass, entry);
    page->bytes += entry->key.len + entry->object.len;
    return page->code == 0 && !pass->is_probe;
}

/* The page under way, or the next one, comes after so long. */
static void hint_pass_later(struct hint_pass *pass, uint64_t wait_us)
{
    struct hint_delivery *delivery = pass->delivery;
    if (timers_start(delivery->timers, &pass->timer, delivery->now.mono_us + wait_us) < 0) {
        hint_pass_end(pass, SHOAL_ENOMEM);
    }
}

static void hint_pass_page_end(struct hint_pass *pass)
{
    if (pass->sent > 0 && pass->refused == pass->sent) {
        hint_pass_end(pass, SHOAL_EOVERLOAD); /* it takes nothing at present */
    } else if (pass->is_last) {
        hint_pass_complete(pass);
    } else {
        pass->position = pass->next;
        if (pass->sent > 0) {
            hint_pass_page(pass);
        } else {
            hint_pass_later(pass, 0); /* others, too, have something to do */
        }
    }
}

/* Sends the page: as the engine's walk, or why it could not be sent. */
static int hint_pass_send(struct hint_pass *pass)
{
    struct hint_delivery *delivery = pass->delivery;
    struct hint_page page = {.pass = pass};
    uint64_t pending_at = 0;
    pass->is_last = true;
    int result = hints_walk(delivery->hints, pass->route->debt->partition, pass->position,
                            hint_page_visit, &page, &pending_at);
    if (delivery->pace != NULL) {
        pace_moved(delivery->pace, delivery->now.mono_us, page.bytes);
    }
    if (result == 2 && pending_at > pass->position) {
        pass->next = pending_at;
        pass->is_last = false;
        result = 1;
    }
    return page.code < 0 ? page.code : result;
}

static void hint_pass_page(struct hint_pass *pass)
{
    struct hint_delivery *delivery = pass->delivery;
    uint64_t wait_us = delivery->pace == NULL || pass->is_probe
                           ? 0
                           : pace_wait_us(delivery->pace, delivery->now.mono_us);
    pass->serial = delivery->serial;
    pass->waiting = 0;
    pass->sent = 0;
    pass->refused = 0;
    if (wait_us > 0) {
        hint_pass_later(pass, wait_us);
        return;
    }
    int result = hint_pass_send(pass);
    if (result < 0) {
        hint_pass_end(pass, result);
    } else if (result == 2) {
        pass->waiting = 0; /* frames that are out already are sent again */
        replica_wait(delivery->hints->replica, &pass->reading);
    } else if (pass->waiting == 0) {
        hint_pass_page_end(pass);
    } else {
        hint_pass_later(pass, HINT_ANSWER_US_MAX);
    }
}

static void hint_pass_on_read(struct read_waiter *waiter, int code)
{
    struct hint_pass *pass = QUEUE_ITEM(waiter, struct hint_pass, reading);
    if (code != 0) {
        hint_pass_end(pass, code);
    } else {
        hint_pass_page(pass);
    }
}

static void hint_pass_on_timer(struct timer *timer, uint64_t now_us)
{
    struct hint_pass *pass = QUEUE_ITEM(timer, struct hint_pass, timer);
    (void)now_us;
    if (pass->waiting != 0) {
        hint_pass_end(pass, SHOAL_ETIMEOUT);
    } else {
        hint_pass_page(pass);
    }
}

/* ---- answers ---- */

/* The pass whose frame this answers, and which one; NULL for one that nobody waits for any more. */
static struct hint_pass *hint_pass_of(struct hint_delivery *delivery, uint64_t node, uint64_t id,
                                      uint32_t *frame)
{
    uint64_t number = id - delivery->id_first;
    struct hint_pass *pass = &delivery->passes[number % HINT_PASSES_MAX];
    uint64_t serial = number / HINT_PASSES_MAX;
    if (id < delivery->id_first || pass->route == NULL || pass->route->peer->node != node ||
        serial < pass->serial || serial - pass->serial >= HINT_PAGE_KEYS) {
        return NULL;
    }
    *frame = (uint32_t)(serial - pass->serial);
    return (pass->waiting >> *frame & 1) != 0 ? pass : NULL;
}

/* Notes who confirmed. False when that is another holding than the one whose confirmations were
 * counted so far: they lapse, for it may have nothing of what the other one had. */
static bool hint_pass_hear(struct hint_pass *pass, uint64_t actor, uint32_t frame)
{
    struct hint_route *route = pass->route;
    bool goes_on = true;
    if (actor != route->actor && !MUTANT(hint_any_actor)) {
        goes_on = pass->actor == 0 && pass->floor == 0 && !pass->is_probe;
        route->actor = actor;
        route->confirmed = 0;
        route->debt->asked = route->debt->swept; /* all are to be asked anew */
    }
    pass->actor = actor;
    if (route->heard <= pass->serial + frame) {
        route->heard = pass->serial + frame + 1;
    }
    return goes_on;
}

void hint_delivery_on_stored(struct hint_delivery *delivery, uint64_t node,
                             const struct message_stored *stored)
{
    uint32_t frame;
    struct hint_pass *pass = hint_pass_of(delivery, node, stored->id, &frame);
    if (pass == NULL) {
        return;
    }
    pass->waiting &= ~(UINT64_C(1) << frame);
    if (stored->view.data != NULL) {
        (void)delivery->ports.learn(delivery->ports.self, stored->view_digest, stored->view);
    }
    if (stored->code == SHOAL_ENOTOWNER || (stored->code == 0 && stored->actor == 0)) {
        hint_pass_end(pass, SHOAL_ENOTOWNER); /* the views differ, and will not for long */
        return;
    }
    if (stored->code != 0) {
        pass->refused++;
        if (pass->arrivals[frame] < pass->refused_first) {
            pass->refused_first = pass->arrivals[frame];
        }
    } else if (!hint_pass_hear(pass, stored->actor, frame)) {
        hint_pass_end(pass, 1);
        return;
    } else if (!pass->is_probe) {
        pass->route->peer->sent++;
    }
    if (pass->waiting == 0) {
        timers_stop(delivery->timers, &pass->timer);
        hint_pass_page_end(pass);
    }
}
