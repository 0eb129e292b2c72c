/* Copying, page by page, from sources that answer late, never, wrongly or again. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#include <cmocka.h>

#include "base/memory.h"
#include "growing_view.h"
#include "repair/copier.h"
#include "shoal/error.h"
#include "support/fickle_engine.h"
#include "wire/frame.h"

#define MS UINT64_C(1000)
#define NODES 4u
#define PAGE 3u /* entries a page */
#define ID_FIRST (UINT64_C(1) << 62)

/* What was asked of a node, not yet answered. */
struct ask {
    uint64_t node;
    struct message_scan scan;
};

struct fixture {
    struct growing growing;
    uint64_t self;
    struct fickle_engine *fickle[NODES + 1];
    struct replica replicas[NODES + 1];
    struct random random;
    struct arena arena;
    struct timers timers;
    struct reach reach;
    struct buffer frame;
    struct copier copier;
    struct ask asks[64];
    uint32_t ask_count;
    bool unreachable; /* sending fails */
    uint32_t refilled_count;
    uint32_t synced_count;
    uint32_t synced_partition;
};

static int on_send(void *self, uint64_t node, struct bytes frame)
{
    struct fixture *fixture = self;
    if (fixture->unreachable) {
        return SHOAL_ECONNECT;
    }
    struct bytes payload =
        bytes_make(frame.data + FRAME_PREFIX_BYTES, frame.len - FRAME_PREFIX_BYTES);
    struct ask *ask = &fixture->asks[fixture->ask_count];
    assert_true(fixture->ask_count < 64);
    ask->node = node;
    if (message_scan_decode(payload, &fixture->arena, &ask->scan) == 0) {
        fixture->ask_count++;
    }
    return 0;
}

static void on_refilled(void *self, uint32_t partition)
{
    struct fixture *fixture = self;
    fixture->refilled_count++;
    replica_holding(&fixture->replicas[fixture->self], partition)->refilling = false;
}

static void on_synced(void *self, uint32_t partition, const struct content_hash *target)
{
    struct fixture *fixture = self;
    assert_true(content_hash_equal(target, &view_newest(fixture->growing.both)->key.hash));
    fixture->synced_count++;
    fixture->synced_partition = partition;
}

static void view_is(struct fixture *fixture, const struct view *view)
{
    fixture->copier.view = view;
}

static void self_is(struct fixture *fixture, uint64_t node)
{
    fixture->self = node;
    fixture->copier.self = node;
    fixture->copier.replica = &fixture->replicas[node];
}

static int setup(void **state)
{
    static struct fixture fixture;
    fixture = (struct fixture){.self = 1};
    growing_init(&fixture.growing, 2);
    random_init(&fixture.random, 3);
    arena_init(&fixture.arena, 65536);
    timers_init(&fixture.timers);
    reach_init(&fixture.reach);
    buffer_init(&fixture.frame, 0);
    copier_init(&fixture.copier, ID_FIRST);
    fixture.copier.ports = (struct copier_ports){
        .self = &fixture, .send = on_send, .refilled = on_refilled, .synced = on_synced};
    fixture.copier.reach = &fixture.reach;
    fixture.copier.timers = &fixture.timers;
    fixture.copier.arena = &fixture.arena;
    fixture.copier.frame = &fixture.frame;
    fixture.copier.now = (struct moment){.mono_us = 1000 * MS, .wall_ms = 1000000};
    for (uint64_t node = 1; node <= NODES; node++) {
        fixture.fickle[node] = fickle_engine_new(GROWING_PARTITIONS);
        replica_init(&fixture.replicas[node], &fixture.fickle[node]->engine, &fixture.random,
                     &fixture.arena, 1000);
        for (uint32_t p = 0; p < GROWING_PARTITIONS; p++) {
            struct holding *holding;
            assert_int_equal(replica_begin(&fixture.replicas[node], p, false, &holding), 0);
        }
        assert_int_equal(reach_link(&fixture.reach, node, true), 0);
    }
    self_is(&fixture, 1);
    view_is(&fixture, fixture.growing.before);
    *state = &fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    mem_fail_never();
    copier_deinit(&fixture->copier);
    for (uint64_t node = 1; node <= NODES; node++) {
        replica_deinit(&fixture->replicas[node]);
        fixture->fickle[node]->engine.ops->free(&fixture->fickle[node]->engine);
    }
    reach_deinit(&fixture->reach);
    timers_deinit(&fixture->timers);
    buffer_deinit(&fixture->frame);
    arena_deinit(&fixture->arena);
    growing_deinit(&fixture->growing);
    return 0;
}

