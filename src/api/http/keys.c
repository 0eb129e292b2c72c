/* Lists of keys, by prefix: /keys. In the order of the ring, which no key can tell; that is what
 * lets any node list the whole cluster without holding more than a page. With `limit` one page and
 * where the next one begins; without, all of them, page after page as the client reads. */
#include "api/http/keys.h"

#include "base/queue.h"
#include "base/text.h"
#include "node/feed.h"
#include "shoal/error.h"

/* Of a page where all are listed: a page begins with few keys, and the next ones are as long as
 * that one has shown they may be. */
#define PAGE_KEYS_FIRST LIMIT_PAGE_KEYS
#define PAGE_BYTES (512u * LIMIT_KIB)

/* Of one request; in its arena, at exchange->user. */
struct listing {
    struct http_exchange *exchange;
    struct bytes prefix;
    struct keys_place place;
    struct keys_body body;
    uint64_t timeout_us;
    uint32_t limit; /* 0: all */
    uint32_t page_keys;
    bool asking; /* a page is under way */
    bool gone;   /* nobody reads it any more */
    struct task task;
};

/* ---- what is asked --------------------------------------------------------------------------- */

int keys_take_prefix(struct http_exchange *exchange, bool rest, struct bytes *prefix)
{
    *prefix = bytes_make("", 0);
    if (!rest) {
        return 0;
    }
    int code = key_take_path(exchange, prefix);
    if (code == 0 && prefix->len == 0) {
        http_fail(exchange, 400, "the prefix is empty: /keys stands for all keys");
        return SHOAL_EINVAL;
    }
    struct key_options options = {.siblings = false};
    return code == 0 ? key_check(exchange, true, *prefix, bytes_make(NULL, 0), &options) : code;
}

static int take_limit(struct http_exchange *exchange, uint32_t *out)
{
    char text[32];
    uint64_t limit = 0;
    int there = key_take_word(exchange, "limit", text, sizeof(text));
    if (there > 0 && text_parse_u64(text, 1, LIMIT_LIST_KEYS, &limit) != 0) {
        http_fail(exchange, 400,
                  "limit=%s: it is a number from 1 to %u; without it all keys are listed", text,
                  LIMIT_LIST_KEYS);
        return SHOAL_EINVAL;
    }
    if (there < 0) {
        return there; /* answered: `out` went with the exchange */
    }
    *out = (uint32_t)limit;
    return 0;
}

static int take_after(struct http_exchange *exchange, struct keys_place *place)
{
    char text[2 * LIST_CURSOR_BYTES + 1];
    uint32_t partition;
    uint64_t position;
    struct buffer cursor;
    int there = key_take_word(exchange, "after", text, sizeof(text));
    if (there <= 0) {
        return there;
    }
    buffer_init(&cursor, 0);
    int code = text_base64url_decode(bytes_from_string(text), &cursor);
    if (code == 0) {
        code = list_cursor_read(buffer_bytes(&cursor), &partition, &position);
    }
    if (code == 0) {
        place->moved = true;
        memcpy(place->cursor, cursor.data, LIST_CURSOR_BYTES);
    } else {
        http_fail(exchange, 400,
                  "after=%s is not a cursor: give back X-Shoal-After as it was answered", text);
    }
    buffer_deinit(&cursor);
    return code;
}

/* ---- pages ----------------------------------------------------------------------------------- */

static void on_listed(struct request *request, const struct outcome *outcome);

static void ask(struct listing *listing)
{
    struct http_exchange *exchange = listing->exchange;
    struct request *request = &exchange->request;
    listing->asking = true;
    request->surface = SURFACE_HTTP;
    request->op = REQUEST_LIST;
    request->key = listing->prefix;
    request->value = bytes_make(NULL, 0);
    request->context = keys_cursor(&listing->place);
    request->limit = listing->limit == 0 ? listing->page_keys : listing->limit;
    request->with_values = false;
    request->options = (struct request_options){.timeout_us = listing->timeout_us};
    request->done = on_listed;
    request->user = exchange;
    worker_submit(exchange->worker, loop_now(exchange->loop), request);
}

static void run_task(struct task *task)
{
    ask(QUEUE_ITEM(task, struct listing, task));
}

static void on_drained(struct http_exchange *exchange)
{
    struct listing *listing = exchange->user;
    if (!listing->asking) {
        loop_defer(exchange->loop, &listing->task);
    }
}

