#include "support/tail_rig.h"

#include "base/assert.h"
#include "base/hash.h"
#include "storage/tail_event.h"

#include <stdio.h>
#include <stdlib.h>

#define PAGE_BYTES_MAX 20000u

/* ---- events ---- */

static size_t value_len(uint64_t stamp)
{
    return (size_t)(hash_mix(stamp) % TAIL_RIG_VALUE_BYTES_MAX);
}

static void fill_value(uint64_t stamp, uint8_t *out)
{
    for (size_t i = 0; i < value_len(stamp); i++) {
        out[i] = (uint8_t)(stamp + i);
    }
}

static struct tail_rig_event *find_event(const struct tail_rig *rig, uint64_t id, uint64_t position)
{
    uint32_t low = 0;
    uint32_t high = rig->count;
    /* Of one tail they stand in order; tails follow each other. */
    for (uint32_t i = high; i-- > low;) {
        if (rig->events[i].id == id && rig->events[i].position == position) {
            return &rig->events[i];
        }
    }
    return NULL;
}

void tail_rig_append(struct tail_rig *rig)
{
    uint8_t value[TAIL_RIG_VALUE_BYTES_MAX];
    char key[32];
    if (rig->count == rig->capacity) {
        rig->capacity = rig->capacity == 0 ? 256 : rig->capacity * 2;
        rig->events = realloc(rig->events, rig->capacity * sizeof(*rig->events));
        ASSERT(rig->events != NULL);
    }
    uint64_t stamp = rig->count + 1;
    struct tail_rig_event *made = &rig->events[rig->count++];
    *made = (struct tail_rig_event){
        .id = tail_id(rig->tail), .position = tail_end(rig->tail), .stamp = stamp};
    fill_value(stamp, value);
    int len = snprintf(key, sizeof(key), "key %llu", (unsigned long long)stamp);
    struct tail_event event = {
        .op = TAIL_RIG_PUT,
        .time_ms = stamp * 10,
        .key = bytes_make(key, (size_t)len),
        .value = bytes_make(value, value_len(stamp)),
        .expiry_ms = stamp % 3 == 0 ? stamp * 1000 : 0,
    };
    tail_append(rig->tail, &event);
    struct tail_stats stats;
    tail_stats(rig->tail, &stats);
    made->memory = stats.failed;
}

static void check_event(const struct tail_rig *rig, const struct tail_event *event)
{
    uint8_t value[TAIL_RIG_VALUE_BYTES_MAX];
    char key[32];
    const struct tail_rig_event *made = find_event(rig, tail_id(rig->tail), event->position);
    ASSERT(made != NULL);
    fill_value(made->stamp, value);
    int len = snprintf(key, sizeof(key), "key %llu", (unsigned long long)made->stamp);
    ASSERT(bytes_equal(event->key, bytes_make(key, (size_t)len)));
    ASSERT(bytes_equal(event->value, bytes_make(value, value_len(made->stamp))));
    ASSERT(event->value_bytes == value_len(made->stamp));
    ASSERT(event->expiry_ms == (made->stamp % 3 == 0 ? made->stamp * 1000 : 0));
    ASSERT(event->op == TAIL_RIG_PUT && event->time_ms == made->stamp * 10);
}

/* ---- life ---- */

void tail_rig_init(struct tail_rig *rig, uint64_t seed, bool on_disk, uint64_t bytes_max)
{
    *rig = (struct tail_rig){.bytes_max = bytes_max};
    random_init(&rig->random, seed);
    manual_offload_init(&rig->offload);
    buffer_init(&rig->page, 0);
    rig->disk = on_disk ? model_disk_new(seed) : NULL;
}

void tail_rig_deinit(struct tail_rig *rig)
{
    if (rig->tail != NULL) {
        tail_rig_close(rig);
    }
    model_disk_free(rig->disk);
    buffer_deinit(&rig->page);
    free(rig->events);
}

static uint64_t draw(void *self)
{
    struct tail_rig *rig = self;
    return random_u64(&rig->random);
}

void tail_rig_open(struct tail_rig *rig)
{
    struct tail_options options = {
        .disk = rig->disk == NULL ? NULL : model_disk_port(rig->disk),
        .lane = 3,
        .bytes_max = rig->bytes_max,
        .offload = manual_offload_port(&rig->offload),
        .random = draw,
        .random_self = rig,
    };
    ASSERT(rig->tail == NULL);
    int result = tail_open(&options, &rig->tail);
    ASSERT(result == 0);
    rig->life++;
    rig->first_of_life = rig->count;
    rig->healthy = true;
}

