/* One look a worker, on its own thread and repeated every few milliseconds; the last that finds its
 * worker ready wakes the one who waits. */
#include "server/readiness.h"

#include <poll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#define LOOK_US 2000u

static void look(struct readiness_look *self)
{
    struct readiness *readiness = self->readiness;
    if (worker_snapshot(self->loop->worker) == NULL) {
        loop_start_timer(self->loop, &self->timer, LOOK_US);
        return;
    }
    if (atomic_fetch_sub(&readiness->missing, 1) == 1) {
        uint64_t one = 1;
        ssize_t written = write(readiness->fd, &one, sizeof(one));
        (void)written; /* nobody waits any more if it can't be */
    }
}

static void on_timer(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    look(QUEUE_ITEM(timer, struct readiness_look, timer));
}

static void on_errand(struct errand *errand, struct loop *loop, bool dropped)
{
    (void)loop;
    if (!dropped) {
        look(QUEUE_ITEM(errand, struct readiness_look, errand));
    }
}

bool readiness_wait(struct readiness *readiness, struct net *net, int timeout_ms)
{
    uint32_t count = net_worker_count(net);
    readiness->fd = eventfd(0, EFD_CLOEXEC);
    if (readiness->fd < 0) {
        return false;
    }
    atomic_init(&readiness->missing, count);
    for (uint32_t i = 0; i < count; i++) {
        struct readiness_look *one = &readiness->looks[i];
        *one = (struct readiness_look){
            .readiness = readiness, .loop = net_loop(net, i), .errand.run = on_errand};
        one->timer.fire = on_timer;
        loop_errand(one->loop, &one->errand);
    }
    struct pollfd ready = {.fd = readiness->fd, .events = POLLIN};
    return poll(&ready, 1, timeout_ms) == 1;
}

void readiness_deinit(struct readiness *readiness)
{
    if (readiness->fd >= 0) {
        close(readiness->fd);
    }
    readiness->fd = -1;
}
