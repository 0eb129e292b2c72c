/* Readers in step: what arrives is told to all of them, event by event. Each event's cursor is made
 * once, when the first of them wants it; an event that a reader has no room for puts that reader
 * out of step, at the place before it. */
#include "node/feed_work.h"
#include "shoal/error.h"

/* ---- one event ---- */

static void queue_take_all(struct queue *from, struct queue *to)
{
    queue_init(to);
    if (!queue_empty(from)) {
        to->next = from->next;
        to->previous = from->previous;
        to->next->previous = to;
        to->previous->next = to;
        queue_init(from);
    }
}

bool feed_leave_step(struct feed_walk *walk)
{
    struct feed_work *work = walk->work;
    int error = feed_ends(work);
    error = error == 0 ? feed_cursor_copy(&walk->at, &work->ends) : error;
    error = error == 0 ? feed_walk_note_away(walk) : error;
    if (error < 0) {
        feed_end(walk, error, "there is no memory to keep its place");
        return false;
    }
    walk->synced = false;
    walk->merged = true;
    queue_remove(&walk->link);
    queue_push(&work->walking, &walk->link);
    return true;
}

/* It refused. */
static void synced_refused(struct feed_walk *walk, const struct feed_event *event,
                           struct feed_stream *stream, const struct feed_place *before)
{
    struct feed_place now = {0};
    if (before != NULL) {
        now = stream->place;
        stream->place = *before;
    }
    bool left = feed_leave_step(walk);
    if (before != NULL) {
        stream->place = now;
    }
    if (left && (event->op == FEED_LIST || event->op == FEED_READ)) {
        walk->dropped++;
    } else if (left && before == NULL) {
        feed_walk_untold(walk, event);
    }
}

void feed_tell_synced(struct feed_work *work, struct feed_event *event, struct feed_stream *stream,
                      const struct feed_place *before)
{
    struct queue round;
    struct queue *link;
    event->serial = ++work->serial;
    event->cursor = (struct bytes){0};
    queue_take_all(&work->synced, &round);
    while ((link = queue_pop(&round)) != NULL) {
        struct feed_walk *walk = QUEUE_ITEM(link, struct feed_walk, link);
        queue_push(&work->synced, link);
        if (!feed_wants(walk, event)) {
            continue;
        }
        if (event->cursor.data == NULL) {
            int error = feed_ends(work);
            error = error == 0 ? feed_encode(work, &work->ends, 0, 0) : error;
            if (error < 0) {
                feed_end(walk, error, "there is no memory for its cursor");
                continue;
            }
            event->cursor = buffer_bytes(&work->cursor);
        }
        if (feed_offer(walk, event) == 0) {
            synced_refused(walk, event, stream, before);
            event->cursor = (struct bytes){0}; /* its bytes may have been used for another */
        }
    }
}

/* ---- what has arrived ---- */

static void advance_gap(struct feed_work *work, const struct feed_news *news, uint32_t op,
                        uint32_t reason, struct feed_stream *stream,
                        const struct feed_place *before)
{
    struct feed_event event = {.op = op,
                               .reason = reason,
                               .time_ms = news->time_ms,
                               .node = news->node,
                               .missed = news->missed};
    feed_tell_synced(work, &event, stream, before);
}

/* A stream goes on elsewhere: what is held of it is of no use any more. */
static void advance_jump(struct feed_work *work, const struct feed_news *news, uint32_t reason)
{
    struct feed_stream *stream = feed_stream_find(work, news->node, news->lane);
    if (stream == NULL || stream->gone) {
        return;
    }
    struct feed_place before = stream->place;
    stream->tail = news->tail;
    stream->place.tag = feed_tag(news->tail);
    stream->place.at = news->at;
    feed_stream_clear(work, stream);
    if (reason == 0) {
        stream->start = stream->place;
    } else {
        advance_gap(work, news, FEED_GAP, reason, stream, &before);
    }
}

