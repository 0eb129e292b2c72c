/* api/redis/lcs: the longest common subsequence, against the plain table of lengths. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "base/random.h"
#include "support/redis_rig.h"

static const struct command *const tables[] = {commands_string, NULL};
static struct redis_rig rig;

static int begin(void **state)
{
    (void)state;
    redis_rig_init(&rig, tables);
    return 0;
}

static int end(void **state)
{
    (void)state;
    redis_rig_deinit(&rig);
    return 0;
}

static void the_subsequence_its_length_and_its_ranges(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "MSET a ohmytext b mynewtext", "+OK");
    REDIS_SAYS(&rig, "LCS a b", "$6 mytext");
    REDIS_SAYS(&rig, "LCS a b LEN", ":6");
    REDIS_SAYS(&rig, "LCS a b IDX",
               "*4 $7 matches *2 *2 *2 :4 :7 *2 :5 :8 *2 *2 :2 :3 *2 :0 :1 $3 len :6");
    REDIS_SAYS(&rig, "LCS a b IDX MINMATCHLEN 4",
               "*4 $7 matches *1 *2 *2 :4 :7 *2 :5 :8 $3 len :6");
    REDIS_SAYS(&rig, "LCS a b idx minmatchlen 4 withmatchlen",
               "*4 $7 matches *1 *3 *2 :4 :7 *2 :5 :8 :4 $3 len :6");
    REDIS_SAYS(&rig, "LCS a b IDX MINMATCHLEN 5", "*4 $7 matches *0 $3 len :6");
    REDIS_SAYS(&rig, "LCS a b WITHMATCHLEN MINMATCHLEN 100", "$6 mytext");
    rig.resp3 = true;
    REDIS_SAYS(&rig, "LCS a b IDX MINMATCHLEN 4",
               "%2 $7 matches *1 *2 *2 :4 :7 *2 :5 :8 $3 len :6");
}

static void nothing_in_common_is_empty(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "MSET a abc b xyz e \"\"", "+OK");
    REDIS_SAYS(&rig, "LCS a b", "$0 ");
    REDIS_SAYS(&rig, "LCS a missing", "$0 ");
    REDIS_SAYS(&rig, "LCS missing a LEN", ":0");
    REDIS_SAYS(&rig, "LCS e a", "$0 ");
    REDIS_SAYS(&rig, "LCS missing other IDX", "*4 $7 matches *0 $3 len :0");
    REDIS_SAYS(&rig, "LCS a a IDX WITHMATCHLEN",
               "*4 $7 matches *1 *3 *2 :0 :2 *2 :0 :2 :3 $3 len :3");
}

static void options_that_make_no_sense_are_refused(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "LCS a b LEN IDX",
               "-ERR If you want both the length and indexes, please just use IDX.");
    REDIS_SAYS(&rig, "LCS a b nonsense", "-ERR syntax error");
    REDIS_SAYS(&rig, "LCS a b MINMATCHLEN", "-ERR syntax error");
    REDIS_SAYS(&rig, "LCS a b MINMATCHLEN x", "-ERR value is not an integer or out of range");
    REDIS_SAYS(&rig, "LCS a b IDX MINMATCHLEN -5", "*4 $7 matches *0 $3 len :0");
}

static void values_whose_table_redis_would_not_make_are_refused(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "SETRANGE a 11584 x", ":11585");
    REDIS_SAYS(&rig, "SETRANGE b 11583 y", ":11584");
    REDIS_SAYS(&rig, "LCS b b LEN", ":11584");
    REDIS_SAYS(&rig, "LCS a b LEN",
               "-ERR Insufficient memory, transient memory for LCS exceeds proto-max-bulk-len");
}

static void without_memory_it_says_so(void **state)
{
    (void)state;
    REDIS_SAYS(&rig, "MSET a abcdef b abxdef", "+OK");
    struct bytes argv[] = {bytes_from_string("LCS"), bytes_from_string("a"),
                           bytes_from_string("b")};
    REDIS_SAYS(&rig, "LCS a b IDX",
               "*4 $7 matches *2 *2 *2 :3 :5 *2 :3 :5 *2 *2 :0 :1 *2 :0 :1 "
               "$3 len :5"); /* what the rig itself needs is there now */
    for (uint64_t nth = 1; nth <= 4; nth++) {
        mem_fail_from(nth);
        const char *reply = redis_rig_run_arguments(&rig, argv, 3);
        mem_fail_never();
        assert_non_null(strstr(reply, "transient memory for LCS"));
    }
    REDIS_SAYS(&rig, "LCS a b", "$5 abdef");
}

