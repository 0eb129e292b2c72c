/* A broken assertion, watched from outside: a child process breaks one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/assert.h"

_Noreturn static void break_an_assertion(int write_end)
{
    const struct rlimit no_core = {0, 0};
    setrlimit(RLIMIT_CORE, &no_core);
    signal(SIGABRT, SIG_DFL);
    dup2(write_end, STDERR_FILENO);
    ASSERT(write_end < 0);
    _exit(0);
}

static void a_broken_assertion_names_the_fact_and_aborts(void **state)
{
    (void)state;
    int pipe_ends[2];
    assert_int_equal(pipe(pipe_ends), 0);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        break_an_assertion(pipe_ends[1]);
    }
    close(pipe_ends[1]);
    char text[512] = {0};
    size_t len = 0;
    ssize_t got;
    while ((got = read(pipe_ends[0], text + len, sizeof(text) - 1 - len)) > 0) {
        len += (size_t)got;
    }
    close(pipe_ends[0]);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGABRT);
    assert_non_null(strstr(text, "test_assert.c:"));
    assert_non_null(strstr(text, "write_end < 0"));
}

static void a_fact_that_holds_costs_one_look(void **state)
{
    (void)state;
    int looks = 0;
    ASSERT(++looks == 1);
    assert_int_equal(looks, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_broken_assertion_names_the_fact_and_aborts),
        cmocka_unit_test(a_fact_that_holds_costs_one_look),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
