/* A reader that is not in step: it takes from each stream what is held, has fetched what is held no
 * more, and is told of what is gone, until its places are the streams'. What it is told of nodes
 * that are away is a matter of what it knows and what is so now: while it was slow, a node may have
 * been away and back. */
#include "node/feed_work.h"

#include "base/memory.h"
#include "base/mutant.h"
#include "shoal/error.h"

enum { GONE = -1, REFUSED = 0, DONE = 1, MORE = 2 };

/* ---- telling one reader ---- */

int feed_walk_offer(struct feed_walk *walk, struct feed_event *event, uint64_t skip_node,
                    uint32_t skip_lane)
{
    struct feed_work *work = walk->work;
    int error = feed_encode(work, &walk->at, skip_node, skip_lane);
    if (error < 0) {
        feed_end(walk, error, "there is no memory for its cursor");
        return GONE;
    }
    event->cursor = buffer_bytes(&work->cursor);
    event->serial = 0;
    return feed_offer(walk, event);
}

int feed_walk_jump(struct feed_walk *walk, struct feed_place *place, uint32_t tag, uint64_t at,
                   uint32_t reason, uint64_t missed)
{
    struct feed_event event = {.op = FEED_GAP,
                               .reason = reason,
                               .time_ms = walk->work->worker->now.wall_ms,
                               .node = place->node,
                               .missed = missed};
    struct feed_place before = *place;
    place->tag = tag;
    place->at = at;
    int told = MUTANT(feed_untold) ? DONE : feed_walk_offer(walk, &event, 0, 0);
    if (told == REFUSED) {
        *place = before;
    }
    return told;
}

int feed_walk_cut(struct feed_walk *walk, uint64_t node, uint32_t lane, uint32_t reason)
{
    struct feed_event event = {
        .op = FEED_GAP, .reason = reason, .time_ms = walk->work->worker->now.wall_ms, .node = node};
    int told = feed_walk_offer(walk, &event, node, lane);
    if (told == DONE) {
        feed_cursor_cut(&walk->at, node, lane);
    }
    return told;
}

/* ---- nodes that are away ---- */

static uint32_t away_index(const struct feed_walk *walk, uint64_t node)
{
    uint32_t index = 0;
    while (index < walk->away_count && walk->away[index] != node) {
        index++;
    }
    return index;
}

static int away_add(struct feed_walk *walk, uint64_t node)
{
    if (away_index(walk, node) < walk->away_count) {
        return 0;
    }
    uint64_t *away = mem_realloc(walk->away, (walk->away_count + 1) * sizeof(*away));
    if (away == NULL) {
        return SHOAL_ENOMEM;
    }
    walk->away = away;
    away[walk->away_count++] = node;
    return 0;
}

static void away_remove(struct feed_walk *walk, uint64_t node)
{
    uint32_t index = away_index(walk, node);
    if (index < walk->away_count) {
        walk->away[index] = walk->away[--walk->away_count];
    }
}

int feed_walk_note_away(struct feed_walk *walk)
{
    const struct feed_work *work = walk->work;
    int error = 0;
    walk->away_count = 0;
    for (uint32_t i = 0; i < work->peer_count && error == 0; i++) {
        error = work->peers[i].away ? away_add(walk, work->peers[i].node) : 0;
    }
    return error;
}

static int walk_put_back(struct feed_walk *walk, uint64_t node)
{
    const struct feed_work *work = walk->work;
    int error = 0;
    for (uint32_t i = 0; i < work->stream_count && error == 0; i++) {
        const struct feed_stream *stream = work->streams[i];
        if (stream->place.node == node && stream->gone &&
            feed_cursor_lanes(&walk->at, node) == stream->place.lane) {
            error = feed_cursor_put(&walk->at, &stream->place);
        }
    }
    return error;
}

void feed_walk_untold(struct feed_walk *walk, const struct feed_event *event)
{
    const struct feed_peer *peer = feed_peer_find(walk->work, event->node);
    int error = 0;
    if (event->op == FEED_BACK) {
        error = away_add(walk, event->node);
    } else if (peer != NULL && peer->away) {
        away_remove(walk, event->node);
    } else {
        error = walk_put_back(walk, event->node);
    }
    if (error < 0) {
        feed_end(walk, error, "there is no memory to keep its place");
    }
}

static int walk_tell_away(struct feed_walk *walk, const struct feed_peer *peer)
{
    struct feed_event event = {.op = peer->away ? FEED_GAP : FEED_BACK,
                               .reason = peer->away ? peer->reason : 0,
                               .time_ms = walk->work->worker->now.wall_ms,
                               .node = peer->node};
    if (peer->away && away_add(walk, peer->node) < 0) {
        feed_end(walk, SHOAL_ENOMEM, "there is no memory to keep its place");
        return GONE;
    }
    int told = feed_walk_offer(walk, &event, 0, 0);
    if (told != GONE && peer->away != (told == DONE)) {
        away_remove(walk, peer->node);
    }
    return told;
}