void tail_rig_close(struct tail_rig *rig)
{
    manual_offload_end(&rig->offload);
    bool kept = rig->disk != NULL && rig->healthy;
    tail_close(rig->tail, true);
    rig->tail = NULL;
    for (uint32_t i = rig->first_of_life; i < rig->count && kept; i++) {
        rig->events[i].durable = !rig->events[i].memory;
    }
    if (rig->disk != NULL) {
        model_disk_crash(rig->disk, &rig->random, MODEL_KILL);
    }
}

void tail_rig_crash(struct tail_rig *rig, enum model_crash how)
{
    bool kept = rig->disk != NULL && rig->healthy && how == MODEL_KILL;
    if (rig->disk != NULL) {
        model_disk_stop(rig->disk);
    }
    manual_offload_end(&rig->offload);
    tail_close(rig->tail, false);
    rig->tail = NULL;
    for (uint32_t i = rig->first_of_life; i < rig->count && kept; i++) {
        rig->events[i].durable = !rig->events[i].memory;
    }
    if (rig->disk != NULL) {
        model_disk_crash(rig->disk, &rig->random, how);
    }
}

void tail_rig_sync(struct tail_rig *rig)
{
    uint32_t before = rig->count;
    (void)manual_offload_run(&rig->offload);
    rig->now_us += 1000000;
    tail_tick(rig->tail, rig->now_us);
    (void)manual_offload_run(&rig->offload);
    for (uint32_t i = rig->first_of_life; i < before && rig->healthy; i++) {
        rig->events[i].durable = !rig->events[i].memory;
    }
}

/* ---- looking ---- */

static void look_at_page(struct tail_rig *rig, struct tail_rig_look *look, uint64_t *at)
{
    struct bytes rest = buffer_bytes(&rig->page);
    struct tail_event event;
    bool begins = true;
    while (rest.len > 0) {
        int result = tail_event_take(&rest, &event);
        ASSERT(result == 0);
        ASSERT(event.position >= *at);
        ASSERT(event.position == *at || begins); /* what is missing is seen at the beginning */
        look->holes += event.position > *at && event.op != TAIL_CRASH ? 1 : 0;
        begins = false;
        *at = event.position + 1;
        look->first = look->events + look->crash_marks == 0 ? event.position : look->first;
        if (event.op == TAIL_CRASH) {
            look->crash_marks++;
        } else {
            check_event(rig, &event);
            look->events++;
        }
    }
}

struct tail_rig_look tail_rig_look(struct tail_rig *rig, uint64_t position)
{
    struct tail_rig_look look = {.first = tail_end(rig->tail)};
    uint64_t at = position;
    while (at < tail_end(rig->tail)) {
        uint64_t next = at;
        size_t bytes_max = 1 + (size_t)random_below(&rig->random, PAGE_BYTES_MAX);
        buffer_clear(&rig->page);
        int result = tail_read(rig->tail, at, bytes_max, &rig->page, &next);
        if (result == 1) {
            ASSERT(rig->page.len == 0);
            uint32_t ran = manual_offload_run(&rig->offload);
            ASSERT(ran > 0);
            continue;
        }
        ASSERT(next > at);
        if (result < 0) {
            ASSERT(rig->page.len == 0);
            look.errors++;
            at = next;
            continue;
        }
        uint64_t from = at;
        look_at_page(rig, &look, &at);
        look.holes += rig->page.len == 0 && next > from ? 1 : 0;
        ASSERT(rig->page.len == 0 || at == next);
        at = next;
    }
    look.end = at;
    return look;
}

struct tail_rig_look tail_rig_check(struct tail_rig *rig)
{
    uint64_t first = tail_first(rig->tail);
    struct tail_rig_look look = tail_rig_look(rig, first);
    uint64_t expected = 0;
    for (uint32_t i = 0; i < rig->count; i++) {
        const struct tail_rig_event *event = &rig->events[i];
        expected += event->durable && event->id == tail_id(rig->tail) && event->position >= first;
    }
    ASSERT(look.errors > 0 || look.events >= expected);
    return look;
}
