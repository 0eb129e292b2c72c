/* Bringing a reader up from the tails: one lane after the other, a page at a time, and so many
 * readers at a time as a worker has memory for. A reader that has no room for what was fetched
 * gives its turn to others, and asks again. */
#include "node/feed_work.h"

#include "base/memory.h"
#include "shoal/error.h"

enum { GONE = -1, REFUSED = 0, DONE = 1, MORE = 2 };

static void fetch_pause(struct feed_walk *walk)
{
    struct worker *worker = walk->work->worker;
    feed_fetch_drop(walk);
    (void)timers_start(&worker->timers, &walk->patience, worker->now.mono_us + FEED_PAUSE_US);
}

static void fetch_on_patience(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    struct feed_walk *walk = QUEUE_ITEM(timer, struct feed_walk, patience);
    feed_fetch_drop(walk);
    feed_stir(walk->work);
}

void feed_fetch_init(struct feed_walk *walk)
{
    queue_init(&walk->hunger);
    walk->patience.fire = fetch_on_patience;
}

void feed_fetch_drop(struct feed_walk *walk)
{
    struct feed_work *work = walk->work;
    timers_stop(&work->worker->timers, &walk->patience);
    queue_remove(&walk->hunger);
    walk->hungry = false;
    if (walk->ask != 0) {
        (void)table_remove(&work->asks, walk->ask);
        walk->ask = 0;
    }
    mem_free(walk->page);
    walk->page = NULL;
    if (walk->slot) {
        walk->slot = false;
        work->slots--;
        if (!queue_empty(&work->hungry)) {
            feed_stir(work);
        }
    }
}

/* ---- asking ---- */

void feed_fetch_want(struct feed_walk *walk, uint64_t node, uint32_t lane)
{
    const struct feed_peer *peer = feed_peer_find(walk->work, node);
    if (walk->hungry || walk->slot || timer_running(&walk->patience) || peer == NULL ||
        peer->away) {
        return;
    }
    walk->ask_node = node;
    walk->ask_lane = lane;
    walk->hungry = true;
    queue_push(&walk->work->hungry, &walk->hunger);
}

static int fetch_send(struct feed_walk *walk)
{
    struct feed_work *work = walk->work;
    struct worker *worker = work->worker;
    const struct feed_place *place = feed_cursor_find(&walk->at, walk->ask_node, walk->ask_lane);
    const struct feed_stream *stream = feed_stream_find(work, walk->ask_node, walk->ask_lane);
    if (place == NULL) {
        return SHOAL_ENOTFOUND;
    }
    bool known = stream != NULL && place->tag != 0 && place->tag == stream->place.tag;
    walk->ask_at = place->at;
    struct message_feed ask = {
        .id = work->next_id++,
        .lane = place->lane,
        .tail = known ? stream->tail : 0,
        .from = place->tag != 0 ? FEED_FROM_POSITION : FEED_FROM_TIME,
        .at = place->at,
        .bytes_max = FEED_FETCH_BYTES,
    };
    buffer_clear(&worker->frame);
    int error = message_feed_encode(&ask, &worker->frame);
    error = error == 0 ? table_put(&work->asks, ask.id, walk) : error;
    if (error == 0) {
        walk->ask = ask.id;
        error = timers_start(&worker->timers, &walk->patience, worker->now.mono_us + FEED_FETCH_US);
    }
    return error == 0 ? worker_send(worker, place->node, buffer_bytes(&worker->frame)) : error;
}

void feed_fetch_next(struct feed_work *work)
{
    while (work->slots < FEED_FETCHES && !queue_empty(&work->hungry)) {
        struct feed_walk *walk = QUEUE_ITEM(queue_pop(&work->hungry), struct feed_walk, hunger);
        walk->hungry = false;
        walk->slot = true;
        work->slots++;
        if (fetch_send(walk) < 0) {
            fetch_pause(walk);
        }
    }
}

void feed_fetch_take(struct feed_work *work, uint64_t node, const struct message_fed *fed)
{
    struct feed_walk *walk = table_get(&work->asks, fed->id);
    if (walk == NULL || walk->ask_node != node) {
        return;
    }
    (void)table_remove(&work->asks, fed->id);
    walk->ask = 0;
    timers_stop(&work->worker->timers, &walk->patience);
    struct feed_page *page = mem_alloc(sizeof(*page) + fed->events.len);
    if (page == NULL) {
        fetch_pause(walk);
        return;
    }
    *page = (struct feed_page){.node = node, .lane = walk->ask_lane, .fed = *fed};
    if (fed->events.len > 0) {
        memcpy(page->bytes, fed->events.data, fed->events.len);
    }
    page->fed.events = bytes_make(page->bytes, fed->events.len);
    page->rest = page->fed.events;
    walk->page = page;
    feed_stir(work);
}

/* ---- what the page shows ---- */