static int walk_tell_peers(struct feed_walk *walk)
{
    const struct feed_work *work = walk->work;
    int told = DONE;
    for (uint32_t i = 0; i < work->peer_count && told == DONE; i++) {
        const struct feed_peer *peer = &work->peers[i];
        bool known = away_index(walk, peer->node) < walk->away_count;
        told = known != peer->away ? walk_tell_away(walk, peer) : DONE;
    }
    for (uint32_t i = walk->away_count; told == DONE && i-- > 0;) {
        if (feed_peer_find(work, walk->away[i]) == NULL) {
            away_remove(walk, walk->away[i]); /* it is told of as removed */
        }
    }
    return told;
}

static int walk_tell_dropped(struct feed_walk *walk)
{
    struct feed_event event = {.op = FEED_GAP,
                               .reason = FEED_GAP_DROPPED,
                               .time_ms = walk->work->worker->now.wall_ms,
                               .node = worker_node_id(walk->work->worker),
                               .missed = walk->dropped};
    int told = walk->dropped == 0 ? DONE : feed_walk_offer(walk, &event, 0, 0);
    if (told == DONE) {
        walk->dropped = 0;
    }
    return told;
}

/* ---- streams ---- */

static struct letter_feed_news *walk_held_at(const struct feed_stream *stream, uint64_t at)
{
    for (struct queue *link = stream->held.previous; link != &stream->held; link = link->previous) {
        struct letter_feed_news *letter = QUEUE_ITEM(link, struct letter_feed_news, link);
        if (letter->news->at <= at) {
            return letter->news->next > at ? letter : NULL;
        }
    }
    return NULL;
}

