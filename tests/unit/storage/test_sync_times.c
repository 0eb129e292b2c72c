/* Times of syncs, from several threads. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>

#include "storage/sync_times.h"

#define THREADS 4u
#define ROUNDS 20000u

static struct sync_times times;

static void *add(void *argument)
{
    (void)argument;
    for (uint64_t i = 1; i <= ROUNDS; i++) {
        sync_times_add(&times, i);
    }
    return NULL;
}

static void nothing_is_lost_between_threads(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    for (unsigned i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, add, NULL), 0);
    }
    for (unsigned i = 0; i < THREADS; i++) {
        pthread_join(threads[i], NULL);
    }
    struct histogram histogram;
    histogram_init(&histogram);
    sync_times_read(&times, &histogram);
    assert_int_equal(histogram.count, THREADS * ROUNDS);
    assert_int_equal(histogram.sum, (uint64_t)THREADS * ROUNDS * (ROUNDS + 1) / 2);
    assert_int_equal(histogram.max, ROUNDS);
    sync_times_read(&times, &histogram); /* is added to what is there */
    assert_int_equal(histogram.count, 2 * THREADS * ROUNDS);
    assert_int_equal(histogram.max, ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(nothing_is_lost_between_threads)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
