/* Syntax as people read it becomes a tree as programs do. A tree is shown as: name:type, T= its
 * token, ? optional, + several times, its parts in parentheses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdio.h>

#include "api/redis/syntax.h"
#include "base/memory.h"

#define SHOWN_BYTES 2048u

/* NOLINTNEXTLINE(misc-no-recursion): as deep as a syntax */
static size_t show(const struct syntax_node *node, char *out, size_t at)
{
    for (; node != NULL; node = node->next) {
        at += (size_t)snprintf(out + at, SHOWN_BYTES - at, "%.*s:%s", (int)node->name.len,
                               node->name.data, syntax_type(node));
        if (node->token.len > 0) {
            at += (size_t)snprintf(out + at, SHOWN_BYTES - at, " T=%.*s", (int)node->token.len,
                                   node->token.data);
        }
        at += (size_t)snprintf(out + at, SHOWN_BYTES - at, "%s%s", node->optional ? "?" : "",
                               node->multiple ? "+" : "");
        if (node->first != NULL) {
            at += (size_t)snprintf(out + at, SHOWN_BYTES - at, "(");
            at = show(node->first, out, at);
            at += (size_t)snprintf(out + at, SHOWN_BYTES - at, ")");
        }
        if (node->next != NULL) {
            at += (size_t)snprintf(out + at, SHOWN_BYTES - at, " ");
        }
    }
    return at;
}

static void expect(const char *syntax, uint32_t words, const char *tree)
{
    struct arena arena;
    char shown[SHOWN_BYTES] = "";
    arena_init(&arena, 0);
    show(syntax_read(&arena, syntax, words), shown, 0);
    assert_string_equal(shown, tree);
    arena_deinit(&arena);
}

static void words_are_arguments(void **state)
{
    (void)state;
    expect("TIME", 1, "");
    expect("GET key", 1, "key:key");
    expect("CLIENT SETNAME name", 2, "name:string");
    expect("PING [message]", 1, "message:string?");
}

static void repetitions_are_folded_into_what_they_repeat(void **state)
{
    (void)state;
    expect("DEL key [key ...]", 1, "key:key+");
    expect("MSET key value [key value ...]", 1, "key:block+(key:key value:string)");
    expect("INFO [section [section ...]]", 1, "section:string?+");
    expect("X [GET a b [GET a b ...]]", 1, "a:block T=GET?+(a:string b:string)");
}

static void upper_case_is_a_token(void **state)
{
    (void)state;
    expect("SET key [NX | XX] [GET]", 1,
           "key:key nx:oneof?(nx:pure-token T=NX xx:pure-token T=XX) get:pure-token T=GET?");
    expect("SCAN cursor [MATCH pattern]", 1, "cursor:integer pattern:pattern T=MATCH?");
    expect("BITOP <AND | OR> destkey", 1,
           "and:oneof(and:pure-token T=AND or:pure-token T=OR) destkey:key");
    expect("X [A <b c | D>]", 1, "b:oneof T=A?(b:block(b:string c:string) d:pure-token T=D)");
}

static void memory_that_runs_out_gives_nothing(void **state)
{
    (void)state;
    for (uint64_t nth = 1; nth < 4; nth++) {
        struct arena arena;
        arena_init(&arena, 0);
        mem_fail_from(nth);
        const struct syntax_node *node = syntax_read(&arena, "MSET key value [key value ...]", 1);
        mem_fail_never();
        if (nth == 1) {
            assert_null(node);
        }
        arena_deinit(&arena);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_are_arguments),
        cmocka_unit_test(repetitions_are_folded_into_what_they_repeat),
        cmocka_unit_test(upper_case_is_a_token),
        cmocka_unit_test(memory_that_runs_out_gives_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
