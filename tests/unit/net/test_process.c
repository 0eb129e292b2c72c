/* What the system says of the process that runs this. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>
#include <unistd.h>

#include "net/process.h"

#define MIB (UINT64_C(1) << 20)

static void memory_that_is_used_shows(void **state)
{
    (void)state;
    size_t bytes = 64 * MIB;
    struct process_state before;
    struct process_state after;
    process_look(&before);
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    assert_ptr_not_equal(memory, MAP_FAILED);
    memset(memory, 1, bytes);
    process_look(&after);
    assert_true(after.resident_bytes >= before.resident_bytes + 60 * MIB);
    assert_true(after.virtual_bytes >= before.virtual_bytes + 60 * MIB);
    assert_true(process_resident_bytes() >= before.resident_bytes + 60 * MIB);
    munmap(memory, bytes);
}

static void an_open_file_shows(void **state)
{
    (void)state;
    struct process_state before;
    struct process_state after;
    process_look(&before);
    int fd = open("/dev/null", O_RDONLY);
    assert_true(fd >= 0);
    process_look(&after);
    close(fd);
    assert_int_equal(after.open_files, before.open_files + 1);
    assert_true(after.open_files_max >= after.open_files);
}

static void *wait_for(void *done)
{
    sem_wait(done);
    return NULL;
}

static void threads_show(void **state)
{
    (void)state;
    struct process_state before;
    struct process_state after;
    pthread_t thread;
    sem_t done;
    sem_init(&done, 0, 0);
    process_look(&before);
    assert_int_equal(pthread_create(&thread, NULL, wait_for, &done), 0);
    process_look(&after);
    sem_post(&done);
    pthread_join(thread, NULL);
    assert_int_equal(after.threads, before.threads + 1);
}

static void it_started_a_moment_ago_and_has_used_some_time(void **state)
{
    (void)state;
    struct process_state now;
    volatile uint64_t sum = 0;
    for (uint64_t i = 0; i < 50000000; i++) {
        sum += i;
    }
    process_look(&now);
    uint64_t wall_ms = (uint64_t)time(NULL) * 1000;
    assert_in_range(now.started_ms, wall_ms - 600000, wall_ms + 2000);
    assert_true(sum > 0);
    assert_true(now.cpu_us > 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(memory_that_is_used_shows),
        cmocka_unit_test(an_open_file_shows),
        cmocka_unit_test(threads_show),
        cmocka_unit_test(it_started_a_moment_ago_and_has_used_some_time),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
