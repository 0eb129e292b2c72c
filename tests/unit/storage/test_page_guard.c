/* Memory that is a file, when its pages go while it is used. What ends a process is tried out in
 * one of its own. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include <pthread.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/limits.h"
#include "shoal/error.h"
#include "storage/page_guard.h"
#include "support/guarded.h"

#define PAGES 8u

struct mapping {
    int fd;
    size_t page;
    uint8_t *memory;
    struct page_guard *guard;
};

static void mapping_make(struct mapping *mapping)
{
    mapping->page = (size_t)sysconf(_SC_PAGESIZE);
    mapping->fd = memfd_create("page guard", MFD_CLOEXEC);
    assert_true(mapping->fd >= 0);
    assert_int_equal(ftruncate(mapping->fd, (off_t)(PAGES * mapping->page)), 0);
    mapping->memory =
        mmap(NULL, PAGES * mapping->page, PROT_READ | PROT_WRITE, MAP_SHARED, mapping->fd, 0);
    assert_true(mapping->memory != MAP_FAILED);
    memset(mapping->memory, 7, PAGES * mapping->page);
    mapping->guard = NULL;
}

static void mapping_end(struct mapping *mapping)
{
    if (mapping->guard != NULL) {
        page_guard_remove(mapping->guard);
    }
    assert_int_equal(munmap(mapping->memory, PAGES * mapping->page), 0);
    assert_int_equal(close(mapping->fd), 0);
}

static void mapping_guard(struct mapping *mapping)
{
    assert_int_equal(page_guard_add(mapping->memory, PAGES * mapping->page, &mapping->guard), 0);
}

static void mapping_cut(const struct mapping *mapping, size_t pages)
{
    assert_int_equal(ftruncate(mapping->fd, (off_t)(pages * mapping->page)), 0);
}

static bool mapping_lost(const struct mapping *mapping)
{
    return atomic_load(page_guard_lost(mapping->guard));
}

static void a_page_that_is_gone_reads_as_zeros_and_can_be_written_to(void **state)
{
    struct mapping mapping;
    (void)state;
    guarded_begin();
    mapping_make(&mapping);
    mapping_guard(&mapping);
    volatile uint8_t *memory = mapping.memory;
    mapping_cut(&mapping, 2);
    assert_int_equal(memory[2 * mapping.page - 1], 7);
    assert_false(mapping_lost(&mapping));
    assert_int_equal(memory[2 * mapping.page], 0);
    assert_true(mapping_lost(&mapping));
    memory[PAGES * mapping.page - 1] = 9; /* another page, met by a write */
    assert_int_equal(memory[PAGES * mapping.page - 1], 9);
    assert_int_equal(memory[(PAGES - 1) * mapping.page], 0);
    memory[0] = 8; /* is the file's as before */
    uint8_t byte = 0;
    assert_int_equal(pread(mapping.fd, &byte, 1, 0), 1);
    assert_int_equal(byte, 8);
    mapping_end(&mapping);
}

static void a_copy_over_many_pages_goes_through(void **state)
{
    struct mapping mapping;
    (void)state;
    guarded_begin();
    mapping_make(&mapping);
    mapping_guard(&mapping);
    mapping_cut(&mapping, 1);
    uint8_t *copy = malloc(PAGES * mapping.page);
    assert_non_null(copy);
    memcpy(copy, mapping.memory, PAGES * mapping.page);
    assert_int_equal(copy[mapping.page - 1], 7);
    for (size_t i = mapping.page; i < PAGES * mapping.page; i++) {
        assert_int_equal(copy[i], 0);
    }
    free(copy);
    mapping_end(&mapping);
}

static void a_guard_that_is_used_again_has_lost_nothing(void **state)
{
    struct mapping mapping;
    (void)state;
    guarded_begin();
    for (uint32_t i = 0; i < 3; i++) {
        mapping_make(&mapping);
        mapping_guard(&mapping);
        assert_false(mapping_lost(&mapping));
        mapping_cut(&mapping, 0);
        assert_int_equal(*(volatile uint8_t *)mapping.memory, 0);
        assert_true(mapping_lost(&mapping));
        mapping_end(&mapping);
    }
}

