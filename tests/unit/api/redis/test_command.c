/* The table of commands: what it finds, what it refuses in Redis's words, and that every entry says
 * all that is asked of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "api/redis/call.h"
#include "api/redis/command.h"
#include "api/redis/reply.h"

static struct bytes text(const char *words)
{
    return bytes_from_string(words);
}

/* What is said to a call that can't be resolved; "" to one that can. */
static void expect(const struct bytes *argv, uint32_t argc, const char *said)
{
    struct buffer out;
    buffer_init(&out, 0);
    struct reply reply = {.out = &out};
    const struct command *command = command_resolve(argv, argc, &reply);
    assert_int_equal(command == NULL, said[0] != 0);
    assert_int_equal(out.len, strlen(said));
    assert_memory_equal(out.data == NULL ? "" : (const char *)out.data, said, out.len);
    buffer_deinit(&out);
}

#define EXPECT(said, ...)                                                                          \
    do {                                                                                           \
        const char *words[] = {__VA_ARGS__};                                                       \
        struct bytes argv[sizeof(words) / sizeof(words[0])];                                       \
        for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {                            \
            argv[i] = text(words[i]);                                                              \
        }                                                                                          \
        expect(argv, sizeof(words) / sizeof(words[0]), said);                                      \
    } while (0)

static void names_are_found_in_any_case(void **state)
{
    (void)state;
    assert_ptr_equal(command_find(text("get")), command_find(text("GeT")));
    assert_string_equal(command_find(text("GET"))->name, "get");
    assert_null(command_find(text("gett")));
    assert_null(command_find(text("")));
    assert_null(command_find(bytes_make("get\0", 4)));
    assert_string_equal(command_find_part(command_find(text("client")), text("SETname"))->name,
                        "setname");
}

static void what_is_not_there_is_refused_in_redis_words(void **state)
{
    (void)state;
    EXPECT("", "GET", "k");
    EXPECT("-ERR unknown command 'foo', with args beginning with: 'a' 'b c' \r\n", "foo", "a",
           "b c");
    EXPECT("-ERR unknown command 'FOO', with args beginning with: \r\n", "FOO");
    EXPECT("-ERR unknown subcommand 'nope'. Try CLIENT HELP.\r\n", "client", "nope", "x");
    EXPECT("-ERR wrong number of arguments for 'get' command\r\n", "GET");
    EXPECT("-ERR wrong number of arguments for 'get' command\r\n", "GET", "a", "b");
    EXPECT("-ERR wrong number of arguments for 'client' command\r\n", "CLIENT");
    EXPECT("-ERR wrong number of arguments for 'client|setname' command\r\n", "CLIENT", "SETNAME");
}

static void an_error_quotes_at_most_so_much(void **state)
{
    (void)state;
    char name[301];
    char said[1024];
    memset(name, 'x', 300);
    name[300] = 0;
    const struct bytes argv[] = {text(name), text(name), text("more")};
    int len = snprintf(said, sizeof(said),
                       "-ERR unknown command '%.128s', with args beginning with: '%.128s' \r\n",
                       name, name);
    assert_true(len > 0);
    expect(argv, 3, said);
}

/* Line ends would be taken for the reply's own. */
static void an_error_stays_on_its_line(void **state)
{
    (void)state;
    EXPECT("-ERR unknown command 'a  b', with args beginning with: \r\n", "a\r\nb");
}

static void check_entry(const struct command *command)
{
    char name[COMMAND_NAME_BYTES];
    command_full_name(command, name);
    const char *all[] = {command->syntax, command->summary,    command->since,
                         command->acl,    command->complexity, command->group};
    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++) {
        if (all[i] == NULL || all[i][0] == 0) {
            fail_msg("%s lacks text %zu", name, i);
        }
    }
    for (const char *at = command->name; *at != 0; at++) {
        assert_false(isupper((unsigned char)*at));
    }
    assert_int_equal(command->acl[0], '@');
    assert_int_equal(command->summary[strlen(command->summary) - 1], '.');
    bool keyed = command->kind == COMMAND_KEYS || command->kind == COMMAND_CONTEXT;
    if (keyed && (command->first_key <= 0 || command->key_step <= 0)) {
        fail_msg("%s has no keys", name);
    }
    if (command->run == NULL && command->subcommands == NULL) {
        assert_true(command->kind == COMMAND_CONTROL || command->kind == COMMAND_CONTEXT);
    }
}

static void every_entry_is_whole(void **state)
{
    (void)state;
    uint32_t count;
    const struct command *const *commands = command_all(&count);
    assert_true(count > 70);
    for (uint32_t i = 0; i < count; i++) {
        check_entry(commands[i]);
        assert_ptr_equal(command_find(text(commands[i]->name)), commands[i]);
        assert_null(command_container(commands[i]));
        assert_true(i == 0 || strcmp(commands[i - 1]->name, commands[i]->name) < 0);
        const struct command *part = commands[i]->subcommands;
        for (; part != NULL && part->name != NULL; part++) {
            check_entry(part);
            assert_ptr_equal(command_container(part), commands[i]);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_found_in_any_case),
        cmocka_unit_test(what_is_not_there_is_refused_in_redis_words),
        cmocka_unit_test(an_error_quotes_at_most_so_much),
        cmocka_unit_test(an_error_stays_on_its_line),
        cmocka_unit_test(every_entry_is_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