/* ---- the world ---- */

static void refill(struct fixture *fixture, uint32_t partition)
{
    replica_holding(&fixture->replicas[fixture->self], partition)->refilling = true;
    assert_int_equal(copier_want(&fixture->copier, partition, NULL), 0);
}

static void plant(struct fixture *fixture, uint64_t node, uint32_t partition, uint32_t number)
{
    struct replica *replica = &fixture->replicas[node];
    struct holding source;
    struct replica_written written;
    char key[16];
    char value[16];
    (void)snprintf(key, sizeof(key), "key%u", (unsigned)number);
    (void)snprintf(value, sizeof(value), "value%u", (unsigned)number);
    struct engine_key wanted = replica_key(replica, partition, bytes_from_string(key));
    struct sibling added = {.value = bytes_from_string(value)};
    holding_init(&source, partition);
    holding_begin(&source, false, &fixture->random);
    source.recorded = true;
    assert_int_equal(replica_write(replica, &source, &wanted, (struct version_vector){0}, &added,
                                   1000000, &written),
                     0);
    holding_deinit(&source);
}

static uint64_t keys_held(struct fixture *fixture, uint32_t partition)
{
    struct engine_stats stats;
    struct engine *engine = fixture->replicas[fixture->self].engine;
    engine->ops->stats(engine, partition, &stats);
    return stats.keys;
}

struct page {
    struct scan_entry entries[PAGE];
    uint32_t count;
    uint64_t next;
};

static bool visit(void *self, const struct engine_entry *entry)
{
    struct page *page = self;
    if (page->count == PAGE) {
        page->next = entry->position;
        return false;
    }
    page->entries[page->count++] = (struct scan_entry){
        .position = entry->position, .key = entry->key, .object = entry->record};
    return true;
}

/* Delivers an answer as it would come: encoded, decoded, its memory gone afterwards. */
static void deliver(struct fixture *fixture, uint64_t node, const struct message_scanned *scanned)
{
    struct message_scanned received;
    struct buffer frame;
    buffer_init(&frame, 0);
    if (message_scanned_encode(scanned, &frame) == 0) {
        struct bytes payload =
            bytes_make(frame.data + FRAME_PREFIX_BYTES, frame.len - FRAME_PREFIX_BYTES);
        if (message_scanned_decode(payload, &fixture->arena, &received) == 0) {
            copier_on_scanned(&fixture->copier, node, &received, payload);
        }
    }
    buffer_deinit(&frame);
}

/* Delivers an answer as the node would give it. */
static void answer(struct fixture *fixture, struct ask ask, int code, bool refilling)
{
    struct replica *replica = &fixture->replicas[ask.node];
    struct page page = {.count = 0};
    struct message_scanned scanned = {.id = ask.scan.id, .code = code, .refilling = refilling};
    if (code == 0) {
        scanned.end =
            replica->engine->ops->walk(replica->engine, ask.scan.partition, ask.scan.position, 0,
                                       visit, &page, &page.next) == 0;
        scanned.entries = page.entries;
        scanned.count = page.count;
        scanned.next = page.next;
    }
    deliver(fixture, ask.node, &scanned);
}

static struct ask take_ask(struct fixture *fixture)
{
    assert_true(fixture->ask_count > 0);
    struct ask first = fixture->asks[0];
    fixture->ask_count--;
    memmove(fixture->asks, fixture->asks + 1, fixture->ask_count * sizeof(first));
    return first;
}

