/* The order of memory, which is all there is to get wrong here. A producer first makes its message
 * reachable and then sets `signalled`; the consumer first clears `signalled` and then looks for
 * messages. Both change `signalled` by an exchange, so one of the two comes first: if the producer,
 * the consumer's exchange reads from it (or from a later one) and the message is seen; if the
 * consumer, the producer finds false and asks for a wake-up. No message is ever left lying.
 *
 * Between a producer's exchange of head and its store of next the list is cut in two; pop then
 * finds nothing, although later messages of others may be complete. Their producers' wake-ups, or
 * this one's, bring the consumer back. */
#include "base/channel.h"

void channel_init(struct channel *channel)
{
    atomic_init(&channel->stub.next, NULL);
    atomic_init(&channel->head, &channel->stub);
    atomic_init(&channel->signalled, false);
    channel->tail = &channel->stub;
}

static void append(struct channel *channel, struct channel_link *link)
{
    atomic_store_explicit(&link->next, NULL, memory_order_relaxed);
    struct channel_link *previous =
        atomic_exchange_explicit(&channel->head, link, memory_order_acq_rel);
    atomic_store_explicit(&previous->next, link, memory_order_release);
}

bool channel_push(struct channel *channel, struct channel_link *link)
{
    append(channel, link);
    return !atomic_exchange_explicit(&channel->signalled, true, memory_order_acq_rel);
}

void channel_begin(struct channel *channel)
{
    atomic_exchange_explicit(&channel->signalled, false, memory_order_acq_rel);
}

static struct channel_link *next_of(const struct channel_link *link)
{
    return atomic_load_explicit(&link->next, memory_order_acquire);
}

struct channel_link *channel_pop(struct channel *channel)
{
    struct channel_link *tail = channel->tail;
    struct channel_link *next = next_of(tail);
    if (tail == &channel->stub) {
        if (next == NULL) {
            return NULL;
        }
        channel->tail = next;
        tail = next;
        next = next_of(tail);
    }
    if (next == NULL) {
        /* The last one can be taken only once the stub stands behind it. */
        if (atomic_load_explicit(&channel->head, memory_order_acquire) != tail) {
            return NULL;
        }
        append(channel, &channel->stub);
        next = next_of(tail);
        if (next == NULL) {
            return NULL;
        }
    }
    channel->tail = next;
    return tail;
}
