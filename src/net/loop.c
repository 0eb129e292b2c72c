/* The turn. libevent waits and tells what is ready; everything else about a turn is in plain sight
 * here, in the order that loop.h draws. */
#include "net/loop.h"

#include <errno.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/limits.h"
#include "base/log.h"
#include "net/connection.h"
#include "shoal/error.h"

static struct moment read_clock(void)
{
    struct timespec mono;
    struct timespec wall;
    clock_gettime(CLOCK_MONOTONIC, &mono);
    clock_gettime(CLOCK_REALTIME, &wall);
    return (struct moment){
        .mono_us = (uint64_t)mono.tv_sec * 1000000 + (uint64_t)mono.tv_nsec / 1000,
        .wall_ms = (uint64_t)wall.tv_sec * 1000 + (uint64_t)wall.tv_nsec / 1000000,
    };
}

struct moment loop_now(struct loop *loop)
{
    if (!loop->now_known) {
        loop->now = read_clock();
        loop->now_known = true;
    }
    return loop->now;
}

/* ---- what other threads send ----------------------------------------------------------------- */

void loop_wake(struct loop *loop)
{
    uint64_t one = 1;
    while (write(loop->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR) {
    }
}

void loop_errand(struct loop *loop, struct errand *errand)
{
    if (channel_push(&loop->errands, &errand->link)) {
        loop_wake(loop);
    }
}

void loop_post(struct loop *loop, struct letter *letter)
{
    if (channel_push(&loop->letters, &letter->link)) {
        loop_wake(loop);
    }
}

static void run_errands(struct loop *loop, bool dropped)
{
    struct channel_link *link;
    while ((link = channel_pop(&loop->errands)) != NULL) {
        struct errand *errand = QUEUE_ITEM(link, struct errand, link);
        errand->run(errand, loop, dropped);
    }
}

static bool deliver_letters(struct loop *loop)
{
    bool any = false;
    struct channel_link *link;
    while ((link = channel_pop(&loop->letters)) != NULL) {
        worker_letter(loop->worker, loop_now(loop), QUEUE_ITEM(link, struct letter, link));
        any = true;
    }
    return any;
}

bool loop_deliver_rest(struct loop *loop)
{
    ASSERT(loop->ended);
    return deliver_letters(loop);
}

static void on_wake(evutil_socket_t fd, short what, void *self)
{
    (void)what;
    struct loop *loop = self;
    uint64_t count;
    if (read(fd, &count, sizeof(count)) < 0 && errno != EAGAIN && errno != EINTR) {
        log_error("loop: the wake-up descriptor failed", LOG_I64("errno", errno));
    }
    channel_begin(&loop->errands);
    channel_begin(&loop->letters);
    run_errands(loop, false);
    deliver_letters(loop);
}

/* ---- tasks and timers ------------------------------------------------------------------------ */

void loop_defer(struct loop *loop, struct task *task)
{
    if (queue_empty(&task->link)) {
        queue_push(&loop->tasks, &task->link);
    }
}

/* Those that wait now; what they defer in turn comes with the next round. */
static void run_tasks(struct loop *loop)
{
    if (queue_empty(&loop->tasks)) {
        return;
    }
    queue_push(&loop->tasks, &loop->tasks_end);
    struct queue *link;
    while ((link = queue_pop(&loop->tasks)) != &loop->tasks_end) {
        struct task *task = QUEUE_ITEM(link, struct task, link);
        task->run(task);
    }
}

void loop_start_timer(struct loop *loop, struct timer *timer, uint64_t delay_us)
{
    int code = timers_start(&loop->timers, timer, loop_now(loop).mono_us + delay_us);
    ASSERT(code == 0);
}

static uint64_t next_us(const struct loop *loop)
{
    uint64_t next = timers_next_us(&loop->timers);
    if (loop->worker != NULL) {
        uint64_t worker_next = worker_next_us(loop->worker);
        next = worker_next < next ? worker_next : next;
    }
    return next;
}

static void on_timer(evutil_socket_t fd, short what, void *self)
{
    (void)fd;
    (void)what;
    struct loop *loop = self;
    loop->armed_us = TIMERS_NEVER;
}

/* Only ever brings the wake-up forward: one that comes too early costs an idle turn, and moving it
 * for every request's deadline would cost more. */
static void arm(struct loop *loop)
{
    uint64_t next = next_us(loop);
    if (next >= loop->armed_us) {
        return;
    }
    uint64_t now_us = loop_now(loop).mono_us;
    uint64_t delay_us = next > now_us ? next - now_us : 0;
    struct timeval delay = {.tv_sec = (time_t)(delay_us / 1000000),
                            .tv_usec = (suseconds_t)(delay_us % 1000000)};
    if (event_add(loop->timer_event, &delay) == 0) {
        loop->armed_us = next;
    }
}

/* ---- the turn -------------------------------------------------------------------------------- */

static void finish_turn(struct loop *loop)
{
    arena_reset(&loop->arena);
    run_tasks(loop);
    timers_fire(&loop->timers, loop_now(loop).mono_us);
    if (loop->worker != NULL) {
        struct moment now = loop_now(loop);
        if (worker_next_us(loop->worker) <= now.mono_us) {
            worker_tick(loop->worker, now);
        }
        worker_flush(loop->worker, now);
    }
    connections_flush(loop);
}

void loop_turn(struct loop *loop, bool wait)
{
    int flags = EVLOOP_ONCE;
    if (!wait || !queue_empty(&loop->tasks)) {
        flags |= EVLOOP_NONBLOCK;
    } else {
        arm(loop);
    }
    loop->now_known = false;
    event_base_loop(loop->base, flags);
    finish_turn(loop);
}

void loop_run(struct loop *loop, bool (*over)(struct loop *loop))
{
    if (loop->worker != NULL) {
        worker_start(loop->worker, loop_now(loop));
    }
    finish_turn(loop);
    while (!over(loop)) {
        loop_turn(loop, true);
    }
    loop->ended = true;
    connections_close_all(loop);
    while (!queue_empty(&loop->tasks)) {
        run_tasks(loop);
    }
}

/* ---- birth and end --------------------------------------------------------------------------- */

static int open_events(struct loop *loop)
{
    struct event_config *config = event_config_new();
    if (config == NULL) {
        return SHOAL_ENOMEM;
    }
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    loop->base = event_base_new_with_config(config);
    event_config_free(config);
    if (loop->base == NULL) {
        return SHOAL_ENOMEM;
    }
    loop->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (loop->wake_fd < 0) {
        return SHOAL_EIO;
    }
    loop->wake_event = event_new(loop->base, loop->wake_fd, EV_READ | EV_PERSIST, on_wake, loop);
    loop->timer_event = event_new(loop->base, -1, 0, on_timer, loop);
    if (loop->wake_event == NULL || loop->timer_event == NULL ||
        event_add(loop->wake_event, NULL) != 0) {
        return SHOAL_ENOMEM;
    }
    return 0;
}

int loop_init(struct loop *loop, struct net *net, uint32_t index)
{
    *loop = (struct loop){.net = net, .index = index, .wake_fd = -1, .armed_us = TIMERS_NEVER};
    uint64_t seed = 0;
    int code = random_from_kernel(&seed, sizeof(seed));
    random_init(&loop->random, seed);
    arena_init(&loop->arena, LIMIT_ARENA_KEEP_BYTES);
    timers_init(&loop->timers);
    input_pool_init(&loop->input);
    queue_init(&loop->free_runs);
    queue_init(&loop->dirty);
    queue_init(&loop->connections);
    queue_init(&loop->tasks);
    queue_init(&loop->tasks_end);
    channel_init(&loop->letters);
    channel_init(&loop->errands);
    if (code == 0) {
        code = open_events(loop);
    }
    if (code != 0) {
        loop_deinit(loop);
    }
    return code;
}

void loop_deinit(struct loop *loop)
{
    run_errands(loop, true);
    run_tasks(loop);
    if (loop->timer_event != NULL) {
        event_free(loop->timer_event);
    }
    if (loop->wake_event != NULL) {
        event_free(loop->wake_event);
    }
    if (loop->wake_fd >= 0) {
        close(loop->wake_fd);
    }
    if (loop->base != NULL) {
        event_base_free(loop->base);
    }
    if (loop->shared_input != NULL) {
        input_block_unref(&loop->input, loop->shared_input);
    }
    connections_free_runs(loop);
    input_pool_deinit(&loop->input);
    timers_deinit(&loop->timers);
    arena_deinit(&loop->arena);
}
