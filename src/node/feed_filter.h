/* What the readers of a worker want of the live feed, each filter once: with a thousand readers of
 * the same few prefixes, a change that none of them wants costs a look at a few filters instead of
 * at a thousand readers. */
#ifndef NODE_FEED_FILTER_H
#define NODE_FEED_FILTER_H

#include "base/queue.h"
#include "node/feed.h"

struct feed_filter;

/* The filter of one more reader: `ops` as in struct feed_reader, the prefix is copied. 0 or
 * SHOAL_ENOMEM. */
int feed_filter_join(struct queue *filters, struct bytes prefix, uint32_t ops,
                     struct feed_filter **out);
/* One reader less has it. NULL is fine. */
void feed_filter_leave(struct feed_filter *filter);

/* Gaps, and what else every reader is told, included. */
bool feed_filter_wants(const struct feed_filter *filter, const struct feed_event *event);
/* Does any? */
bool feed_filters_want(const struct queue *filters, const struct feed_event *event);

#endif
