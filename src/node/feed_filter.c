/* A short list of filters, each with the number of its readers. See feed_filter.h. */
#include "node/feed_filter.h"

#include <string.h>

#include "base/memory.h"
#include "shoal/error.h"

struct feed_filter {
    struct queue link;
    uint32_t readers;
    uint32_t ops;
    size_t len;
    uint8_t prefix[];
};

static struct bytes filter_prefix(const struct feed_filter *filter)
{
    return bytes_make(filter->prefix, filter->len);
}

int feed_filter_join(struct queue *filters, struct bytes prefix, uint32_t ops,
                     struct feed_filter **out)
{
    ops = ops == 0 ? FEED_CHANGES : ops;
    for (struct queue *link = filters->next; link != filters; link = link->next) {
        struct feed_filter *filter = QUEUE_ITEM(link, struct feed_filter, link);
        if (filter->ops == ops && bytes_equal(filter_prefix(filter), prefix)) {
            filter->readers++;
            *out = filter;
            return 0;
        }
    }
    struct feed_filter *filter = mem_alloc(sizeof(*filter) + prefix.len);
    if (filter == NULL) {
        return SHOAL_ENOMEM;
    }
    *filter = (struct feed_filter){.readers = 1, .ops = ops, .len = prefix.len};
    if (prefix.len > 0) {
        memcpy(filter->prefix, prefix.data, prefix.len);
    }
    queue_init(&filter->link);
    queue_push(filters, &filter->link);
    *out = filter;
    return 0;
}

void feed_filter_leave(struct feed_filter *filter)
{
    if (filter != NULL && --filter->readers == 0) {
        queue_remove(&filter->link);
        mem_free(filter);
    }
}

bool feed_filter_wants(const struct feed_filter *filter, const struct feed_event *event)
{
    if (event->op == FEED_GAP || event->op == FEED_BACK || event->op == FEED_FLUSH) {
        return true;
    }
    return event->op < 32 && (filter->ops & 1u << event->op) != 0 &&
           bytes_starts_with(event->key, filter_prefix(filter));
}

bool feed_filters_want(const struct queue *filters, const struct feed_event *event)
{
    for (const struct queue *link = filters->next; link != filters; link = link->next) {
        if (feed_filter_wants(QUEUE_ITEM(link, struct feed_filter, link), event)) {
            return true;
        }
    }
    return false;
}
