/* Walking all keys page by page (sweep.h). What is shown goes into a body of its own, since how
 * much it is stands before it in the reply. */
#include "api/redis/desk.h"
#include "api/redis/sweep.h"
#include "base/limits.h"
#include "shoal/error.h"

#define RANDOM_AMONG 16u

/* ---- pages ----------------------------------------------------------------------------------- */

void sweep_ask_page_request(struct redis_spread *spread, uint32_t item, struct request *request)
{
    const struct sweep *sweep = spread->user;
    (void)item;
    request->op = REQUEST_LIST;
    request->key = sweep->prefix;
    request->context = sweep->cursor;
    request->limit = sweep->limit;
}

void sweep_ask_page(struct sweep *sweep, const struct redis_row *row)
{
    redis_spread_ask(sweep->spread, row, 1);
}

void sweep_note_page(struct sweep *sweep, const struct outcome *outcome)
{
    sweep->ended = outcome->after.data == NULL;
    if (!sweep->ended && outcome->after.len == LIST_CURSOR_BYTES) {
        memcpy(sweep->cursor_bytes, outcome->after.data, LIST_CURSOR_BYTES);
        sweep->cursor = bytes_make(sweep->cursor_bytes, LIST_CURSOR_BYTES);
    }
}

static void show(struct sweep *sweep, struct bytes key)
{
    if (sweep_shows(&sweep->question, key)) {
        struct reply body = {.out = &sweep->spread->body};
        reply_bulk(&body, key);
        sweep->count++;
        sweep->spread->pending->reply.failed |= body.failed;
    }
}

/* 0; SHOAL_ETOOBIG: more than a reply may be. */
static int take_shown(struct redis_spread *spread, uint32_t item, const struct outcome *outcome)
{
    struct sweep *sweep = spread->user;
    (void)item;
    if (outcome->code != 0) {
        return outcome->code;
    }
    size_t before = spread->body.len;
    sweep_note_page(sweep, outcome);
    for (uint32_t i = 0; i < outcome->entry_count; i++) {
        show(sweep, outcome->entries[i].key);
    }
    int code = redis_spread_count(spread, spread->body.len - before);
    return spread->body.len > REDIS_REPLY_BYTES_MAX ? SHOAL_ETOOBIG : code;
}

/* An array of what was shown. */
static void reply_shown(struct sweep *sweep)
{
    struct reply *reply = &sweep->spread->pending->reply;
    reply_array(reply, (uint32_t)sweep->count);
    if (buffer_append_bytes(reply->out, buffer_bytes(&sweep->spread->body)) != 0) {
        reply->failed = true;
    }
}

/* True: the walk is over, for it has failed or nobody waits for it any more. */
static bool is_over(struct sweep *sweep)
{
    struct redis_spread *spread = sweep->spread;
    if (spread->failed > 0 && spread->code == SHOAL_ETOOBIG) {
        redis_pending_fail(spread->pending, SHOAL_ETOOBIG,
                           bytes_from_string("too many keys for one reply: use SCAN"));
        return true;
    }
    if (spread->failed > 0) {
        redis_spread_fail(spread, "listed");
        return true;
    }
    if (redis_spread_abandoned(spread)) {
        redis_pending_done(spread->pending);
        return true;
    }
    return false;
}

/* ---- KEYS ------------------------------------------------------------------------------------ */

static void after_keys(struct redis_spread *spread);

static const struct redis_row keys_row = {
    .ask = sweep_ask_page_request, .take = take_shown, .next = after_keys};

static void after_keys(struct redis_spread *spread)
{
    struct sweep *sweep = spread->user;
    if (is_over(sweep)) {
        return;
    }
    if (!sweep->ended) {
        sweep_ask_page(sweep, &keys_row);
        return;
    }
    reply_shown(sweep);
    redis_pending_done(spread->pending);
}

void sweep_walk_keys(struct sweep *sweep)
{
    if (sweep->question.glob != NULL) {
        sweep->prefix = glob_prefix(sweep->question.glob);
    }
    sweep_ask_page(sweep, &keys_row);
}

/* ---- SCAN ------------------------------------------------------------------------------------ */

static void after_scan(struct redis_spread *spread);

static const struct redis_row scan_row = {
    .ask = sweep_ask_page_request, .take = take_shown, .next = after_scan};

/* Where the next call begins: 0 at the end. A cursor that has not moved, as its places share one,
 * would bring the caller here again and again: then *moved is false. */
