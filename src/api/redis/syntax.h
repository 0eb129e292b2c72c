/* The arguments of a command as a tree, read from the syntax that the table of commands gives it:
 * what COMMAND DOCS tells clients, which show hints from it.
 *
 *      key [key ...]          one argument, several times         EX seconds     one with a token
 *      [NX | XX]              perhaps one of two tokens           <AND | OR>     one of two
 *      key value [key value ...]   a block of two, several times */
#ifndef API_REDIS_SYNTAX_H
#define API_REDIS_SYNTAX_H

#include "base/arena.h"

enum syntax_kind { SYNTAX_WORD, SYNTAX_TOKEN, SYNTAX_ONE_OF, SYNTAX_BLOCK };

struct syntax_node {
    enum syntax_kind kind;
    struct bytes name;  /* lower case */
    struct bytes token; /* that stands before it; len 0: none */
    bool optional;
    bool multiple;
    struct syntax_node *first; /* of what it is one of, or a block of */
    struct syntax_node *next;
};

/* The arguments, after as many words as the command's name has. They live in the arena. NULL: there
 * are none, or no memory. The syntax is a literal of the table and well formed. */
const struct syntax_node *syntax_read(struct arena *arena, const char *syntax, uint32_t name_words);

/* "key", "integer", "oneof": Redis's word for it. */
const char *syntax_type(const struct syntax_node *node);

#endif
