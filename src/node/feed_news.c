/* News of the feed: made once by the hub, read by all workers. See feed_news.h. */
#include "node/feed_news.h"

#include "base/memory.h"
#include "shoal/error.h"

struct feed_news *feed_news_new(const struct feed_news *content)
{
    struct feed_news *news = mem_alloc(sizeof(*news));
    if (news != NULL) {
        *news = *content;
        news->references = 1;
        news->bytes = sizeof(*news);
    }
    return news;
}

/* How many of them stand one behind the other from `first` on. */
static int news_count(struct bytes encoded, uint64_t first, uint32_t *count, uint32_t *skipped)
{
    struct tail_event event;
    uint64_t at = first;
    *count = 0;
    *skipped = 0;
    while (encoded.len > 0) {
        if (tail_event_take(&encoded, &event) < 0) {
            return *count == 0 ? SHOAL_EDAMAGED : 0;
        }
        if (event.position < at && *count == 0) {
            (*skipped)++;
            continue;
        }
        if (!feed_follows(&event, at)) {
            break;
        }
        at = event.position + 1;
        (*count)++;
    }
    return 0;
}

struct feed_news *feed_news_of_events(struct bytes encoded, uint64_t first, uint64_t *next,
                                      int *code)
{
    uint32_t count;
    uint32_t skipped;
    *next = first;
    *code = news_count(encoded, first, &count, &skipped);
    if (*code < 0 || count == 0) {
        return NULL;
    }
    size_t table = sizeof(struct feed_news) + count * sizeof(struct tail_event);
    struct feed_news *news = mem_alloc(table + encoded.len);
    if (news == NULL) {
        *code = SHOAL_ENOMEM;
        return NULL;
    }
    struct tail_event *events = (struct tail_event *)(void *)(news + 1);
    uint8_t *copy = (uint8_t *)(events + count);
    memcpy(copy, encoded.data, encoded.len);
    struct bytes rest = bytes_make(copy, encoded.len);
    struct tail_event passed;
    for (uint32_t i = 0; i < skipped; i++) {
        (void)tail_event_take(&rest, &passed);
    }
    for (uint32_t i = 0; i < count; i++) {
        (void)tail_event_take(&rest, &events[i]);
    }
    *news = (struct feed_news){.references = 1,
                               .kind = FEED_NEWS_EVENTS,
                               .at = first,
                               .next = events[count - 1].position + 1,
                               .bytes = table + encoded.len,
                               .count = count,
                               .events = events};
    *next = news->next;
    return news;
}

uint64_t feed_page_begins(const struct message_fed *fed)
{
    struct tail_event first;
    struct bytes rest = fed->events;
    if (rest.len == 0 || tail_event_take(&rest, &first) < 0) {
        return fed->first;
    }
    return first.op == TAIL_CRASH ? tail_crash_from(&first) : first.position;
}

struct feed_news *feed_news_ref(struct feed_news *news)
{
    (void)__atomic_add_fetch(&news->references, 1, __ATOMIC_RELAXED);
    return news;
}

void feed_news_unref(struct feed_news *news)
{
    if (news != NULL && __atomic_sub_fetch(&news->references, 1, __ATOMIC_ACQ_REL) == 0) {
        mem_free(news);
    }
}