/* Everybody answers everything that is asked, until nothing is. */
static void answer_all(struct fixture *fixture)
{
    struct fickle_engine *fickle = fixture->fickle[fixture->self];
    while (fixture->ask_count > 0 || fickle->read_count > 0) {
        if (fickle->read_count > 0) {
            fickle_engine_read_all(fickle);
        } else {
            answer(fixture, take_ask(fixture), 0, false);
        }
    }
}

static void pass(struct fixture *fixture, uint64_t us)
{
    uint64_t end_us = fixture->copier.now.mono_us + us;
    while (timers_next_us(&fixture->timers) <= end_us) {
        uint64_t next_us = timers_next_us(&fixture->timers);
        fixture->copier.now.mono_us =
            next_us > fixture->copier.now.mono_us ? next_us : fixture->copier.now.mono_us;
        timers_fire(&fixture->timers, fixture->copier.now.mono_us);
    }
    fixture->copier.now.mono_us = end_us;
}

/* ---- refilling ---- */

static void a_refilling_partition_counts_again_after_copies_from_two_others(void **state)
{
    struct fixture *fixture = *state;
    plant(fixture, 2, 5, 1);
    plant(fixture, 3, 5, 2);
    refill(fixture, 5);
    copier_review(&fixture->copier);
    assert_int_equal(fixture->ask_count, 1);
    assert_true(fixture->asks[0].scan.for_copy);
    assert_true(fixture->asks[0].scan.id >= ID_FIRST);
    uint64_t first = fixture->asks[0].node;
    answer(fixture, take_ask(fixture), 0, false);
    assert_int_equal(fixture->refilled_count, 0);
    assert_int_equal(fixture->ask_count, 1);
    assert_true(fixture->asks[0].node != first);
    answer(fixture, take_ask(fixture), 0, false);
    assert_int_equal(fixture->refilled_count, 1);
    assert_int_equal(keys_held(fixture, 5), 2);
    assert_int_equal(copier_pending(&fixture->copier), 0);
}

static void pages_follow_each_other_to_the_end(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t i = 0; i < 5 * PAGE + 1; i++) {
        plant(fixture, 2, 5, i);
    }
    refill(fixture, 5);
    copier_review(&fixture->copier);
    answer_all(fixture);
    assert_int_equal(keys_held(fixture, 5), 5 * PAGE + 1);
    assert_int_equal(fixture->refilled_count, 1);
    assert_true(fixture->copier.bytes_copied > 0);
}

static void a_silent_source_is_given_up_for_another(void **state)
{
    struct fixture *fixture = *state;
    refill(fixture, 5);
    copier_review(&fixture->copier);
    struct ask lost = take_ask(fixture);
    pass(fixture, 5000 * MS);
    struct ask again = take_ask(fixture);
    assert_true(again.node != lost.node);
    answer(fixture, again, 0, false);
    answer(fixture, lost, 0, false); /* too late: it was given up */
    assert_int_equal(fixture->refilled_count, 0);
    pass(fixture, 5000 * MS);
    answer_all(fixture);
    assert_int_equal(fixture->refilled_count, 1);
}

static void a_source_that_refuses_is_asked_again_later(void **state)
{
    struct fixture *fixture = *state;
    refill(fixture, 5);
    copier_review(&fixture->copier);
    for (uint32_t i = 0; i < 6; i++) {
        answer(fixture, take_ask(fixture), SHOAL_ENOTOWNER, false);
        assert_int_equal(fixture->ask_count, 0); /* not at once */
        pass(fixture, 1000 * MS);
    }
    answer_all(fixture);
    assert_int_equal(fixture->refilled_count, 1);
}

