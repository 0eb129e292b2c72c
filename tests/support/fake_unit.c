#include "support/fake_unit.h"

#include <pthread.h>

#include "base/assert.h"
#include "base/memory.h"
#include "shoal/error.h"

#define KEYS_MAX 1024u

struct fake_value {
    struct bytes key, value; /* its own */
    uint64_t expiry_ms;
    uint64_t version;
    bool found;
};

static struct {
    pthread_mutex_t lock;
    struct fake_value values[KEYS_MAX];
    uint32_t count;
    uint64_t versions;
    bool spread;
    bool starting;
} units = {.lock = PTHREAD_MUTEX_INITIALIZER};

static struct bytes own(struct bytes bytes)
{
    char *copy = mem_copy_string((const char *)bytes.data, bytes.len);
    ASSERT(copy != NULL);
    return bytes_make(copy, bytes.len);
}

static void disown(struct bytes bytes)
{
    mem_free((void *)bytes.data);
}

void fake_units_clear(void)
{
    pthread_mutex_lock(&units.lock);
    for (uint32_t i = 0; i < units.count; i++) {
        disown(units.values[i].key);
        disown(units.values[i].value);
    }
    units.count = 0;
    units.spread = false;
    units.starting = false;
    pthread_mutex_unlock(&units.lock);
}

void fake_units_set_alone(bool alone)
{
    pthread_mutex_lock(&units.lock);
    units.spread = !alone;
    pthread_mutex_unlock(&units.lock);
}

bool worker_alone(const struct worker *worker)
{
    (void)worker;
    pthread_mutex_lock(&units.lock);
    bool alone = !units.spread;
    pthread_mutex_unlock(&units.lock);
    return alone;
}

void fake_units_set_starting(bool starting)
{
    pthread_mutex_lock(&units.lock);
    units.starting = starting;
    units.spread = starting;
    pthread_mutex_unlock(&units.lock);
}

bool worker_starting(const struct worker *worker)
{
    (void)worker;
    pthread_mutex_lock(&units.lock);
    bool starting = units.starting;
    pthread_mutex_unlock(&units.lock);
    return starting;
}

static struct fake_value *find(struct bytes key)
{
    for (uint32_t i = 0; i < units.count; i++) {
        if (bytes_equal(units.values[i].key, key)) {
            return &units.values[i];
        }
    }
    return NULL;
}

static void fill(struct unit_cell *cell, uint64_t now_ms)
{
    const struct fake_value *held = cell->blind ? NULL : find(cell->key);
    cell->change = UNIT_KEEP;
    cell->found = held != NULL && held->found && (held->expiry_ms == 0 || held->expiry_ms > now_ms);
    cell->value = cell->found ? held->value : bytes_make(NULL, 0);
    cell->expiry_ms = cell->found ? held->expiry_ms : 0;
    cell->version = held == NULL ? 0 : held->version;
    cell->siblings = cell->found;
}

static void store(const struct unit_cell *cell)
{
    struct fake_value *held = find(cell->key);
    struct bytes value = own(cell->change == UNIT_PUT ? cell->value : bytes_make(NULL, 0));
    if (held == NULL) {
        ASSERT(units.count < KEYS_MAX);
        held = &units.values[units.count++];
        *held = (struct fake_value){.key = own(cell->key)};
    }
    disown(held->value);
    held->value = value;
    held->found = cell->change == UNIT_PUT;
    held->expiry_ms = held->found ? cell->expiry_ms : 0;
    held->version = ++units.versions;
}

static void apply(struct unit *unit)
{
    for (uint32_t i = 0; i < units.count && unit->flush; i++) {
        units.values[i].version = ++units.versions;
        units.values[i].found = false;
    }
    for (uint32_t i = 0; i < unit->count; i++) {
        if (unit->cells[i].change != UNIT_KEEP) {
            ASSERT(!unit->reads_only);
            store(&unit->cells[i]);
        }
    }
}

static void name_all(struct unit *unit)
{
    struct unit_name *names = arena_alloc_array(unit->memory, units.count, sizeof(*names));
    ASSERT(names != NULL);
    unit->name_count = 0;
    for (uint32_t i = 0; i < units.count; i++) {
        if (units.values[i].found) {
            names[unit->name_count++].key = units.values[i].key;
        }
    }
    unit->names = names;
}

static void carry_out(struct unit *unit, struct arena *memory, uint64_t now_ms)
{
    unit->memory = memory;
    unit->flush = unit->abandon = false;
    for (uint32_t i = 0; i < unit->count; i++) {
        fill(&unit->cells[i], now_ms);
    }
    if (unit->with_names) {
        name_all(unit);
    }
    unit->run(unit, now_ms);
    if (!unit->abandon) {
        apply(unit);
    }
}

static bool has_key(const struct unit *unit, const char *prefix)
{
    for (uint32_t i = 0; i < unit->count; i++) {
        if (bytes_starts_with(unit->cells[i].key, bytes_from_string(prefix))) {
            return true;
        }
    }
    return false;
}

static int carry_out_alone(struct unit *unit, struct moment now)
{
    struct arena memory;
    if (has_key(unit, "fails:")) {
        return SHOAL_EUNKNOWN;
    }
    arena_init(&memory, 0);
    pthread_mutex_lock(&units.lock);
    carry_out(unit, &memory, now.wall_ms);
    pthread_mutex_unlock(&units.lock);
    unit->memory = NULL;
    arena_deinit(&memory);
    return 0;
}

void worker_unit_find(const struct worker *worker, struct bytes key, struct engine_key *place)
{
    (void)worker;
    place->key = key;
}

void worker_unit_expect(const struct worker *worker, const struct engine_key *place)
{
    (void)worker;
    (void)place;
}

void worker_unit_expect_more(const struct worker *worker, const struct engine_key *place)
{
    (void)worker;
    (void)place;
}

bool worker_unit_now(struct worker *worker, struct moment now, struct unit *unit, int *code)
{
    (void)worker;
    if (unit->everything || has_key(unit, "later:")) {
        return false;
    }
    *code = carry_out_alone(unit, now);
    return true;
}

void worker_unit(struct worker *worker, struct moment now, struct unit *unit)
{
    int code = worker_alone(worker) ? carry_out_alone(unit, now) : SHOAL_EUNSUPPORTED;
    unit->done(unit, code, bytes_make(NULL, 0));
}