/* ---- against the table of lengths, which says what Redis says ---- */

#define LEN_MAX 200

static uint32_t lengths[LEN_MAX + 1][LEN_MAX + 1];

static void make_lengths(struct bytes a, struct bytes b)
{
    memset(lengths, 0, sizeof(lengths));
    for (size_t i = 1; i <= a.len; i++) {
        for (size_t j = 1; j <= b.len; j++) {
            uint32_t up = lengths[i - 1][j];
            uint32_t left = lengths[i][j - 1];
            lengths[i][j] = a.data[i - 1] == b.data[j - 1] ? lengths[i - 1][j - 1] + 1
                            : up > left                    ? up
                                                           : left;
        }
    }
}

/* The reply to IDX, backwards through the table. */
static void expect_ranges(struct bytes a, struct bytes b, char *out, size_t size)
{
    char ranges[16384] = "";
    size_t i = a.len;
    size_t j = b.len;
    int count = 0;
    while (i > 0 && j > 0) {
        size_t run = 0;
        while (run < i && run < j && a.data[i - 1 - run] == b.data[j - 1 - run]) {
            run++;
        }
        if (run > 0) {
            size_t used = strlen(ranges);
            (void)snprintf(ranges + used, sizeof(ranges) - used, " *2 *2 :%zu :%zu *2 :%zu :%zu",
                           i - run, i - 1, j - run, j - 1);
            count++;
            i -= run;
            j -= run;
        } else if (lengths[i - 1][j] > lengths[i][j - 1]) {
            i--;
        } else {
            j--;
        }
    }
    (void)snprintf(out, size, "*4 $7 matches *%d%s $3 len :%u", count, ranges,
                   lengths[a.len][b.len]);
}

static struct bytes random_value(struct random *random, uint8_t *data, uint32_t letters)
{
    size_t len = random_below(random, LEN_MAX + 1);
    for (size_t i = 0; i < len; i++) {
        data[i] = (uint8_t)('a' + random_below(random, letters));
    }
    return bytes_make(data, len);
}

static void random_values_give_what_the_table_gives(void **state)
{
    (void)state;
    struct random random;
    random_init(&random, 20240611);
    for (int round = 0; round < 300; round++) {
        uint8_t one[LEN_MAX];
        uint8_t other[LEN_MAX];
        static char want[20000];
        uint32_t letters = 1 + (uint32_t)random_below(&random, 20);
        struct bytes a = random_value(&random, one, letters);
        struct bytes b = random_value(&random, other, letters);
        struct bytes set[] = {bytes_from_string("MSET"), bytes_from_string("a"), a,
                              bytes_from_string("b"), b};
        assert_string_equal(redis_rig_run_arguments(&rig, set, 5), "+OK");
        make_lengths(a, b);
        expect_ranges(a, b, want, sizeof(want));
        REDIS_SAYS(&rig, "LCS a b IDX", want);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_subsequence_its_length_and_its_ranges, begin, end),
        cmocka_unit_test_setup_teardown(nothing_in_common_is_empty, begin, end),
        cmocka_unit_test_setup_teardown(options_that_make_no_sense_are_refused, begin, end),
        cmocka_unit_test_setup_teardown(values_whose_table_redis_would_not_make_are_refused, begin,
                                        end),
        cmocka_unit_test_setup_teardown(without_memory_it_says_so, begin, end),
        cmocka_unit_test_setup_teardown(random_values_give_what_the_table_gives, begin, end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