static void sources_that_are_incomplete_themselves_count_only_together(void **state)
{
    struct fixture *fixture = *state;
    plant(fixture, 2, 5, 1);
    plant(fixture, 3, 5, 2);
    refill(fixture, 5);
    copier_review(&fixture->copier);
    answer(fixture, take_ask(fixture), 0, true);
    assert_int_equal(fixture->refilled_count, 0);
    assert_int_equal(fixture->ask_count, 0); /* not over and over at once */
    pass(fixture, 1000 * MS);
    answer(fixture, take_ask(fixture), 0, true);
    assert_int_equal(fixture->refilled_count, 1); /* these are all there are */
    assert_int_equal(keys_held(fixture, 5), 2);
}

static void a_copy_is_whole_only_if_its_source_was_at_every_page(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t i = 0; i < 2 * PAGE; i++) {
        plant(fixture, 2, 5, i);
        plant(fixture, 3, 5, i);
    }
    assert_int_equal(reach_link(&fixture->reach, 3, false), 0);
    refill(fixture, 5);
    copier_review(&fixture->copier);
    answer(fixture, take_ask(fixture), 0, true);
    answer(fixture, take_ask(fixture), 0, false);
    assert_int_equal(reach_link(&fixture->reach, 3, true), 0);
    assert_int_equal(reach_link(&fixture->reach, 2, false), 0);
    assert_int_equal(fixture->ask_count, 0);
    assert_int_equal(fixture->refilled_count, 0);
    pass(fixture, 1000 * MS);
    while (fixture->ask_count > 0) {
        assert_int_equal(fixture->asks[0].node, 3);
        answer(fixture, take_ask(fixture), 0, false);
    }
    assert_int_equal(fixture->refilled_count, 1); /* one whole, one not: all there are */
}

static void a_link_that_comes_up_is_used(void **state)
{
    struct fixture *fixture = *state;
    assert_int_equal(reach_link(&fixture->reach, 2, false), 0);
    assert_int_equal(reach_link(&fixture->reach, 3, false), 0);
    refill(fixture, 5);
    copier_review(&fixture->copier);
    pass(fixture, 10000 * MS);
    assert_int_equal(fixture->ask_count, 0);
    assert_int_equal(reach_link(&fixture->reach, 2, true), 0);
    pass(fixture, 300 * MS);
    assert_int_equal(fixture->ask_count, 1);
    fixture->unreachable = true;
    answer(fixture, take_ask(fixture), 0, false);
    assert_int_equal(reach_link(&fixture->reach, 3, true), 0);
    pass(fixture, 1000 * MS);
    fixture->unreachable = false;
    pass(fixture, 1000 * MS);
    answer_all(fixture);
    assert_int_equal(fixture->refilled_count, 1);
}

static void no_more_than_a_few_partitions_are_copied_at_a_time(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t p = 0; p < GROWING_PARTITIONS; p++) {
        refill(fixture, p);
    }
    copier_review(&fixture->copier);
    assert_int_equal(fixture->ask_count, COPIER_CONCURRENT_MAX);
    while (fixture->ask_count > 0) {
        assert_true(fixture->copier.active_count <= COPIER_CONCURRENT_MAX);
        answer(fixture, take_ask(fixture), 0, false);
    }
    assert_int_equal(fixture->refilled_count, GROWING_PARTITIONS);
}

static void a_page_that_leads_nowhere_ends_the_copy(void **state)
{
    struct fixture *fixture = *state;
    refill(fixture, 5);
    copier_review(&fixture->copier);
    struct ask ask = take_ask(fixture);
    struct message_scanned scanned = {.id = ask.scan.id, .end = false, .next = 0};
    deliver(fixture, ask.node, &scanned);
    assert_int_equal(fixture->ask_count, 0);
    assert_int_equal(fixture->refilled_count, 0);
    pass(fixture, 1000 * MS);
    answer_all(fixture);
    assert_int_equal(fixture->refilled_count, 1);
}

