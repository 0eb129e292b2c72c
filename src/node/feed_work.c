/* What the hub tells a worker, kept so that readers can walk it: the streams, what is held of each
 * within a bound, who is away. */
#include "node/feed_work.h"

#include "base/memory.h"
#include "shoal/error.h"

/* ---- streams ---- */

static uint32_t stream_index(const struct feed_work *work, uint64_t node, uint32_t lane)
{
    uint32_t low = 0;
    uint32_t high = work->stream_count;
    while (low < high) {
        uint32_t middle = low + (high - low) / 2;
        const struct feed_place *place = &work->streams[middle]->place;
        if (place->node < node || (place->node == node && place->lane < lane)) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

struct feed_stream *feed_stream_find(const struct feed_work *work, uint64_t node, uint32_t lane)
{
    uint32_t index = stream_index(work, node, lane);
    struct feed_stream *stream = index < work->stream_count ? work->streams[index] : NULL;
    return stream != NULL && stream->place.node == node && stream->place.lane == lane ? stream
                                                                                      : NULL;
}

static struct feed_stream *stream_new(struct feed_work *work, const struct feed_news *news)
{
    struct feed_stream *stream = mem_alloc_zeroed(1, sizeof(*stream));
    struct feed_stream **streams =
        mem_realloc(work->streams, (work->stream_count + 1) * sizeof(struct feed_stream *));
    work->streams = streams == NULL ? work->streams : streams;
    if (stream == NULL || streams == NULL) {
        mem_free(stream);
        return NULL;
    }
    uint32_t index = stream_index(work, news->node, news->lane);
    memmove(streams + index + 1, streams + index,
            (work->stream_count - index) * sizeof(struct feed_stream *));
    streams[index] = stream;
    work->stream_count++;
    queue_init(&stream->held);
    return stream;
}

int feed_stream_add(struct feed_work *work, const struct feed_news *news)
{
    struct feed_stream *stream = feed_stream_find(work, news->node, news->lane);
    stream = stream == NULL ? stream_new(work, news) : stream;
    if (stream == NULL) {
        return SHOAL_ENOMEM;
    }
    feed_stream_clear(work, stream);
    stream->gone = false;
    stream->tail = news->tail;
    stream->start = (struct feed_place){0};
    stream->start_ms = news->tail == 0 ? news->at : 0;
    stream->first = news->at;
    stream->place = (struct feed_place){.node = news->node,
                                        .lane = news->lane,
                                        .tag = news->tail == 0 ? 0 : feed_tag(news->tail),
                                        .at = news->at};
    return 0;
}

void feed_streams_end(struct feed_work *work, uint64_t node, uint32_t lane)
{
    for (uint32_t i = stream_index(work, node, lane);
         i < work->stream_count && work->streams[i]->place.node == node; i++) {
        work->streams[i]->gone = true;
    }
}

int feed_ends(struct feed_work *work)
{
    work->ends.count = 0;
    work->ends.known = work->known;
    for (uint32_t i = 0; i < work->stream_count; i++) {
        int error =
            work->streams[i]->gone ? 0 : feed_cursor_put(&work->ends, &work->streams[i]->place);
        if (error < 0) {
            return error;
        }
    }
    return 0;
}

/* ---- what is held ---- */

void feed_done(struct feed_work *work, struct letter_feed_news *letter)
{
    queue_remove(&letter->link);
    queue_remove(&letter->age);
    if (letter->stream != NULL) {
        work->held_bytes -= letter->news->bytes;
    }
    feed_news_unref(letter->news);
    mem_free(letter);
}

void feed_stream_clear(struct feed_work *work, struct feed_stream *stream)
{
    while (!queue_empty(&stream->held)) {
        feed_done(work, QUEUE_ITEM(stream->held.next, struct letter_feed_news, link));
    }
    stream->first = stream->place.at;
}

/* The oldest goes, from whatever stream: who still wanted it asks the tail. */
static void work_trim(struct feed_work *work, const struct letter_feed_news *but)
{
    while (work->held_bytes > work->held_bytes_max && !queue_empty(&work->ages)) {
        struct letter_feed_news *oldest = QUEUE_ITEM(work->ages.next, struct letter_feed_news, age);
        if (oldest == but) {
            return;
        }
        oldest->stream->first = oldest->news->next;
        feed_done(work, oldest);
    }
}

void feed_hold(struct feed_work *work, struct feed_stream *stream, struct letter_feed_news *letter)
{
    letter->stream = stream;
    queue_push(&stream->held, &letter->link);
    queue_push(&work->ages, &letter->age);
    work->held_bytes += letter->news->bytes;
    work_trim(work, letter);
}

/* ---- who is away ---- */

static uint32_t peer_index(const struct feed_work *work, uint64_t node)
{
    uint32_t index = 0;
    while (index < work->peer_count && work->peers[index].node < node) {
        index++;
    }
    return index;
}

struct feed_peer *feed_peer_find(const struct feed_work *work, uint64_t node)
{
    uint32_t index = peer_index(work, node);
    return index < work->peer_count && work->peers[index].node == node ? &work->peers[index] : NULL;
}

int feed_peer_add(struct feed_work *work, uint64_t node)
{
    if (feed_peer_find(work, node) != NULL) {
        return 0;
    }
    struct feed_peer *peers = mem_realloc(work->peers, (work->peer_count + 1) * sizeof(*peers));
    if (peers == NULL) {
        return SHOAL_ENOMEM;
    }
    work->peers = peers;
    uint32_t index = peer_index(work, node);
    memmove(peers + index + 1, peers + index, (work->peer_count - index) * sizeof(*peers));
    peers[index] = (struct feed_peer){.node = node};
    work->peer_count++;
    return 0;
}

void feed_peer_remove(struct feed_work *work, uint64_t node)
{
    uint32_t index = peer_index(work, node);
    if (feed_peer_find(work, node) != NULL) {
        memmove(work->peers + index, work->peers + index + 1,
                (work->peer_count - index - 1) * sizeof(*work->peers));
        work->peer_count--;
    }
}

/* ---- the hub's letters ---- */

/* Readers in step keep their place: what was held is nobody's any more. */
static void work_drop_all(struct feed_work *work)
{
    while (!queue_empty(&work->arrived)) {
        feed_done(work, QUEUE_ITEM(work->arrived.next, struct letter_feed_news, link));
    }
    for (uint32_t i = 0; i < work->stream_count; i++) {
        feed_stream_clear(work, work->streams[i]);
        mem_free(work->streams[i]);
    }
    work->stream_count = 0;
    work->peer_count = 0;
    work->begun = false;
    work->ready = false;
}

void feed_forget(struct feed_work *work)
{
    while (!queue_empty(&work->synced)) {
        (void)feed_leave_step(QUEUE_ITEM(work->synced.next, struct feed_walk, link));
    }
    work_drop_all(work);
    mem_free(work->streams);
    mem_free(work->peers);
    work->streams = NULL;
    work->peers = NULL;
}

void feed_take_news(struct feed_work *work, struct letter_feed_news *letter)
{
    const struct feed_news *news = letter->news;
    letter->stream = NULL;
    letter->told = 0;
    queue_init(&letter->link);
    queue_init(&letter->age);
    if (news->kind == FEED_NEWS_BEGIN && news->at == work->ticket && work->ticket != 0) {
        feed_forget(work);
        work->taken = 0;
        work->begun = true;
        feed_done(work, letter);
        return;
    }
    if (!work->begun) {
        feed_done(work, letter); /* of an earlier time */
        return;
    }
    queue_push(&work->arrived, &letter->link);
    feed_stir(work);
}
