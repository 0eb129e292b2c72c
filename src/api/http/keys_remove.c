/* DELETE of /keys: a page is listed, each of its keys is deleted, so many at a time, and then they
 * are answered; page after page. Each key is a delete of its own: one that is written meanwhile may
 * be removed or not, and what failed half-way can simply be asked again.
 *
 *      list --> keep the page's keys --> delete, delete, ... --> write them --> list ...
 *
 * The keys of a page lie in a block of one size. If they don't fit, the page is asked again with
 * fewer. */
#include <stdio.h>

#include "api/http/keys.h"
#include "base/assert.h"
#include "base/queue.h"
#include "shoal/error.h"

#define PAGE_KEYS LIMIT_PAGE_KEYS
#define PAGE_BYTES LIMIT_MIB
#define LANES 64u

struct removal;

struct removal_lane {
    struct removal *removal;
    uint32_t item;
    bool busy;
    struct request request;
};

/* Of one request; in its arena, at exchange->user. */
struct removal {
    struct http_exchange *exchange;
    struct bytes prefix;
    struct key_options options;
    struct keys_place place;
    struct keys_place next; /* behind the page at hand */
    struct keys_body body;
    uint32_t page_keys; /* asked for at once */
    uint64_t removed;   /* of all pages before */

    struct bytes *keys; /* of the page at hand */
    uint8_t *bytes;     /* theirs */
    uint32_t count;
    uint32_t begun;
    uint32_t under_way;
    bool has_page;
    bool listing;   /* a page is being asked for */
    bool beginning; /* deletes are */
    bool waiting;   /* for the client to read */
    bool gone;
    int code; /* why it can't go on */
    char text[LIMIT_TEXT_BYTES];
    struct removal_lane lanes[LANES];
    struct task task;
};

static void note_failure(struct removal *removal, int code, struct bytes text)
{
    if (removal->code != 0 && (code != SHOAL_EUNKNOWN || removal->code == SHOAL_EUNKNOWN)) {
        return;
    }
    removal->code = code;
    if (text.len == 0) {
        text = bytes_from_string(shoal_error_text(code));
    }
    (void)snprintf(removal->text, sizeof(removal->text), "%.*s",
                   (int)(text.len < LIMIT_TEXT_BYTES / 2 ? text.len : LIMIT_TEXT_BYTES / 2),
                   (const char *)text.data);
}

static void fail(struct removal *removal)
{
    char text[LIMIT_TEXT_BYTES];
    int len = snprintf(text, sizeof(text),
                       "%s; %llu keys had been removed by then: ask again to remove the rest",
                       removal->text, (unsigned long long)removal->removed);
    keys_body_fail(removal->exchange, &removal->body, removal->code, bytes_make(text, (size_t)len));
}

/* ---- listing --------------------------------------------------------------------------------- */

/* How many of them fit. */
static uint32_t keep(struct removal *removal, const struct outcome *outcome)
{
    size_t at = 0;
    uint32_t count = 0;
    while (count < outcome->entry_count && count < PAGE_KEYS &&
           outcome->entries[count].key.len <= PAGE_BYTES - at) {
        struct bytes key = outcome->entries[count].key;
        memcpy(removal->bytes + at, key.data, key.len);
        removal->keys[count++] = bytes_make(removal->bytes + at, key.len);
        at += key.len;
    }
    return count;
}

static void take_page(struct removal *removal, const struct outcome *outcome)
{
    uint32_t kept = keep(removal, outcome);
    if (kept < outcome->entry_count && removal->page_keys > 1) {
        removal->page_keys = kept > 2 ? kept / 2 : 1;
        return;
    }
    removal->has_page = true;
    removal->count = kept;
    removal->begun = 0;
    removal->next = removal->place;
    keys_note_place(&removal->next, outcome);
}

static void on_listed(struct request *request, const struct outcome *outcome)
{
    struct http_exchange *exchange = request->user;
    struct removal *removal = exchange->user;
    removal->listing = false;
    if (outcome->code != 0) {
        note_failure(removal, outcome->code, outcome->text);
    } else {
        take_page(removal, outcome);
    }
    loop_defer(exchange->loop, &removal->task);
}

static void ask_page(struct removal *removal)
{
    struct http_exchange *exchange = removal->exchange;
    struct request *request = &exchange->request;
    removal->listing = true;
    request->surface = SURFACE_HTTP;
    request->op = REQUEST_LIST;
    request->key = removal->prefix;
    request->value = bytes_make(NULL, 0);
    request->context = keys_cursor(&removal->place);
    request->limit = removal->page_keys;
    request->with_values = false;
    request->options = (struct request_options){.timeout_us = removal->options.quorum.timeout_us};
    request->done = on_listed;
    request->user = exchange;
    worker_submit(exchange->worker, loop_now(exchange->loop), request);
}

