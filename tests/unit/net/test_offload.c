/* net/offload: jobs run on other threads and come back once each, a wake-up for many; and the end,
 * at which none is lost. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <errno.h>
#include <sched.h>
#include <semaphore.h>
#include <unistd.h>

#include "support/fake_node.h"

#define JOBS 500u

/* What a job saw of its life. */
struct probe {
    struct offload_job job;
    pthread_t ran_on;
    pthread_t done_on;
    atomic_bool begun;
    atomic_uint runs;
    uint32_t dones;
    uint32_t drops;
    sem_t *hold;                     /* run waits for it */
    struct offload_threads *stopped; /* run waits until this lane is stopping */
    struct offload *again;           /* done gives it once more */
};

static void wait_until_stopping(struct offload_threads *lane)
{
    for (bool stopping = false; !stopping;) {
        pthread_mutex_lock(&lane->lock);
        stopping = lane->stopping;
        pthread_mutex_unlock(&lane->lock);
        sched_yield();
    }
}

static void probe_run(struct offload_job *job)
{
    struct probe *probe = QUEUE_ITEM(job, struct probe, job);
    probe->ran_on = pthread_self();
    atomic_store(&probe->begun, true);
    if (probe->hold != NULL) {
        while (sem_wait(probe->hold) != 0 && errno == EINTR) {
        }
    }
    if (probe->stopped != NULL) {
        wait_until_stopping(probe->stopped);
    }
    atomic_fetch_add(&probe->runs, 1);
}

static void probe_done(struct offload_job *job, bool dropped)
{
    struct probe *probe = QUEUE_ITEM(job, struct probe, job);
    probe->done_on = pthread_self();
    probe->dones++;
    probe->drops += dropped ? 1 : 0;
    if (probe->again != NULL) {
        struct offload *port = probe->again;
        probe->again = NULL;
        port->submit(port->self, OFFLOAD_READ, job);
    }
}

static struct probe probe_make(void)
{
    return (struct probe){.job = {.run = probe_run, .done = probe_done}};
}

/* ---- a loop that turns only when it is told to ----------------------------------------------- */

struct stage {
    struct loop loop;
    struct worker *worker;
    struct offload_pool pool;
    struct offload_desk desk;
    struct offload port;
    struct metrics *metrics;
    struct offload_metrics ids;
};

static int set_up(void **state)
{
    static struct stage stage;
    static struct node_config config;
    struct worker_options options = {.count = 1, .config = &config};
    stage = (struct stage){.metrics = metrics_new(1)};
    assert_int_equal(offload_declare_metrics(stage.metrics, &stage.ids), 0);
    assert_int_equal(loop_init(&stage.loop, NULL, 0), 0);
    assert_int_equal(worker_new(&options, &stage.worker), 0);
    stage.loop.worker = stage.worker;
    assert_int_equal(offload_pool_start(&stage.pool, 1), 0);
    offload_desk_init(&stage.desk, &stage.pool, &stage.loop, stage.metrics, &stage.ids);
    stage.port = offload_desk_port(&stage.desk);
    *state = &stage;
    return 0;
}

static int tear_down(void **state)
{
    struct stage *stage = *state;
    assert_true(offload_pool_stop(&stage->pool, 20));
    while (offload_desk_settle(&stage->desk)) {
    }
    offload_pool_deinit(&stage->pool);
    loop_deinit(&stage->loop);
    worker_free(stage->worker);
    metrics_free(stage->metrics);
    return 0;
}

static void give(struct stage *stage, enum offload_lane lane, struct probe *probe)
{
    stage->port.submit(stage->port.self, lane, &probe->job);
}

/* Turns until it has come back as often as said. */
static void turn_until_done(struct stage *stage, const struct probe *probe, uint32_t dones)
{
    while (probe->dones < dones) {
        loop_turn(&stage->loop, true);
    }
}

static void jobs_run_elsewhere_and_come_back_to_the_loop_s_thread(void **state)
{
    struct stage *stage = *state;
    struct probe probes[OFFLOAD_LANES];
    for (uint32_t lane = 0; lane < OFFLOAD_LANES; lane++) {
        probes[lane] = probe_make();
        give(stage, (enum offload_lane)lane, &probes[lane]);
        assert_int_equal(probes[lane].dones, 0); /* never from within submit */
    }
    for (uint32_t lane = 0; lane < OFFLOAD_LANES; lane++) {
        turn_until_done(stage, &probes[lane], 1);
        assert_int_equal(atomic_load(&probes[lane].runs), 1);
        assert_int_equal(probes[lane].dones, 1);
        assert_int_equal(probes[lane].drops, 0);
        assert_false(pthread_equal(probes[lane].ran_on, pthread_self()));
        assert_true(pthread_equal(probes[lane].done_on, pthread_self()));
    }
}