static void on_gone(struct http_exchange *exchange)
{
    struct listing *listing = exchange->user;
    listing->gone = true;
    if (!listing->asking) {
        loop_forget(&listing->task);
        keys_body_fail(exchange, &listing->body, SHOAL_ECONNECT, bytes_make(NULL, 0));
    }
}

static void add_after(struct http_exchange *exchange, const struct keys_place *place)
{
    struct buffer text;
    buffer_init(&text, 0);
    if (!place->ended && text_base64url_encode(keys_cursor(place), &text) == 0) {
        http_add(exchange, "X-Shoal-After", "%.*s", (int)text.len, (const char *)text.data);
    }
    buffer_deinit(&text);
}

static int add_page(struct listing *listing, const struct outcome *outcome)
{
    int code = 0;
    size_t bytes = 1;
    for (uint32_t i = 0; i < outcome->entry_count && code == 0; i++) {
        bytes += outcome->entries[i].key.len;
        code = keys_body_add(listing->exchange, &listing->body, outcome->entries[i].key);
    }
    size_t fit = PAGE_BYTES * (size_t)outcome->entry_count / bytes;
    listing->page_keys = fit < 16 ? 16 : fit > LIMIT_LIST_KEYS ? LIMIT_LIST_KEYS : (uint32_t)fit;
    return code;
}

static void on_listed(struct request *request, const struct outcome *outcome)
{
    struct http_exchange *exchange = request->user;
    struct listing *listing = exchange->user;
    listing->asking = false;
    int code = listing->gone ? SHOAL_ECONNECT : outcome->code;
    if (code == 0) {
        code = add_page(listing, outcome);
    }
    if (code != 0) {
        keys_body_fail(exchange, &listing->body, code, outcome->text);
        return;
    }
    keys_note_place(&listing->place, outcome);
    bool last = listing->place.ended || listing->limit > 0;
    if (listing->limit > 0) {
        add_after(exchange, &listing->place);
    }
    keys_body_page(exchange, &listing->body, last);
    if (last) {
        return;
    }
    if (exchange->method == HTTP_HEAD) {
        http_end(exchange); /* nobody is sent the rest */
    } else if (!listing->body.full) {
        loop_defer(exchange->loop, &listing->task);
    }
}

static void list(struct http_exchange *exchange, bool rest)
{
    static const char *const names[] = {"limit", "after", "timeout", NULL};
    struct listing *listing = arena_alloc(exchange->arena, sizeof(*listing));
    if (listing == NULL) {
        http_fail_code(exchange, SHOAL_ENOMEM, bytes_make(NULL, 0));
        return;
    }
    *listing = (struct listing){.exchange = exchange, .page_keys = PAGE_KEYS_FIRST};
    task_init(&listing->task, run_task);
    if (keys_take_prefix(exchange, rest, &listing->prefix) != 0 ||
        http_parameters_only(exchange, names) != 0 || take_limit(exchange, &listing->limit) != 0 ||
        key_take_timeout(exchange, &listing->timeout_us) != 0 ||
        take_after(exchange, &listing->place) != 0) {
        return;
    }
    exchange->user = listing;
    exchange->drained = on_drained;
    exchange->gone = on_gone;
    if (worker_feed_wanted(exchange->worker, FEED_LIST)) {
        worker_feed_tell(exchange->worker, FEED_LIST, listing->prefix);
    }
    ask(listing);
}

/* ---- routes ---------------------------------------------------------------------------------- */

static void list_all(struct http_exchange *exchange)
{
    list(exchange, false);
}

static void list_prefix(struct http_exchange *exchange)
{
    list(exchange, true);
}

static void remove_all(struct http_exchange *exchange)
{
    keys_remove(exchange, false);
}

static void remove_prefix(struct http_exchange *exchange)
{
    keys_remove(exchange, true);
}

/* Removals refuse a body: who thinks that it narrows what is removed would lose everything. */
static const struct http_route routes[] = {
    {.counted = SERVED_LIST, .methods = HTTP_GET, .pattern = "/keys", .handle = list_all},
    {.counted = SERVED_LIST, .methods = HTTP_GET, .pattern = "/keys/*", .handle = list_prefix},
    {.counted = SERVED_DELETE,
     .methods = HTTP_DELETE,
     .pattern = "/keys",
     .handle = remove_all,
     .refuses_body = true},
    {.counted = SERVED_DELETE,
     .methods = HTTP_DELETE,
     .pattern = "/keys/*",
     .handle = remove_prefix,
     .refuses_body = true},
};

const struct http_table http_keys_table = {.routes = routes,
                                           .count = sizeof(routes) / sizeof(routes[0])};
