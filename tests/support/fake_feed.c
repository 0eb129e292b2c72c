/* See fake_feed.h. */
#include "support/fake_feed.h"

#include <pthread.h>
#include <time.h>

#include "base/assert.h"
#include "shoal/error.h"

#define READERS_MAX 128u
#define WAIT_S 60

static struct {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    struct feed_reader *readers[READERS_MAX];
    bool placed[READERS_MAX];
    uint32_t count;
    uint32_t more;
    int refusal;
    uint8_t cursor[256];
    size_t cursor_len;
    uint8_t prefix[256];
    size_t prefix_len;
    uint32_t ops;
    uint32_t wanted;
    uint32_t told[32];
} feed = {.lock = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER};

static void lock(void)
{
    ASSERT(pthread_mutex_lock(&feed.lock) == 0);
}

static void unlock(void)
{
    pthread_cond_broadcast(&feed.changed);
    ASSERT(pthread_mutex_unlock(&feed.lock) == 0);
}

void fake_feed_reset(void)
{
    lock();
    feed.count = 0;
    feed.more = 0;
    feed.refusal = 0;
    feed.wanted = 0;
    memset(feed.told, 0, sizeof(feed.told));
    unlock();
}

void fake_feed_refuse(int code)
{
    lock();
    feed.refusal = code;
    unlock();
}

void fake_feed_want(uint32_t ops)
{
    lock();
    feed.wanted = ops;
    unlock();
}

static uint32_t read_number(const uint32_t *number)
{
    lock();
    uint32_t value = *number;
    unlock();
    return value;
}

uint32_t fake_feed_told(uint32_t op)
{
    return read_number(&feed.told[op]);
}

uint32_t fake_feed_more(void)
{
    return read_number(&feed.more);
}

uint32_t fake_feed_ops(void)
{
    return read_number(&feed.ops);
}

struct bytes fake_feed_cursor(void)
{
    return bytes_make(feed.cursor, feed.cursor_len);
}

struct bytes fake_feed_prefix(void)
{
    return bytes_make(feed.prefix, feed.prefix_len);
}

bool fake_feed_wait(uint32_t readers)
{
    struct timespec until;
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += WAIT_S;
    lock();
    int code = 0;
    while (feed.count != readers && code == 0) {
        code = pthread_cond_timedwait(&feed.changed, &feed.lock, &until);
    }
    bool there = feed.count == readers;
    unlock();
    return there;
}

/* ---- on the worker's thread ------------------------------------------------------------------ */

void fake_feed_place(struct worker *worker, const struct ports *ports, void *self)
{
    (void)worker;
    (void)ports;
    (void)self;
    for (uint32_t i = 0; i < feed.count; i++) {
        if (!feed.placed[i]) {
            feed.placed[i] = true;
            feed.readers[i]->calls->flush(feed.readers[i]);
        }
    }
}

void fake_feed_offer(struct worker *worker, const struct ports *ports, void *self)
{
    (void)worker;
    (void)ports;
    struct fake_feed_offer *offer = self;
    offer->taken = offer->count;
    struct feed_reader *readers[READERS_MAX];
    uint32_t count = feed.count;
    memcpy(readers, feed.readers, sizeof(readers));
    for (uint32_t i = 0; i < count; i++) {
        uint32_t taken = 0;
        while (taken < offer->count && readers[i]->walk != NULL &&
               readers[i]->calls->take(readers[i], &offer->events[taken])) {
            taken++;
        }
        if (readers[i]->walk != NULL) {
            readers[i]->calls->flush(readers[i]);
        }
        offer->taken = taken < offer->taken ? taken : offer->taken;
    }
}

static void forget(struct feed_reader *reader)
{
    lock();
    for (uint32_t i = 0; i < feed.count; i++) {
        if (feed.readers[i] == reader) {
            feed.count--;
            feed.readers[i] = feed.readers[feed.count];
            feed.placed[i] = feed.placed[feed.count];
            reader->walk = NULL;
        }
    }
    unlock();
}

void fake_feed_end(struct worker *worker, const struct ports *ports, void *self)
{
    (void)worker;
    (void)ports;
    while (feed.count > 0) {
        struct feed_reader *reader = feed.readers[0];
        forget(reader);
        reader->calls->ended(reader, *(int *)self, "it is over");
    }
}

/* ---- node/feed.h ----------------------------------------------------------------------------- */

static size_t keep(uint8_t *into, struct bytes bytes)
{
    size_t len = bytes.len < 256 ? bytes.len : 256;
    if (len > 0) {
        memcpy(into, bytes.data, len);
    }
    return len;
}

int worker_feed_open(struct worker *worker, struct feed_reader *reader, struct bytes cursor)
{
    (void)worker;
    lock();
    int code = feed.refusal;
    if (code == 0) {
        ASSERT(feed.count < READERS_MAX);
        feed.cursor_len = keep(feed.cursor, cursor);
        feed.prefix_len = keep(feed.prefix, reader->prefix);
        feed.ops = reader->ops;
        feed.placed[feed.count] = cursor.data != NULL;
        feed.readers[feed.count++] = reader;
        reader->walk = (struct feed_walk *)(void *)reader; /* it reads */
    }
    unlock();
    return code;
}

void worker_feed_more(struct worker *worker, struct feed_reader *reader)
{
    (void)worker;
    (void)reader;
    lock();
    feed.more++;
    unlock();
}

void worker_feed_close(struct worker *worker, struct feed_reader *reader)
{
    (void)worker;
    forget(reader);
}

struct bytes worker_feed_cursor(const struct feed_reader *reader)
{
    for (uint32_t i = 0; i < feed.count; i++) {
        if (feed.readers[i] == reader && feed.placed[i]) {
            return bytes_from_string("start");
        }
    }
    return (struct bytes){0};
}

bool worker_feed_wanted(const struct worker *worker, uint32_t op)
{
    (void)worker;
    return (read_number(&feed.wanted) & 1u << op) != 0;
}

void worker_feed_tell(struct worker *worker, uint32_t op, struct bytes key)
{
    (void)worker;
    (void)key;
    lock();
    feed.told[op]++;
    unlock();
}

const char *worker_feed_node_name(const struct worker *worker, uint64_t node)
{
    (void)worker;
    (void)node;
    return "fake";
}