static void a_job_may_be_given_again_when_it_is_done(void **state)
{
    struct stage *stage = *state;
    struct probe probe = probe_make();
    probe.again = &stage->port;
    give(stage, OFFLOAD_WRITE, &probe);
    turn_until_done(stage, &probe, 2);
    assert_int_equal(atomic_load(&probe.runs), 2);
    assert_int_equal(probe.drops, 0);
}

static void a_lane_does_not_wait_for_another(void **state)
{
    struct stage *stage = *state;
    sem_t hold;
    assert_int_equal(sem_init(&hold, 0, 0), 0);
    struct probe slow[40];
    for (uint32_t i = 0; i < 40; i++) {
        slow[i] = probe_make();
        slow[i].hold = &hold;
        give(stage, i < 20 ? OFFLOAD_SLOW : OFFLOAD_READ, &slow[i]);
    }
    struct probe probe = probe_make();
    give(stage, OFFLOAD_WRITE, &probe);
    turn_until_done(stage, &probe, 1);
    for (uint32_t i = 0; i < 40; i++) {
        assert_int_equal(slow[i].dones, 0);
        assert_int_equal(sem_post(&hold), 0);
    }
    for (uint32_t i = 0; i < 40; i++) {
        turn_until_done(stage, &slow[i], 1);
    }
    sem_destroy(&hold);
}

/* A thread that has run a job gives it back before it ends, so once the pool is stopped all that
 * will come is there: the loop was asleep meanwhile. */
static void many_that_are_done_cost_one_wake_up_and_one_turn(void **state)
{
    struct stage *stage = *state;
    struct probe probes[100];
    for (uint32_t i = 0; i < 100; i++) {
        probes[i] = probe_make();
        give(stage, OFFLOAD_WRITE, &probes[i]);
    }
    for (uint32_t i = 0; i < 100; i++) {
        while (atomic_load(&probes[i].runs) == 0) {
            sched_yield();
        }
        assert_int_equal(probes[i].dones, 0);
    }
    assert_true(offload_pool_stop(&stage->pool, 20));
    uint64_t wakes;
    assert_int_equal(read(stage->loop.wake_fd, &wakes, sizeof(wakes)), sizeof(wakes));
    assert_int_equal(wakes, 1);
    loop_wake(&stage->loop);
    loop_turn(&stage->loop, false);
    for (uint32_t i = 0; i < 100; i++) {
        assert_int_equal(probes[i].dones, 1);
        assert_int_equal(probes[i].drops, 0);
    }
}

static void what_is_under_way_is_counted_by_lane(void **state)
{
    struct stage *stage = *state;
    sem_t hold;
    assert_int_equal(sem_init(&hold, 0, 0), 0);
    struct probe probes[3];
    for (uint32_t i = 0; i < 3; i++) {
        probes[i] = probe_make();
        probes[i].hold = &hold;
        give(stage, OFFLOAD_SLOW, &probes[i]);
    }
    assert_int_equal(metrics_value(stage->metrics, stage->ids.under[OFFLOAD_SLOW]), 3);
    assert_int_equal(metrics_value(stage->metrics, stage->ids.under[OFFLOAD_WRITE]), 0);
    assert_int_equal(sem_post(&hold), 0);
    turn_until_done(stage, &probes[0], 1);
    assert_int_equal(metrics_value(stage->metrics, stage->ids.under[OFFLOAD_SLOW]), 2);
    assert_int_equal(sem_post(&hold), 0);
    assert_int_equal(sem_post(&hold), 0);
    turn_until_done(stage, &probes[2], 1);
    assert_int_equal(metrics_value(stage->metrics, stage->ids.under[OFFLOAD_SLOW]), 0);
    assert_int_equal(metrics_value(stage->metrics, stage->ids.jobs[OFFLOAD_SLOW]), 3);
    sem_destroy(&hold);
}

/* ---- the end --------------------------------------------------------------------------------- */

