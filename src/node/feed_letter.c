/* Letters and answers of the live feed, handed to the hub and to the readers' side. */
#include "base/memory.h"
#include "node/feed_hub.h"
#include "node/feed_work.h"

bool worker_letter_feed(struct worker *worker, struct letter *letter)
{
    void *whole = letter;
    switch (letter->kind) {
    case LETTER_FEED_NEWS:
        feed_take_news(worker->feed, whole); /* which keeps it */
        return true;
    case LETTER_FEED_FOLLOW:
        feed_hub_follow(worker->hub, letter->from, whole);
        break;
    case LETTER_FEED_TAKEN:
        feed_hub_taken(worker->hub, letter->from, whole);
        break;
    case LETTER_FEED_WANTS:
        feed_take_wants(worker->feed, whole);
        break;
    case LETTER_FEED_LOCAL:
        feed_take_local(worker->feed, whole);
        break;
    default:
        return false;
    }
    mem_free(letter);
    return true;
}

void worker_take_fed(struct worker *worker, uint64_t node, struct bytes payload)
{
    struct message_fed fed;
    if (message_fed_decode(payload, &worker->arena, &fed) < 0) {
        return;
    }
    if (fed.id >= FEED_READER_ID_FIRST) {
        feed_fetch_take(worker->feed, node, &fed);
    } else if (worker->hub != NULL) {
        feed_hub_take(worker->hub, node, &fed);
    }
}

void feed_letter_free(struct letter *letter)
{
    struct letter_feed_news *news = (struct letter_feed_news *)(void *)letter;
    feed_news_unref(news->news);
    mem_free(news);
}