/* The place is brought to where the page begins; what lies between is told as a gap. */
static int fetch_begin(struct feed_walk *walk, struct feed_page *page, struct feed_place *place)
{
    const struct message_fed *fed = &page->fed;
    uint32_t tag = feed_tag(fed->tail);
    bool damaged = fed->code == SHOAL_EDAMAGED || fed->code == SHOAL_EIO;
    uint64_t begins = damaged ? fed->next : feed_page_begins(fed);
    if (place->tag == 0) {
        bool whole = place->at == 0;
        place->tag = tag;
        place->at = whole ? TAIL_FIRST : fed->first;
    }
    if (place->tag != tag) {
        int told = feed_walk_jump(walk, place, tag, TAIL_FIRST, FEED_GAP_LOST, 0);
        return told == DONE ? MORE : told; /* which is to be asked for anew */
    }
    if (fed->end < place->at && place->at == walk->ask_at) {
        return feed_walk_jump(walk, place, tag, fed->end, FEED_GAP_LOST, 0);
    }
    if (begins > place->at) {
        return feed_walk_jump(walk, place, tag, begins, FEED_GAP_TRIMMED, begins - place->at);
    }
    return DONE;
}

/* What comes next does not check out. Was anything before it, the page that is asked for from there
 * begins with it; and one that does is gone, though what is behind it may be well. */
static int fetch_damaged(struct feed_walk *walk, const struct feed_page *page,
                         struct feed_place *place)
{
    if (page->rest.len < page->fed.events.len) {
        return DONE;
    }
    return feed_walk_jump(walk, place, place->tag, place->at + 1, FEED_GAP_TRIMMED, 1);
}

static int fetch_give(struct feed_walk *walk, struct feed_page *page, struct feed_place *place,
                      uint32_t *budget)
{
    while (page->rest.len > 0) {
        struct tail_event event;
        struct bytes rest = page->rest;
        if (*budget == 0) {
            return MORE;
        }
        (*budget)--;
        if (tail_event_take(&rest, &event) < 0) {
            return fetch_damaged(walk, page, place);
        }
        if (event.position > place->at && !feed_follows(&event, place->at)) {
            return DONE; /* asked for anew from here, which begins with what is missing */
        }
        if (event.position >= place->at) {
            struct feed_event shown = feed_event_of(&event, place->node);
            uint64_t before = place->at;
            place->at = event.position + 1;
            int told = feed_wants(walk, &shown) ? feed_walk_offer(walk, &shown, 0, 0) : DONE;
            if (told == REFUSED) {
                place->at = before;
            }
            if (told != DONE) {
                return told;
            }
        }
        page->rest = rest;
    }
    return DONE;
}

/* Its turn is over: the next lane is first. */
static void fetch_over(struct feed_walk *walk, const struct feed_page *page,
                       struct feed_place *place)
{
    const struct feed_stream *stream = feed_stream_find(walk->work, page->node, page->lane);
    uint64_t end = page->fed.end;
    bool ahead =
        stream != NULL && (place->tag != stream->place.tag || place->at > stream->place.at);
    if (ahead && place->at >= end) {
        place->checked = stream->tail; /* the hub is behind: it comes to this tail, too */
    }
    walk->turn = (uint32_t)(place - walk->at.places) + 1;
    bool unfollowed = stream == NULL || stream->gone;
    bool nothing = page->fed.events.len == 0 && place->at >= end &&
                   (unfollowed || (place->tag == stream->place.tag && place->at < stream->first));
    if (nothing) {
        fetch_pause(walk);
    } else {
        feed_fetch_drop(walk);
    }
}

static int fetch_refused(struct feed_walk *walk, struct feed_page *page)
{
    if (page->fed.code != SHOAL_ENOTFOUND || page->lane == 0) {
        fetch_pause(walk);
        return DONE;
    }
    uint32_t lane = page->lane;
    uint64_t node = page->node;
    int told = feed_walk_cut(walk, node, lane, FEED_GAP_LOST);
    if (told != GONE) {
        feed_fetch_drop(walk);
    }
    return told;
}

int feed_fetch_use(struct feed_walk *walk, uint32_t *budget)
{
    struct feed_page *page = walk->page;
    struct feed_place *place = feed_cursor_find(&walk->at, page->node, page->lane);
    int code = page->fed.code;
    int told = DONE;
    if (place == NULL) {
        feed_fetch_drop(walk);
        return DONE;
    }
    if (code < 0 && code != SHOAL_EDAMAGED && code != SHOAL_EIO) {
        return fetch_refused(walk, page);
    }
    if (!page->begun) {
        told = fetch_begin(walk, page, place);
        if (told == GONE) {
            return GONE;
        }
        page->begun = told == DONE;
        if (told == MORE) {
            feed_fetch_drop(walk);
            return MORE;
        }
    }
    told = told == DONE ? fetch_give(walk, page, place, budget) : told;
    if (told == DONE) {
        fetch_over(walk, page, place);
    } else if (told == REFUSED) {
        feed_fetch_drop(walk); /* others may have its turn */
    }
    return told;
}
