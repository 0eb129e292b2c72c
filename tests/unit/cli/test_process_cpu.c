/* The CPU time of processes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <unistd.h>

#include "cli/process_cpu.h"
#include "shoal/error.h"

static void the_times_are_found_behind_any_name(void **state)
{
    (void)state;
    uint64_t us = 0;
    const char *line = "77 (a) b) (c)) S 1 77 77 0 -1 4194560 100 0 0 0 250 50 9 9 20 0 1 0 5 6";
    assert_int_equal(process_cpu_of_stat(line, 100, &us), 0);
    assert_int_equal(us, 3000000);
}

static void damaged_lines_are_refused(void **state)
{
    (void)state;
    uint64_t us = 42;
    assert_int_equal(process_cpu_of_stat("", 100, &us), SHOAL_EPROTO);
    assert_int_equal(process_cpu_of_stat("77 (a) S 1 2 3", 100, &us), SHOAL_EPROTO);
    assert_int_equal(process_cpu_of_stat("77 (a) S 1 2 3 4 5 6 7 8 9 10 x y z", 100, &us),
                     SHOAL_EPROTO);
    assert_int_equal(us, 42);
}

static void lists_of_pids(void **state)
{
    (void)state;
    struct process_cpu processes;
    assert_int_equal(process_cpu_parse(&processes, NULL), 0);
    assert_int_equal(processes.count, 0);
    assert_int_equal(process_cpu_parse(&processes, "1,22,333"), 0);
    assert_int_equal(processes.count, 3);
    assert_int_equal(processes.pids[2], 333);
    static const char *const wrong[] = {"", "1,", ",1", "0", "-1", "1 2", "99999999999999999999"};
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++) {
        if (process_cpu_parse(&processes, wrong[i]) != SHOAL_EINVAL) {
            fail_msg("\"%s\" was taken", wrong[i]);
        }
    }
}

static void this_process_has_its_time_and_none_has_not(void **state)
{
    (void)state;
    uint64_t us;
    struct process_cpu processes = {.pids = {getpid()}, .count = 1};
    assert_int_equal(process_cpu_read(&processes, &us), 0);
    processes.pids[0] = 4194304; /* above what the kernel gives out */
    assert_int_equal(process_cpu_read(&processes, &us), SHOAL_ENOTFOUND);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_times_are_found_behind_any_name),
        cmocka_unit_test(damaged_lines_are_refused),
        cmocka_unit_test(lists_of_pids),
        cmocka_unit_test(this_process_has_its_time_and_none_has_not),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