static void a_page_with_bytes_that_are_no_object_is_not_taken_as_complete(void **state)
{
    struct fixture *fixture = *state;
    refill(fixture, 5);
    copier_review(&fixture->copier);
    struct ask ask = take_ask(fixture);
    struct scan_entry entry = {.key = bytes_from_string("key"),
                               .object = bytes_from_string("nonsense")};
    struct message_scanned scanned = {
        .id = ask.scan.id, .end = true, .entries = &entry, .count = 1};
    deliver(fixture, ask.node, &scanned);
    assert_int_equal(fixture->refilled_count, 0);
    pass(fixture, 1000 * MS);
    answer_all(fixture);
    assert_int_equal(fixture->refilled_count, 1);
}

static void pages_that_come_again_or_from_strangers_are_ignored(void **state)
{
    struct fixture *fixture = *state;
    for (uint32_t i = 0; i < 2 * PAGE; i++) {
        plant(fixture, 2, 5, i);
        plant(fixture, 3, 5, i);
    }
    refill(fixture, 5);
    copier_review(&fixture->copier);
    struct ask first = take_ask(fixture);
    struct ask forged = first;
    forged.node = 5 - first.node;
    answer(fixture, forged, 0, false);
    assert_int_equal(keys_held(fixture, 5), 0);
    answer(fixture, first, 0, false);
    answer(fixture, first, 0, false);
    assert_int_equal(fixture->ask_count, 1); /* one page is asked for, once */
    answer_all(fixture);
    assert_int_equal(fixture->refilled_count, 1);
}

static void nothing_rests_on_a_copy_that_is_not_durable_yet(void **state)
{
    struct fixture *fixture = *state;
    fixture->fickle[1]->slow = true;
    fixture->fickle[1]->engine.keeps_data = true;
    plant(fixture, 2, 5, 1);
    plant(fixture, 3, 5, 1);
    refill(fixture, 5);
    copier_review(&fixture->copier);
    answer_all(fixture);
    pass(fixture, 3000 * MS);
    assert_int_equal(fixture->refilled_count, 0);
    fickle_engine_settle(fixture->fickle[1]);
    pass(fixture, 300 * MS);
    assert_int_equal(fixture->refilled_count, 1);
}

static void what_is_settled_in_a_stream_of_writes_is_enough(void **state)
{
    struct fixture *fixture = *state;
    struct fickle_engine *fickle = fixture->fickle[1];
    fickle->slow = true;
    fickle->engine.keeps_data = true;
    fickle->engine.settles_durable = false;
    plant(fixture, 2, 5, 1);
    plant(fixture, 3, 5, 1);
    refill(fixture, 5);
    copier_review(&fixture->copier);
    answer_all(fixture);
    assert_int_equal(fixture->refilled_count, 0);
    uint64_t copied = fickle->sequence;
    fickle->slow = false; /* plant asserts 0 */
    plant(fixture, 1, 6, 1);
    durability_issue(&fixture->replicas[1].durability, copied + 1); /* and more is on its way */
    fickle->engine.events.settled(fickle->engine.events.self, copied);
    pass(fixture, 300 * MS);
    copier_review(&fixture->copier);
    assert_int_equal(fixture->refilled_count, 1);
}

/* ---- what must be read first ---- */

/* Two writes of the key that don't know of each other, on the copying node. */
static void plant_siblings(struct fixture *fixture, uint32_t partition, uint32_t number)
{
    struct fickle_engine *fickle = fixture->fickle[fixture->self];
    uint32_t cold_percent = fickle->cold_percent;
    fickle->cold_percent = 0;
    plant(fixture, fixture->self, partition, number);
    plant(fixture, fixture->self, partition, number);
    fickle->cold_percent = cold_percent;
}