static uint32_t walk_event_index(const struct feed_news *news, uint64_t at)
{
    uint32_t low = 0;
    uint32_t high = news->count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        if (news->events[middle].position < at) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static int walk_give(struct feed_walk *walk, struct feed_place *place,
                     const struct tail_event *event)
{
    struct feed_event shown = feed_event_of(event, place->node);
    uint64_t before = place->at;
    place->at = event->position + 1;
    int told = feed_wants(walk, &shown) ? feed_walk_offer(walk, &shown, 0, 0) : DONE;
    if (told == REFUSED && !MUTANT(feed_refused)) {
        place->at = before;
    }
    return told;
}

static int walk_held(struct feed_walk *walk, struct feed_place *place, uint32_t *budget)
{
    const struct feed_stream *stream = feed_stream_find(walk->work, place->node, place->lane);
    struct letter_feed_news *letter;
    while ((letter = walk_held_at(stream, place->at)) != NULL) {
        const struct feed_news *news = letter->news;
        for (uint32_t i = walk_event_index(news, place->at); i < news->count; i++) {
            if (*budget == 0) {
                return MORE;
            }
            (*budget)--;
            int told = walk_give(walk, place, &news->events[i]);
            if (told != DONE) {
                return told;
            }
        }
        place->at = news->next;
    }
    return DONE;
}

static bool walk_is_held(const struct feed_stream *stream, const struct feed_place *place)
{
    return stream != NULL && stream->tail != 0 && place->tag == stream->place.tag &&
           walk_held_at(stream, place->at) != NULL;
}

/* The node is no member of the cluster: it has been removed, or has left. */
static bool walk_is_out(const struct feed_work *work, uint64_t node)
{
    const struct view *view = work->worker->snapshot->view;
    const struct role *role = roles_find(&view->roles, node);
    return view_removed(view, node) ||
           (role != NULL && role->kind != ROLE_IN && feed_peer_find(work, node) == NULL);
}

/* A place in a lane that nobody follows: any more, or yet. */
static int walk_gone(struct feed_walk *walk, const struct feed_place *place)
{
    const struct feed_work *work = walk->work;
    uint64_t node = place->node;
    const struct feed_peer *peer = feed_peer_find(work, node);
    if (peer != NULL) {
        if (peer->told && place->lane >= peer->lanes) {
            feed_fetch_want(walk, node, place->lane); /* or does the hub not know of it yet? */
        }
        return DONE;
    }
    if (!walk_is_out(work, node)) {
        return DONE;
    }
    for (uint32_t i = 0; i < feed_cursor_lanes(&walk->at, node); i++) {
        if (walk_is_held(feed_stream_find(work, node, i), feed_cursor_find(&walk->at, node, i))) {
            return DONE; /* its turn comes */
        }
    }
    int told = feed_walk_cut(walk, node, 0, FEED_GAP_REMOVED);
    return told == DONE ? MORE : told;
}

static int walk_place(struct feed_walk *walk, struct feed_place *place, uint32_t *budget)
{
    const struct feed_stream *stream = feed_stream_find(walk->work, place->node, place->lane);
    if (stream == NULL || stream->gone) {
        return walk_is_held(stream, place) ? walk_held(walk, place, budget)
                                           : walk_gone(walk, place);
    }
    if (stream->tail == 0) {
        return DONE; /* its time comes when the node is heard */
    }
    if (place->tag == 0 && stream->start.tag == stream->place.tag &&
        place->at == stream->start_ms) {
        place->tag = stream->start.tag;
        place->at = stream->start.at;
    }
    if (place->tag != stream->place.tag) {
        if (place->tag == 0 || place->checked != stream->tail) {
            feed_fetch_want(walk, place->node, place->lane);
        }
        return DONE;
    }
    if (place->at > stream->place.at && place->checked != stream->tail) {
        feed_fetch_want(walk, place->node, place->lane); /* is the lane there yet? */
        return DONE;
    }
    if (place->at >= stream->place.at) {
        return DONE;
    }
    if (place->at < stream->first) {
        feed_fetch_want(walk, place->node, place->lane);
        return DONE;
    }
    return walk_held(walk, place, budget);
}

static int walk_tell_places(struct feed_walk *walk)
{
    uint32_t budget = FEED_WALK_EVENTS;
    if (walk->page != NULL) {
        int used = feed_fetch_use(walk, &budget);
        if (used != DONE) {
            return used;
        }
    }
    bool more = false;
    uint32_t count = walk->at.count;
    for (uint32_t i = 0; i < count && walk->at.count > 0; i++) {
        uint32_t index = (walk->turn + i) % walk->at.count;
        int told = walk_place(walk, &walk->at.places[index], &budget);
        if (told == GONE || told == REFUSED) {
            return told;
        }
        if (budget == 0) {
            walk->turn = index + 1; /* the next one is first, next time */
            return MORE;
        }
        more = more || told == MORE;
    }
    return more ? MORE : DONE;
}

/* ---- a turn ---- */

/* Lanes that the reader's cursor does not know: they are new since then, or of a node of which it
 * knew no more than the time. */
static int walk_merge(struct feed_walk *walk)
{
    const struct feed_work *work = walk->work;
    for (uint32_t i = 0; i < work->stream_count; i++) {
        const struct feed_place *place = &work->streams[i]->place;
        uint32_t lanes = feed_cursor_lanes(&walk->at, place->node);
        if (work->streams[i]->gone || lanes != place->lane) {
            continue;
        }
        const struct feed_place *first = feed_cursor_find(&walk->at, place->node, 0);
        bool timed = first != NULL && first->tag == 0;
        struct feed_place added = {
            .node = place->node, .lane = place->lane, .at = timed ? first->at : 0};
        int error = feed_cursor_put(&walk->at, &added);
        if (error < 0) {
            return error;
        }
    }
    walk->merged = true;
    return feed_gone_merge(walk);
}

void feed_walk_review(struct feed_work *work)
{
    for (struct queue *link = work->walking.next; link != &work->walking; link = link->next) {
        QUEUE_ITEM(link, struct feed_walk, link)->merged = false;
    }
}

static bool walk_in_step(struct feed_walk *walk)
{
    struct feed_work *work = walk->work;
    uint32_t away = 0;
    if (walk->page != NULL || walk->dropped > 0 || feed_ends(work) < 0) {
        return false;
    }
    if (!feed_cursor_equal(&walk->at, &work->ends) &&
        !(MUTANT(feed_joins_early) && walk->at.count == work->ends.count)) {
        return false;
    }
    for (uint32_t i = 0; i < work->peer_count; i++) {
        away += work->peers[i].away ? 1 : 0;
    }
    return away == walk->away_count; /* it has been told of all, and of no other */
}

static void walk_join(struct feed_walk *walk)
{
    feed_fetch_drop(walk);
    feed_cursor_deinit(&walk->at);
    mem_free(walk->away);
    walk->away = NULL;
    walk->away_count = 0;
    walk->synced = true;
    queue_remove(&walk->link);
    queue_push(&walk->work->synced, &walk->link);
}

static int walk_begin(struct feed_walk *walk)
{
    struct feed_work *work = walk->work;
    int error = 0;
    if (walk->fresh) {
        error = feed_ends(work);
        error = error == 0 ? feed_cursor_copy(&walk->at, &work->ends) : error;
        walk->fresh = error < 0;
        walk->merged = true;
        walk->touched = true; /* the surface may tell its client where it stands */
    }
    return error == 0 && !walk->merged ? walk_merge(walk) : error;
}

bool feed_walk_step(struct feed_walk *walk)
{
    if (walk->blocked || !walk->work->ready) {
        return false;
    }
    int error = walk_begin(walk);
    if (error < 0) {
        feed_end(walk, error, "there is no memory to keep its place");
        return false;
    }
    int told = walk_tell_dropped(walk);
    told = told == DONE ? walk_tell_peers(walk) : told;
    told = told == DONE ? walk_tell_places(walk) : told;
    if (told == DONE && walk_in_step(walk)) {
        walk_join(walk);
    }
    return told == MORE;
}
