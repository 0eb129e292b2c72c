/* Keeps docs/redis.md true: what stands between its two marks is made from the table of commands.
 *
 *      redis-page FILE            fails, and says where, if the page is not what the table says
 *      redis-page --write FILE    makes it so
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "api/redis/command.h"
#include "base/buffer.h"

#define MARK_BEGIN "<!-- commands: made by redis-page from the table of commands -->\n"
#define MARK_END "<!-- end of commands -->\n"
#define PAGE_BYTES_MAX (1u << 20)

/* As they stand in the page. */
static const struct {
    const char *group;
    const char *title;
} groups[] = {
    {"string", "Strings and counters"},
    {"bitmap", "Bits"},
    {"generic", "Keys"},
    {"transactions", "Transactions"},
    {"connection", "Connections"},
    {"server", "The node"},
    {"scripting", "Functions"},
    {"shoal", "Siblings and quorums: Shoal's own"},
};

#define GROUPS (sizeof(groups) / sizeof(groups[0]))

static void need(bool ok, const char *what)
{
    if (!ok) {
        fprintf(stderr, "redis-page: %s\n", what);
        exit(EXIT_FAILURE);
    }
}

static void add(struct buffer *out, const char *text)
{
    need(buffer_append(out, text, strlen(text)) == 0, "out of memory");
}

/* A bar would end the cell of a table. */
static void add_cell(struct buffer *out, const char *text)
{
    for (; *text != 0; text++) {
        if (*text == '|') {
            add(out, "\\");
        }
        need(buffer_append(out, text, 1) == 0, "out of memory");
    }
}

static void add_command(struct buffer *out, const struct command *command)
{
    need(command->syntax != NULL && command->summary != NULL && command->since != NULL &&
             command->complexity != NULL && command->acl != NULL,
         command->name);
    add(out, "| `");
    add_cell(out, command->syntax);
    add(out, "` | ");
    add_cell(out, command->summary);
    add(out, " | ");
    add_cell(out, command->alone == NULL ? "as Redis" : command->alone);
    add(out, " | ");
    add_cell(out, command->clustered == NULL ? "the same" : command->clustered);
    add(out, " |\n");
}

/* A container stands for its parts, unless it does something by itself. */
static void add_with_parts(struct buffer *out, const struct command *command)
{
    const struct command *part = command->subcommands;
    if (part == NULL || command->run != NULL) {
        add_command(out, command);
    }
    for (; part != NULL && part->name != NULL; part++) {
        if (strcmp(part->name, "help") != 0) {
            add_command(out, part);
        }
    }
}

static uint32_t add_group(struct buffer *out, const char *group, const char *title)
{
    uint32_t added = 0;
    uint32_t count;
    const struct command *const *commands = command_all(&count);
    add(out, "\n### ");
    add(out, title);
    add(out, "\n\n| command | what it does | standalone | in a cluster |\n|---|---|---|---|\n");
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(commands[i]->group, group) == 0) {
            add_with_parts(out, commands[i]);
            added++;
        }
    }
    return added;
}

static void add_all(struct buffer *out)
{
    uint32_t count;
    uint32_t added = 0;
    command_all(&count);
    for (size_t i = 0; i < GROUPS; i++) {
        added += add_group(out, groups[i].group, groups[i].title);
    }
    add(out, "\n");
    need(added == count, "a command is of a group that the page has no place for");
}

/* The page with what should stand between the marks. */
static void make_page(const char *page, struct buffer *out)
{
    const char *begin = strstr(page, MARK_BEGIN);
    const char *end = begin == NULL ? NULL : strstr(begin, MARK_END);
    need(end != NULL, "the page has no marks for where commands begin and end");
    begin += strlen(MARK_BEGIN);
    need(buffer_append(out, page, (size_t)(begin - page)) == 0, "out of memory");
    add_all(out);
    add(out, end);
}

static char *read_page(const char *path)
{
    char *page = malloc(PAGE_BYTES_MAX + 1);
    FILE *file = fopen(path, "re");
    need(page != NULL && file != NULL, "can't read the page");
    size_t len = fread(page, 1, PAGE_BYTES_MAX, file);
    page[len] = 0;
    fclose(file);
    return page;
}

static uint32_t first_difference(const char *page, const struct buffer *right)
{
    uint32_t line = 1;
    size_t at = 0;
    while (at < right->len && page[at] != 0 && (uint8_t)page[at] == right->data[at]) {
        line += page[at] == '\n';
        at++;
    }
    return at == right->len && page[at] == 0 ? 0 : line;
}

int main(int argc, char **argv)
{
    bool write = argc == 3 && strcmp(argv[1], "--write") == 0;
    need(argc == 2 || write, "usage: redis-page [--write] FILE");
    const char *path = argv[argc - 1];
    char *page = read_page(path);
    struct buffer right;
    buffer_init(&right, 0);
    make_page(page, &right);
    uint32_t line = first_difference(page, &right);
    if (line != 0 && write) {
        FILE *file = fopen(path, "we");
        need(file != NULL && fwrite(right.data, 1, right.len, file) == right.len &&
                 fclose(file) == 0,
             "can't write the page");
    } else if (line != 0) {
        fprintf(stderr, "%s:%u: not what the table of commands says: run redis-page --write %s\n",
                path, line, path);
    }
    buffer_deinit(&right);
    free(page);
    return line == 0 || write ? EXIT_SUCCESS : EXIT_FAILURE;
}