static void a_page_that_can_t_be_stored_without_reading_waits_and_goes_on(void **state)
{
    struct fixture *fixture = *state;
    struct fickle_engine *fickle = fixture->fickle[1];
    for (uint32_t i = 0; i < 3 * PAGE; i++) {
        plant(fixture, 2, 5, i);
        plant(fixture, 3, 5, i);
        plant_siblings(fixture, 5, i);
    }
    fickle->cold_percent = 100;
    refill(fixture, 5);
    copier_review(&fixture->copier);
    answer(fixture, take_ask(fixture), 0, false);
    assert_int_equal(fixture->ask_count, 0);
    assert_int_equal(fickle->read_count, 1);
    pass(fixture, 60000 * MS); /* the disk may take long: the source is not to blame */
    assert_int_equal(fixture->ask_count, 0);
    fickle_engine_read_all(fickle);
    assert_int_equal(fixture->ask_count, 1);
    answer_all(fixture);
    assert_int_equal(fixture->refilled_count, 1);
    fickle->cold_percent = 0;
    for (uint32_t i = 0; i < 3 * PAGE; i++) {
        char key[16];
        struct object held;
        (void)snprintf(key, sizeof(key), "key%u", (unsigned)i);
        struct engine_key wanted = replica_key(&fixture->replicas[1], 5, bytes_from_string(key));
        assert_int_equal(replica_read(&fixture->replicas[1], &wanted, &held), 0);
        assert_int_equal(held.sibling_count, 4);
    }
}

static void a_page_that_waits_goes_with_its_job(void **state)
{
    struct fixture *fixture = *state;
    struct fickle_engine *fickle = fixture->fickle[1];
    plant(fixture, 2, 5, 1);
    plant(fixture, 3, 5, 1);
    plant_siblings(fixture, 5, 1);
    fickle->cold_percent = 100;
    refill(fixture, 5);
    copier_review(&fixture->copier);
    answer(fixture, take_ask(fixture), 0, false);
    copier_forget(&fixture->copier, 5);
    fickle_engine_read_all(fickle);
    assert_int_equal(fixture->refilled_count, 0);
}

static void a_page_whose_read_fails_is_copied_again(void **state)
{
    struct fixture *fixture = *state;
    struct fickle_engine *fickle = fixture->fickle[1];
    plant(fixture, 2, 5, 1);
    plant(fixture, 3, 5, 1);
    plant_siblings(fixture, 5, 1);
    fickle->cold_percent = 100;
    fickle->read_code = SHOAL_EIO;
    refill(fixture, 5);
    copier_review(&fixture->copier);
    answer_all(fixture);
    assert_int_equal(fixture->refilled_count, 0);
    fickle->read_code = 0;
    for (int i = 0; i < 3; i++) {
        pass(fixture, 1000 * MS);
        answer_all(fixture);
    }
    assert_int_equal(fixture->refilled_count, 1);
}

static void a_holding_that_forgets_is_copied_from_the_beginning(void **state)
{
    struct fixture *fixture = *state;
    plant(fixture, 2, 5, 1);
    plant(fixture, 3, 5, 1);
    refill(fixture, 5);
    copier_review(&fixture->copier);
    answer(fixture, take_ask(fixture), 0, false);
    struct ask second = take_ask(fixture);
    copier_restart(&fixture->copier, 5);
    answer(fixture, second, 0, false); /* it was begun before: worth nothing */
    assert_int_equal(fixture->refilled_count, 0);
    copier_review(&fixture->copier);
    answer(fixture, take_ask(fixture), 0, false);
    assert_int_equal(fixture->refilled_count, 0);
    answer(fixture, take_ask(fixture), 0, false);
    assert_int_equal(fixture->refilled_count, 1);
}

static void nothing_is_copied_while_there_is_no_place_for_it(void **state)
{
    struct fixture *fixture = *state;
    plant(fixture, 2, 5, 1);
    plant(fixture, 3, 5, 1);
    fixture->fickle[1]->health = ENGINE_FULL;
    refill(fixture, 5);
    copier_review(&fixture->copier);
    pass(fixture, 2000 * MS);
    assert_int_equal(fixture->ask_count, 0);
    fixture->fickle[1]->health = ENGINE_HEALTHY;
    pass(fixture, 300 * MS);
    answer_all(fixture);
    assert_int_equal(fixture->refilled_count, 1);
}

