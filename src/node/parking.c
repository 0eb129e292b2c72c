/* See parking.h. */
#include "node/parking.h"

#include "base/assert.h"
#include "base/memory.h"
#include "node/core.h"
#include "shoal/error.h"

struct parked {
    struct read_waiter waiter;
    struct queue link;
    struct worker *worker;
    struct source source;
    uint64_t since_us;
    size_t len;
    uint8_t bytes[];
};

void parking_init(struct parking *parking)
{
    *parking = (struct parking){0};
    queue_init(&parking->frames);
}

static void parking_free(struct parked *parked)
{
    struct parking *parking = &parked->worker->parking;
    queue_remove(&parked->link);
    parking->count--;
    parking->bytes -= parked->len;
    mem_free(parked);
}

static void parking_on_ready(struct read_waiter *waiter, int code)
{
    struct parked *parked = QUEUE_ITEM(waiter, struct parked, waiter);
    struct worker *worker = parked->worker;
    struct parking *parking = &worker->parking;
    ASSERT(parking->resumed == NULL);
    parking->resumed = parked;
    parking->since_us = parked->since_us;
    worker_dispatch(worker, parked->source, bytes_make(parked->bytes, parked->len), code);
    if (parking->resumed != NULL) { /* not parked once more */
        parking->resumed = NULL;
        parking_free(parked);
    }
}

static struct parked *parking_copy(struct worker *worker)
{
    struct parking *parking = &worker->parking;
    struct parked *parked = mem_alloc(sizeof(*parked) + parking->payload.len);
    if (parked == NULL) {
        return NULL;
    }
    *parked = (struct parked){.worker = worker,
                              .source = parking->source,
                              .since_us = parking->since_us,
                              .len = parking->payload.len,
                              .waiter = {.fire = parking_on_ready}};
    memcpy(parked->bytes, parking->payload.data, parking->payload.len);
    queue_push(&parking->frames, &parked->link);
    parking->count++;
    parking->bytes += parked->len;
    return parked;
}

/* One always may, however large. */
static bool parking_full(const struct parking *parking)
{
    return parking->count >= LIMIT_PARKED_FRAMES ||
           (parking->count > 0 && (parking->bytes >= LIMIT_PARKED_BYTES ||
                                   parking->payload.len > LIMIT_PARKED_BYTES - parking->bytes));
}

int parking_take(struct worker *worker)
{
    struct parking *parking = &worker->parking;
    struct parked *parked = parking->resumed;
    parking->resumed = NULL;
    if (parked == NULL) {
        if (parking_full(parking)) {
            return SHOAL_EOVERLOAD;
        }
        parked = parking_copy(worker);
        if (parked == NULL) {
            return SHOAL_ENOMEM;
        }
    }
    replica_wait(&worker->replica, &parked->waiter);
    return 0;
}

void parking_close(struct worker *worker)
{
    struct parking *parking = &worker->parking;
    while (!queue_empty(&parking->frames)) {
        struct parked *parked = QUEUE_ITEM(parking->frames.next, struct parked, link);
        waiting_leave(&parked->waiter);
        parking_free(parked);
    }
}