static void there_are_so_many_guards_and_no_more(void **state)
{
    static struct page_guard *all[LIMIT_MAPPINGS];
    struct mapping mapping;
    struct page_guard *none = NULL;
    (void)state;
    guarded_begin();
    mapping_make(&mapping);
    for (uint32_t i = 0; i < LIMIT_MAPPINGS; i++) {
        assert_int_equal(page_guard_add(mapping.memory, 1, &all[i]), 0);
    }
    assert_int_equal(page_guard_add(mapping.memory, 1, &none), SHOAL_ENOMEM);
    assert_null(none);
    page_guard_remove(all[5]);
    assert_int_equal(page_guard_add(mapping.memory, 1, &all[5]), 0);
    for (uint32_t i = 0; i < LIMIT_MAPPINGS; i++) {
        page_guard_remove(all[i]);
    }
    mapping_end(&mapping);
}

/* ---- several threads ---- */

static void *lose_pages(void *self)
{
    const uint32_t *rounds = self;
    struct mapping mapping;
    for (uint32_t i = 0; i < *rounds; i++) {
        mapping_make(&mapping);
        mapping_guard(&mapping);
        mapping_cut(&mapping, i % PAGES);
        for (size_t page = 0; page < PAGES; page++) {
            volatile uint8_t *at = mapping.memory + page * mapping.page;
            assert_int_equal(*at, page < i % PAGES ? 7 : 0);
            *at = (uint8_t)page;
        }
        assert_true(mapping_lost(&mapping));
        mapping_end(&mapping);
    }
    return NULL;
}

static void threads_lose_pages_of_their_own(void **state)
{
    pthread_t threads[4];
    uint32_t rounds = 200;
    (void)state;
    guarded_begin();
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, lose_pages, &rounds), 0);
    }
    for (uint32_t i = 0; i < 4; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
}

/* ---- everything else ends the process, as it always did ---- */

/* The signal that ended it; 0: it ended by itself. A sanitizer's own handler says what it saw, and
 * aborts or exits. */
static int end_of(void (*act)(struct mapping *mapping), struct mapping *mapping)
{
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct rlimit none = {0};
        (void)setrlimit(RLIMIT_CORE, &none);
        (void)close(STDERR_FILENO);
        act(mapping);
        _exit(0);
    }
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    if (WIFSIGNALED(status)) {
        return WTERMSIG(status);
    }
    return WEXITSTATUS(status) == 0 ? 0 : -1;
}

static bool sanitized(void)
{
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    return true;
#elif defined(__has_feature)
    return __has_feature(address_sanitizer) || __has_feature(thread_sanitizer);
#else
    return false;
#endif
}

static void assert_ends(void (*act)(struct mapping *mapping), struct mapping *mapping)
{
    int end = end_of(act, mapping);
    assert_true(sanitized() ? end != 0 : end == SIGBUS);
}

static void touch(struct mapping *mapping)
{
    *(volatile uint8_t *)mapping->memory = 1;
}

static void touch_unguarded(struct mapping *mapping)
{
    page_guard_remove(mapping->guard);
    touch(mapping);
}

static void send_it(struct mapping *mapping)
{
    (void)mapping;
    (void)kill(getpid(), SIGBUS);
}

static void a_fault_elsewhere_ends_the_process(void **state)
{
    struct mapping guarded;
    struct mapping other;
    (void)state;
    guarded_begin();
    mapping_make(&guarded);
    mapping_guard(&guarded);
    mapping_make(&other);
    mapping_cut(&guarded, 0);
    mapping_cut(&other, 0);
    assert_int_equal(end_of(touch, &guarded), 0);
    assert_ends(touch, &other);
    assert_ends(touch_unguarded, &guarded);
    mapping_end(&other);
    mapping_end(&guarded);
}

static void the_signal_sent_by_somebody_ends_the_process(void **state)
{
    struct mapping mapping;
    (void)state;
    guarded_begin();
    mapping_make(&mapping);
    mapping_guard(&mapping);
    assert_ends(send_it, &mapping);
    mapping_end(&mapping);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_page_that_is_gone_reads_as_zeros_and_can_be_written_to),
        cmocka_unit_test(a_copy_over_many_pages_goes_through),
        cmocka_unit_test(a_guard_that_is_used_again_has_lost_nothing),
        cmocka_unit_test(there_are_so_many_guards_and_no_more),
        cmocka_unit_test(threads_lose_pages_of_their_own),
        cmocka_unit_test(a_fault_elsewhere_ends_the_process),
        cmocka_unit_test(the_signal_sent_by_somebody_ends_the_process),
    };
    guarded_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