static void a_copier_that_was_stopped_asks_for_nothing_more(void **state)
{
    struct fixture *fixture = *state;
    plant(fixture, 2, 5, 1);
    refill(fixture, 5);
    copier_review(&fixture->copier);
    struct ask first = take_ask(fixture);
    copier_stop(&fixture->copier);
    answer(fixture, first, 0, false);
    copier_review(&fixture->copier);
    pass(fixture, 5000 * MS);
    assert_int_equal(fixture->ask_count, 0);
    assert_int_equal(keys_held(fixture, 5), 0);
}

static void a_partition_that_is_forgotten_is_let_alone(void **state)
{
    struct fixture *fixture = *state;
    plant(fixture, 2, 5, 1);
    plant(fixture, 3, 5, 1);
    refill(fixture, 5);
    refill(fixture, 6);
    copier_review(&fixture->copier);
    copier_forget(&fixture->copier, 5);
    copier_forget(&fixture->copier, 7); /* never wanted */
    answer_all(fixture);
    pass(fixture, 5000 * MS);
    answer_all(fixture);
    assert_int_equal(keys_held(fixture, 5), 0);
    assert_int_equal(fixture->refilled_count, 1);
    assert_int_equal(copier_pending(&fixture->copier), 0);
}

/* ---- syncing ---- */

static void want_moved(struct fixture *fixture)
{
    const struct growing *growing = &fixture->growing;
    assert_int_equal(
        copier_want(&fixture->copier, growing->moved, &view_newest(growing->both)->key.hash), 0);
}

static void a_sync_waits_until_all_have_seen_its_layout(void **state)
{
    struct fixture *fixture = *state;
    self_is(fixture, 4);
    view_is(fixture, fixture->growing.both);
    want_moved(fixture);
    copier_review(&fixture->copier);
    pass(fixture, 5000 * MS);
    assert_int_equal(fixture->ask_count, 0);
    view_is(fixture, fixture->growing.seen);
    pass(fixture, 300 * MS);
    assert_int_equal(fixture->ask_count, 1);
    assert_true(content_hash_equal(&fixture->asks[0].scan.target,
                                   &view_newest(fixture->growing.both)->key.hash));
    answer_all(fixture);
    assert_int_equal(fixture->synced_count, 1);
    assert_int_equal(fixture->synced_partition, fixture->growing.moved);
}

static void a_copy_begun_for_another_target_is_not_counted_for_this_one(void **state)
{
    struct fixture *fixture = *state;
    const struct content_hash other = {{1}};
    self_is(fixture, 4);
    view_is(fixture, fixture->growing.seen);
    want_moved(fixture);
    copier_review(&fixture->copier);
    struct ask early = take_ask(fixture);
    assert_int_equal(copier_want(&fixture->copier, fixture->growing.moved, &other), 0);
    want_moved(fixture);
    answer(fixture, early, 0, false);
    assert_int_equal(fixture->ask_count, 1);
    answer(fixture, take_ask(fixture), 0, false);
    assert_int_equal(fixture->synced_count, 0); /* one of two */
    answer_all(fixture);
    assert_int_equal(fixture->synced_count, 1);
}

static void a_sync_counts_a_source_only_if_it_was_whole_at_every_page(void **state)
{
    struct fixture *fixture = *state;
    for (uint64_t node = 1; node <= 3; node++) {
        for (uint32_t i = 0; i < 2 * PAGE; i++) {
            plant(fixture, node, fixture->growing.moved, i);
        }
    }
    self_is(fixture, 4);
    view_is(fixture, fixture->growing.seen);
    want_moved(fixture);
    copier_review(&fixture->copier);
    uint64_t first = fixture->asks[0].node;
    answer(fixture, take_ask(fixture), 0, true); /* it completes in the middle */
    answer(fixture, take_ask(fixture), 0, false);
    pass(fixture, 1000 * MS);
    uint64_t second = fixture->asks[0].node;
    assert_true(second != first);
    while (fixture->ask_count > 0 && fixture->asks[0].node == second) {
        answer(fixture, take_ask(fixture), 0, false);
    }
    assert_int_equal(fixture->synced_count, 0); /* one whole source is not two */
    answer_all(fixture);
    assert_int_equal(fixture->synced_count, 1);
}

