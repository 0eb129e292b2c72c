#include "api/redis/syntax.h"

#include <ctype.h>
#include <string.h>

struct parser {
    const char *at;
    struct arena *arena;
    bool failed; /* no memory */
};

struct list {
    struct syntax_node *first;
    struct syntax_node *last;
    uint32_t count;
};

/* ---- words ----------------------------------------------------------------------------------- */

/* The next bracket, bar or word, taken or not; empty at the end. */
static struct bytes peek(struct parser *parser)
{
    parser->at += strspn(parser->at, " ");
    size_t len = strcspn(parser->at, " []<>|");
    return bytes_make(parser->at, len == 0 && *parser->at != 0 ? 1 : len);
}

static struct bytes take(struct parser *parser)
{
    struct bytes word = peek(parser);
    parser->at += word.len;
    return word;
}

static bool is(struct bytes word, const char *text)
{
    return bytes_equal(word, bytes_from_string(text));
}

static bool is_token(struct bytes word)
{
    for (size_t i = 0; i < word.len; i++) {
        if (islower(word.data[i]) || !isgraph(word.data[i])) {
            return false;
        }
    }
    return word.len > 0 && isupper(word.data[0]);
}

static bool is_plain(struct bytes word)
{
    return word.len > 0 && strchr("[]<>|", word.data[0]) == NULL && !is(word, "...") &&
           !is_token(word);
}

/* ---- nodes ----------------------------------------------------------------------------------- */

static struct syntax_node *make(struct parser *parser, enum syntax_kind kind, struct bytes name)
{
    struct syntax_node *node = arena_alloc(parser->arena, sizeof(*node));
    uint8_t *lower = arena_alloc(parser->arena, name.len + 1);
    if (node == NULL || lower == NULL) {
        parser->failed = true;
        return NULL;
    }
    for (size_t i = 0; i < name.len; i++) {
        lower[i] = (uint8_t)tolower(name.data[i]);
    }
    *node = (struct syntax_node){.kind = kind, .name = bytes_make(lower, name.len)};
    return node;
}

static void append(struct list *list, struct syntax_node *node)
{
    if (node == NULL) {
        return;
    }
    node->next = NULL;
    if (list->last == NULL) {
        list->first = node;
    } else {
        list->last->next = node;
    }
    list->last = node;
    list->count++;
}

/* One node for all of the list: itself if it is one. */
static struct syntax_node *bundle(struct parser *parser, enum syntax_kind kind,
                                  const struct list *list)
{
    if (list->first == NULL || list->count == 1 || parser->failed) {
        return list->first;
    }
    struct syntax_node *node = make(parser, kind, list->first->name);
    if (node != NULL) {
        node->first = list->first;
    }
    return node;
}

static bool same(const struct syntax_node *a, const struct syntax_node *b)
{
    return bytes_equal(a->name, b->name) && bytes_equal(a->token, b->token);
}

/* ---- the grammar ----------------------------------------------------------------------------- */

static struct syntax_node *read_choice(struct parser *parser, bool *repeated);

/* "EX seconds", "NX", "FILTERBY <...>" */
static struct syntax_node *read_token(struct parser *parser)
{
    struct bytes token = take(parser);
    struct list list = {0};
    bool repeated = false;
    if (is(peek(parser), "<")) {
        take(parser);
        append(&list, read_choice(parser, &repeated));
    }
    while (is_plain(peek(parser))) {
        append(&list, make(parser, SYNTAX_WORD, take(parser)));
    }
    if (list.count == 0) {
        append(&list, make(parser, SYNTAX_TOKEN, token));
    }
    struct syntax_node *node = bundle(parser, SYNTAX_BLOCK, &list);
    if (node != NULL) {
        node->token = token;
    }
    return node;
}

/* Where the last `count` of the list begin. */
static struct syntax_node **tail_of(struct list *list, uint32_t count)
{
    struct syntax_node **at = &list->first;
    for (uint32_t i = list->count; i > count; i--) {
        at = &(*at)->next;
    }
    return at;
}

