/* How threads hand work to each other: a lock-free queue of many producers and one consumer, after
 * Dmitry Vyukov's intrusive MPSC node queue. The message's link is part of the message, so pushing
 * allocates nothing and cannot fail. Order is kept for each producer. Waking the consumer is the
 * caller's business (an eventfd in `net`): channel_push says when it is needed. */
#ifndef BASE_CHANNEL_H
#define BASE_CHANNEL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#define CHANNEL_LINE_BYTES 64u /* of a processor's cache: producers and consumer keep apart */

struct channel_link {
    _Atomic(struct channel_link *) next;
};

/*      tail -> oldest -> ... -> newest <- head
 *
 * The stub stands in the list when it would otherwise be empty, so that head is never NULL. */
struct channel {
    _Atomic(struct channel_link *) head; /* producers push here */
    atomic_bool signalled;               /* a wake-up is under way */
    char apart[CHANNEL_LINE_BYTES];
    struct channel_link *tail; /* the consumer takes here */
    struct channel_link stub;
};

/* The channel may not be moved afterwards. It owns nothing: drain it before its memory goes. */
void channel_init(struct channel *channel);

/* Any thread. Passes ownership of what holds the link. Returns true when the consumer must be woken
 * (nobody else has woken it since it last began to drain). */
bool channel_push(struct channel *channel, struct channel_link *link);

/* The consumer, before it drains: pushes from now on ask for a wake-up again. */
void channel_begin(struct channel *channel);

/* The consumer: the oldest message, or NULL when there is none (or one is just being pushed, whose
 * producer then has asked, or will ask, for a wake-up). */
struct channel_link *channel_pop(struct channel *channel);

#endif