static void owners_that_stay_are_synced_with_no_copy(void **state)
{
    struct fixture *fixture = *state;
    view_is(fixture, fixture->growing.seen);
    assert_int_equal(copier_want(&fixture->copier, fixture->growing.kept,
                                 &view_newest(fixture->growing.both)->key.hash),
                     0);
    copier_review(&fixture->copier);
    assert_int_equal(fixture->ask_count, 0);
    assert_int_equal(fixture->synced_count, 1);
}

/* ---- without memory ---- */

static void without_memory_a_refill_takes_longer_and_misses_nothing(void **state)
{
    for (uint64_t nth = 1; nth <= 80; nth++) {
        assert_int_equal(setup(state), 0);
        struct fixture *fixture = *state;
        for (uint32_t i = 0; i < 2 * PAGE; i++) {
            plant(fixture, 2, 5, i);
            plant(fixture, 3, 5, i + PAGE);
        }
        replica_holding(&fixture->replicas[1], 5)->refilling = true;
        arena_deinit(&fixture->arena);
        mem_fail_from(nth);
        if (copier_want(&fixture->copier, 5, NULL) == 0) {
            copier_review(&fixture->copier);
            answer_all(fixture);
            assert_true(fixture->refilled_count == 0 || keys_held(fixture, 5) == 3 * PAGE);
            mem_fail_never();
            for (uint32_t i = 0; i < 20; i++) {
                copier_review(&fixture->copier); /* as with every snapshot */
                pass(fixture, 500 * MS);
                answer_all(fixture);
            }
            assert_int_equal(fixture->refilled_count, 1);
            assert_int_equal(keys_held(fixture, 5), 3 * PAGE);
        }
        mem_fail_never();
        assert_int_equal(teardown(state), 0);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_refilling_partition_counts_again_after_copies_from_two_others),
        TEST(pages_follow_each_other_to_the_end),
        TEST(a_silent_source_is_given_up_for_another),
        TEST(a_source_that_refuses_is_asked_again_later),
        TEST(sources_that_are_incomplete_themselves_count_only_together),
        TEST(a_copy_is_whole_only_if_its_source_was_at_every_page),
        TEST(a_link_that_comes_up_is_used),
        TEST(no_more_than_a_few_partitions_are_copied_at_a_time),
        TEST(a_page_that_leads_nowhere_ends_the_copy),
        TEST(a_page_with_bytes_that_are_no_object_is_not_taken_as_complete),
        TEST(pages_that_come_again_or_from_strangers_are_ignored),
        TEST(nothing_rests_on_a_copy_that_is_not_durable_yet),
        TEST(what_is_settled_in_a_stream_of_writes_is_enough),
        TEST(a_page_that_can_t_be_stored_without_reading_waits_and_goes_on),
        TEST(a_page_that_waits_goes_with_its_job),
        TEST(a_page_whose_read_fails_is_copied_again),
        TEST(a_holding_that_forgets_is_copied_from_the_beginning),
        TEST(nothing_is_copied_while_there_is_no_place_for_it),
        TEST(a_copier_that_was_stopped_asks_for_nothing_more),
        TEST(a_partition_that_is_forgotten_is_let_alone),
        TEST(a_sync_waits_until_all_have_seen_its_layout),
        TEST(a_copy_begun_for_another_target_is_not_counted_for_this_one),
        TEST(a_sync_counts_a_source_only_if_it_was_whole_at_every_page),
        TEST(owners_that_stay_are_synced_with_no_copy),
        cmocka_unit_test(without_memory_a_refill_takes_longer_and_misses_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