static uint64_t next_cursor(const struct sweep *sweep, bool *moved)
{
    uint32_t partition = 0;
    uint64_t position = 0;
    *moved = true;
    if (sweep->ended || list_cursor_read(sweep->cursor, &partition, &position) < 0) {
        return 0;
    }
    uint64_t cursor = sweep_cursor_of(partition, position);
    *moved = cursor > sweep->question.cursor;
    return cursor;
}

static void after_scan(struct redis_spread *spread)
{
    struct sweep *sweep = spread->user;
    bool moved;
    if (is_over(sweep)) {
        return;
    }
    uint64_t cursor = next_cursor(sweep, &moved);
    if (!moved) {
        sweep_ask_page(sweep, &scan_row);
        return;
    }
    reply_array(&spread->pending->reply, 2);
    reply_bulk_integer(&spread->pending->reply, (int64_t)cursor);
    reply_shown(sweep);
    redis_pending_done(spread->pending);
}

/* The cluster's partitions; as many as there can be while the node is in none. */
static uint32_t partitions_of(const struct sweep *sweep)
{
    const struct worker *worker = sweep->spread->pending->session->loop->worker;
    const struct snapshot *snapshot = worker_snapshot(worker);
    return snapshot == NULL ? LIMIT_PARTITIONS_MAX : view_facts(snapshot->view)->partitions;
}

static void begin_at(struct sweep *sweep, uint32_t partition, uint64_t position)
{
    sweep->cursor = list_cursor_make(partition, position, sweep->cursor_bytes);
}

void sweep_walk_scan(struct sweep *sweep)
{
    uint64_t cursor = sweep->question.cursor;
    uint32_t partition;
    uint64_t position;
    sweep->limit = sweep->question.count;
    if (!sweep_cursor_place(cursor, partitions_of(sweep), &partition, &position)) {
        sweep->ended = true; /* nothing is there */
        after_scan(sweep->spread);
        return;
    }
    if (cursor != 0) {
        begin_at(sweep, partition, position);
    }
    sweep_ask_page(sweep, &scan_row);
}

/* ---- DBSIZE ---------------------------------------------------------------------------------- */

static int take_count(struct redis_spread *spread, uint32_t item, const struct outcome *outcome)
{
    struct sweep *sweep = spread->user;
    (void)item;
    if (outcome->code == 0) {
        sweep_note_page(sweep, outcome);
        sweep->count += outcome->entry_count;
    }
    return outcome->code;
}

static void after_count(struct redis_spread *spread);

static const struct redis_row count_row = {
    .ask = sweep_ask_page_request, .take = take_count, .next = after_count};

static void after_count(struct redis_spread *spread)
{
    struct sweep *sweep = spread->user;
    if (is_over(sweep)) {
        return;
    }
    if (!sweep->ended) {
        sweep_ask_page(sweep, &count_row);
        return;
    }
    reply_integer(&spread->pending->reply, (int64_t)sweep->count);
    redis_pending_done(spread->pending);
}

void sweep_walk_count(struct sweep *sweep)
{
    sweep_ask_page(sweep, &count_row);
}

/* ---- RANDOMKEY ------------------------------------------------------------------------------- */

/* One of those behind a random place, so that none is favoured by the gap before it. */
static int take_random(struct redis_spread *spread, uint32_t item, const struct outcome *outcome)
{
    struct sweep *sweep = spread->user;
    (void)item;
    if (outcome->code == 0 && outcome->entry_count > 0) {
        struct random *random = &spread->pending->session->loop->random;
        uint64_t index = random_below(random, outcome->entry_count);
        reply_bulk(&spread->pending->reply, outcome->entries[index].key);
    }
    sweep->count = outcome->code == 0 ? outcome->entry_count : 0;
    return outcome->code;
}

static void after_random(struct redis_spread *spread);

static const struct redis_row random_row = {
    .ask = sweep_ask_page_request, .take = take_random, .next = after_random};

static void after_random(struct redis_spread *spread)
{
    struct sweep *sweep = spread->user;
    if (is_over(sweep)) {
        return;
    }
    if (sweep->count == 0 && !sweep->wrapped) {
        sweep->wrapped = true; /* nothing is behind that place */
        sweep->cursor = bytes_make(NULL, 0);
        sweep_ask_page(sweep, &random_row);
        return;
    }
    if (sweep->count == 0) {
        reply_null(&spread->pending->reply);
    }
    redis_pending_done(spread->pending);
}

void sweep_walk_random(struct sweep *sweep)
{
    struct random *random = &sweep->spread->pending->session->loop->random;
    uint32_t partition = (uint32_t)random_below(random, partitions_of(sweep));
    sweep->limit = RANDOM_AMONG;
    begin_at(sweep, partition, random_u64(random));
    sweep_ask_page(sweep, &random_row);
}