static void advance_lanes(struct feed_work *work, const struct feed_news *news)
{
    struct feed_peer *peer = feed_peer_find(work, news->node);
    struct feed_stream *cut = feed_stream_find(work, news->node, news->lanes);
    if (peer != NULL) {
        peer->told = true;
        peer->lanes = news->lanes;
    }
    if (cut != NULL && !cut->gone) {
        feed_streams_end(work, news->node, news->lanes);
        advance_gap(work, news, FEED_GAP, FEED_GAP_LOST, NULL, NULL);
    }
}

static void advance_peer(struct feed_work *work, const struct feed_news *news, bool away,
                         uint32_t reason)
{
    struct feed_peer *peer = feed_peer_find(work, news->node);
    if (peer != NULL && peer->away != away) {
        peer->away = away;
        peer->reason = reason;
        advance_gap(work, news, away ? FEED_GAP : FEED_BACK, reason, NULL, NULL);
    }
}

/* 0 or SHOAL_ENOMEM. */
static int advance_change(struct feed_work *work, const struct feed_news *news)
{
    int error = 0;
    switch (news->kind) {
    case FEED_NEWS_LANE:
        error = feed_peer_add(work, news->node);
        error = error == 0 ? feed_stream_add(work, news) : error;
        feed_walk_review(work);
        break;
    case FEED_NEWS_LANES:
        advance_lanes(work, news);
        break;
    case FEED_NEWS_PLACE:
        advance_jump(work, news, 0);
        break;
    case FEED_NEWS_TRIMMED:
        advance_jump(work, news, FEED_GAP_TRIMMED);
        break;
    case FEED_NEWS_LOST:
        advance_jump(work, news, FEED_GAP_LOST);
        break;
    case FEED_NEWS_SILENT:
        advance_peer(work, news, true, FEED_GAP_LOST);
        break;
    case FEED_NEWS_AWAY:
        advance_peer(work, news, true, FEED_GAP_AWAY);
        break;
    case FEED_NEWS_BACK:
        advance_peer(work, news, false, 0);
        break;
    case FEED_NEWS_REMOVED:
        feed_streams_end(work, news->node, 0);
        feed_peer_remove(work, news->node);
        advance_gap(work, news, FEED_GAP, FEED_GAP_REMOVED, NULL, NULL);
        break;
    default:
        work->ready = true;
        break;
    }
    return error;
}

/* As much as may be told in this turn; true when the letter is done with. */
static bool advance_events(struct feed_work *work, struct letter_feed_news *letter, uint32_t *takes)
{
    const struct feed_news *news = letter->news;
    struct feed_stream *stream = feed_stream_find(work, news->node, news->lane);
    if (stream == NULL || stream->gone || stream->tail != news->tail) {
        feed_done(work, letter);
        return true;
    }
    while (letter->told < news->count && !queue_empty(&work->synced)) {
        if (*takes > FEED_TAKES) {
            return false;
        }
        const struct tail_event *event = &news->events[letter->told++];
        struct feed_place before = stream->place;
        struct feed_event shown = feed_event_of(event, news->node);
        stream->place.at = event->position + 1;
        *takes += 1;
        if (feed_filters_want(&work->filters, &shown)) {
            *takes += work->readers;
            feed_tell_synced(work, &shown, stream, &before);
        }
    }
    stream->place.at = news->next;
    queue_remove(&letter->link);
    feed_hold(work, stream, letter);
    return true;
}

void feed_advance(struct feed_work *work)
{
    uint32_t takes = 0;
    while (!queue_empty(&work->arrived) && takes <= FEED_TAKES) {
        struct letter_feed_news *letter =
            QUEUE_ITEM(work->arrived.next, struct letter_feed_news, link);
        size_t bytes = letter->news->bytes;
        if (letter->news->kind == FEED_NEWS_EVENTS) {
            work->taken += advance_events(work, letter, &takes) ? bytes : 0;
            continue;
        }
        takes += work->readers;
        work->taken += bytes;
        int error = advance_change(work, letter->news);
        feed_done(work, letter);
        if (error < 0) {
            feed_fail(work, error);
        }
    }
}