/* ---- deleting -------------------------------------------------------------------------------- */

static void on_deleted(struct request *request, const struct outcome *outcome)
{
    struct removal_lane *lane = request->user;
    struct removal *removal = lane->removal;
    lane->busy = false;
    removal->under_way--;
    if (outcome->code != 0) {
        note_failure(removal, outcome->code, outcome->text);
    } else {
        removal->removed++;
    }
    if (!removal->beginning) {
        loop_defer(removal->exchange->loop, &removal->task);
    }
}

static void begin_one(struct removal *removal, struct removal_lane *lane)
{
    struct http_exchange *exchange = removal->exchange;
    lane->busy = true;
    lane->item = removal->begun++;
    removal->under_way++;
    lane->request = (struct request){
        .op = REQUEST_DELETE,
        .key = removal->keys[lane->item],
        .options = removal->options.quorum,
        .trace = exchange->request.trace,
        .surface = SURFACE_HTTP,
        .done = on_deleted,
        .user = lane,
    };
    worker_submit(exchange->worker, loop_now(exchange->loop), &lane->request);
}

static void begin_some(struct removal *removal)
{
    removal->beginning = true;
    bool began = true;
    while (began) {
        began = false;
        for (uint32_t i = 0; i < LANES; i++) {
            bool ends = removal->code != 0 || removal->gone || removal->begun == removal->count;
            if (!ends && !removal->lanes[i].busy) {
                begin_one(removal, &removal->lanes[i]);
                began = true;
            }
        }
    }
    removal->beginning = false;
}

/* ---- pages ----------------------------------------------------------------------------------- */

/* All of the page has been removed. True: there is nothing more to do now. */
static bool write_page(struct removal *removal)
{
    struct http_exchange *exchange = removal->exchange;
    int code = 0;
    for (uint32_t i = 0; i < removal->count && code == 0; i++) {
        code = keys_body_add(exchange, &removal->body, removal->keys[i]);
    }
    if (code != 0) {
        keys_body_fail(exchange, &removal->body, code, bytes_make(NULL, 0));
        return true;
    }
    bool last = removal->next.ended;
    removal->place = removal->next;
    removal->has_page = false;
    removal->page_keys = PAGE_KEYS;
    keys_body_page(exchange, &removal->body, last);
    if (last) {
        return true;
    }
    removal->waiting = removal->body.full;
    return removal->waiting;
}

static void go_on(struct task *task)
{
    struct removal *removal = QUEUE_ITEM(task, struct removal, task);
    if (removal->has_page) {
        begin_some(removal);
    }
    if (removal->under_way > 0 || removal->listing) {
        return; /* it comes back */
    }
    if (removal->gone) {
        note_failure(removal, SHOAL_ECONNECT, bytes_make(NULL, 0));
    }
    if (removal->code != 0) {
        fail(removal);
    } else if (!removal->has_page || !write_page(removal)) {
        ask_page(removal);
    }
}

static void on_drained(struct http_exchange *exchange)
{
    struct removal *removal = exchange->user;
    if (removal->waiting) {
        removal->waiting = false;
        loop_defer(exchange->loop, &removal->task);
    }
}

static void on_gone(struct http_exchange *exchange)
{
    struct removal *removal = exchange->user;
    removal->gone = true;
    loop_defer(exchange->loop, &removal->task);
}

static struct removal *removal_new(struct http_exchange *exchange)
{
    struct removal *removal = arena_alloc(exchange->arena, sizeof(*removal));
    if (removal == NULL) {
        return NULL;
    }
    *removal = (struct removal){.exchange = exchange, .page_keys = PAGE_KEYS};
    removal->keys = arena_alloc_array(exchange->arena, PAGE_KEYS, sizeof(*removal->keys));
    removal->bytes = arena_alloc(exchange->arena, PAGE_BYTES);
    for (uint32_t i = 0; i < LANES; i++) {
        removal->lanes[i].removal = removal;
    }
    task_init(&removal->task, go_on);
    return removal->keys == NULL || removal->bytes == NULL ? NULL : removal;
}

void keys_remove(struct http_exchange *exchange, bool rest)
{
    struct removal *removal = removal_new(exchange);
    if (removal == NULL) {
        http_fail_code(exchange, SHOAL_ENOMEM, bytes_make(NULL, 0));
        return;
    }
    if (keys_take_prefix(exchange, rest, &removal->prefix) != 0 ||
        key_take_options(exchange, 0, &removal->options) != 0) {
        return;
    }
    exchange->user = removal;
    exchange->drained = on_drained;
    exchange->gone = on_gone;
    ask_page(removal);
}