static void what_still_waits_at_the_end_comes_back_dropped(void **state)
{
    struct stage *stage = *state;
    struct probe probes[5];
    for (uint32_t i = 0; i < 5; i++) {
        probes[i] = probe_make();
    }
    probes[0].stopped = &stage->pool.lanes[OFFLOAD_SLOW]; /* the lane's one thread stays in it */
    probes[3].again = &stage->port; /* what it gives when all is over is dropped in turn */
    for (uint32_t i = 0; i < 5; i++) {
        give(stage, OFFLOAD_SLOW, &probes[i]);
    }
    while (!atomic_load(&probes[0].begun)) {
        sched_yield();
    }
    assert_true(offload_pool_stop(&stage->pool, 20));
    assert_int_equal(probes[0].dones, 0);
    while (offload_desk_settle(&stage->desk)) {
    }
    assert_int_equal(atomic_load(&probes[0].runs), 1);
    assert_int_equal(probes[0].dones, 1);
    assert_int_equal(probes[0].drops, 0); /* it was run, if only just */
    for (uint32_t i = 1; i < 5; i++) {
        assert_int_equal(atomic_load(&probes[i].runs), 0);
        assert_int_equal(probes[i].dones, i == 3 ? 2 : 1);
        assert_int_equal(probes[i].drops, probes[i].dones);
    }
}

static void a_job_that_hangs_is_not_waited_for_without_end(void **state)
{
    struct stage *stage = *state;
    sem_t hold;
    assert_int_equal(sem_init(&hold, 0, 0), 0);
    struct probe probe = probe_make();
    probe.hold = &hold;
    give(stage, OFFLOAD_WRITE, &probe);
    while (!atomic_load(&probe.begun)) {
        sched_yield(); /* meson ends a test that waits for ever */
    }
    assert_false(offload_pool_stop(&stage->pool, 0));
    assert_int_equal(sem_post(&hold), 0);
    assert_true(offload_pool_stop(&stage->pool, 20));
    assert_true(offload_desk_settle(&stage->desk));
    assert_int_equal(probe.dones, 1);
    sem_destroy(&hold);
}

/* ---- a whole node ---------------------------------------------------------------------------- */

struct batch {
    struct net *net;
    uint32_t worker;
    struct probe *probes;
};

static void give_all(struct worker *worker, const struct ports *ports, void *self)
{
    (void)worker;
    (void)ports;
    struct batch *batch = self;
    struct offload port = net_offload(batch->net, batch->worker);
    for (uint32_t i = 0; i < JOBS; i++) {
        port.submit(port.self, (enum offload_lane)(i % OFFLOAD_LANES), &batch->probes[i].job);
    }
}

static void a_node_s_end_loses_no_job(void **state)
{
    (void)state;
    static struct probe probes[3][JOBS];
    for (uint32_t round = 0; round < 10; round++) {
        struct fake_node node;
        fake_node_start(&node, 1, 3, NULL);
        for (uint32_t worker = 0; worker < 3; worker++) {
            for (uint32_t i = 0; i < JOBS; i++) {
                probes[worker][i] = probe_make();
            }
            struct batch batch = {.net = node.net, .worker = worker, .probes = probes[worker]};
            fake_worker_call(node.workers[worker], give_all, &batch);
        }
        if (round == 0) {
            for (uint32_t worker = 0; worker < 3; worker++) {
                assert_true(fake_worker_wait(node.workers[worker], FAKE_OFFLOADED, JOBS, NULL));
            }
        }
        fake_node_stop_now(&node);
        for (uint32_t worker = 0; worker < 3; worker++) {
            for (uint32_t i = 0; i < JOBS; i++) {
                const struct probe *probe = &probes[worker][i];
                assert_int_equal(probe->dones, 1);
                assert_int_equal(atomic_load(&probe->runs) + probe->drops, 1);
            }
        }
    }
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ON_STAGE(jobs_run_elsewhere_and_come_back_to_the_loop_s_thread),
        ON_STAGE(a_job_may_be_given_again_when_it_is_done),
        ON_STAGE(a_lane_does_not_wait_for_another),
        ON_STAGE(many_that_are_done_cost_one_wake_up_and_one_turn),
        ON_STAGE(what_is_under_way_is_counted_by_lane),
        ON_STAGE(what_still_waits_at_the_end_comes_back_dropped),
        ON_STAGE(a_job_that_hangs_is_not_waited_for_without_end),
        cmocka_unit_test(a_node_s_end_loses_no_job),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
