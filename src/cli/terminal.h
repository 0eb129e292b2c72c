/* Where a command reads and writes, and how it says things: plainly for people, or as one line of
 * JSON. Commands know no stdout or stderr but these, so tests run them in process. */
#ifndef CLI_TERMINAL_H
#define CLI_TERMINAL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "base/bytes.h"
#include "shoal/client.h"

struct terminal {
    FILE *in;
    FILE *out;
    FILE *err;
    bool json;
    bool err_is_screen; /* progress may be redrawn in place */
    bool out_is_screen;
    bool applied_some; /* the command has changed something, or may have: failing then isn't "none"
                        */
};

/* Says that something failed, and why, in one line; the exit status for it. */
int terminal_fail(struct terminal *terminal, int code, const char *text);

/* The same with a form as of printf. */
__attribute__((format(printf, 3, 4))) int terminal_fail_form(struct terminal *terminal, int code,
                                                             const char *form, ...);

/* Prints the first character, or as \xNN what a terminal would obey and what is no UTF-8. How many
 * bytes of the text, which is not empty, that were. */
size_t terminal_print_tame(FILE *file, struct bytes rest);

/* A remark on stderr; nothing under --json. */
__attribute__((format(printf, 2, 3))) void terminal_remark(struct terminal *terminal,
                                                           const char *form, ...);

/* Prints a line of JSON on `file` and frees it; NULL is taken as out of memory. Exit status 0, or
 * that of the failure. */
int terminal_print_json(struct terminal *terminal, FILE *file, json_t *object);

/* Something was done: OK, or {"message":"Ok"} with the context if there is one. */
int terminal_print_ok(struct terminal *terminal, struct shoal_bytes context);

#endif