/* "key value" before "[key value ...]": the last ones are what is repeated. False: they are not. */
static bool fold(struct parser *parser, struct list *list, struct syntax_node *inner)
{
    struct syntax_node *part =
        inner->kind == SYNTAX_BLOCK && inner->token.len == 0 ? inner->first : inner;
    uint32_t count = 0;
    for (const struct syntax_node *at = part; at != NULL; at = at->next) {
        count++;
    }
    if (count > list->count) {
        return false;
    }
    struct syntax_node **tail = tail_of(list, count);
    for (const struct syntax_node *at = *tail; at != NULL; at = at->next) {
        if (part == NULL || !same(at, part)) {
            return false;
        }
        part = part->next;
    }
    struct list last = {.first = *tail, .last = list->last, .count = count};
    struct syntax_node *block = bundle(parser, SYNTAX_BLOCK, &last);
    if (block != NULL) {
        block->multiple = true;
        *tail = block;
        list->last = block;
        list->count -= count - 1;
    }
    return true;
}

static void read_bracket(struct parser *parser, struct list *list)
{
    bool repeated = false;
    take(parser);
    struct syntax_node *inner = read_choice(parser, &repeated);
    if (inner == NULL || (repeated && fold(parser, list, inner))) {
        return;
    }
    inner->optional = true;
    inner->multiple |= repeated;
    append(list, inner);
}

/* Up to a bar, a closing bracket or the end. */
static struct list read_sequence(struct parser *parser, bool *repeated)
{
    struct list list = {0};
    while (!parser->failed) {
        struct bytes word = peek(parser);
        bool ignored = false;
        if (word.len == 0 || is(word, "|") || is(word, "]") || is(word, ">")) {
            break;
        }
        if (is(word, "[")) {
            read_bracket(parser, &list);
        } else if (is(word, "<")) {
            take(parser);
            append(&list, read_choice(parser, &ignored));
        } else if (is(word, "...")) {
            take(parser);
            *repeated = true;
        } else if (is_token(word)) {
            append(&list, read_token(parser));
        } else {
            append(&list, make(parser, SYNTAX_WORD, take(parser)));
        }
    }
    return list;
}

/* To the closing bracket, which is taken. NULL: nothing, or no memory. */
static struct syntax_node *read_choice(struct parser *parser, bool *repeated)
{
    struct list choices = {0};
    do {
        struct list sequence = read_sequence(parser, repeated);
        append(&choices, bundle(parser, SYNTAX_BLOCK, &sequence));
    } while (!parser->failed && is(take(parser), "|"));
    return parser->failed ? NULL : bundle(parser, SYNTAX_ONE_OF, &choices);
}

const struct syntax_node *syntax_read(struct arena *arena, const char *syntax, uint32_t name_words)
{
    struct parser parser = {.at = syntax, .arena = arena};
    bool repeated = false;
    for (uint32_t i = 0; i < name_words; i++) {
        take(&parser);
    }
    struct list list = read_sequence(&parser, &repeated);
    return parser.failed ? NULL : list.first;
}

/* ---- what kind of argument ------------------------------------------------------------------- */

const char *syntax_type(const struct syntax_node *node)
{
    static const struct {
        const char *name;
        const char *type;
    } types[] = {
        {"key", "key"},
        {"key1", "key"},
        {"key2", "key"},
        {"newkey", "key"},
        {"destkey", "key"},
        {"source", "key"},
        {"destination", "key"},
        {"seconds", "integer"},
        {"milliseconds", "integer"},
        {"count", "integer"},
        {"offset", "integer"},
        {"start", "integer"},
        {"end", "integer"},
        {"index", "integer"},
        {"increment", "integer"},
        {"decrement", "integer"},
        {"cursor", "integer"},
        {"len", "integer"},
        {"bit", "integer"},
        {"destination-db", "integer"},
        {"numreplicas", "integer"},
        {"timeout", "integer"},
        {"id", "integer"},
        {"protover", "integer"},
        {"pattern", "pattern"},
        {"unix-time-seconds", "unix-time"},
        {"unix-time-milliseconds", "unix-time"},
    };
    switch (node->kind) {
    case SYNTAX_TOKEN:
        return "pure-token";
    case SYNTAX_ONE_OF:
        return "oneof";
    case SYNTAX_BLOCK:
        return "block";
    case SYNTAX_WORD:
        break;
    }
    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        if (is(node->name, types[i].name)) {
            return types[i].type;
        }
    }
    return "string";
}
