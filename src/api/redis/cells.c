/* The cells of a command's keys: which arguments are keys, one cell for each key, and finding it
 * again. Few are looked through; many are found by an open hash table behind them. */
#include "api/redis/desk.h"
#include "base/assert.h"
#include "base/checked.h"
#include "base/hash.h"
#include "base/memory.h"
#include "shoal/error.h"

#define CELLS_LOOKED_THROUGH 8u

uint32_t redis_keys_of(const struct command *command, uint32_t argc, uint32_t *first,
                       uint32_t *step)
{
    if (command->first_key <= 0) {
        return 0;
    }
    int64_t last = command->last_key < 0 ? (int64_t)argc + command->last_key : command->last_key;
    *first = (uint32_t)command->first_key;
    *step = command->key_step > 0 ? (uint32_t)command->key_step : 1;
    if (last >= argc) {
        last = (int64_t)argc - 1;
    }
    return last < command->first_key ? 0 : (uint32_t)(last - command->first_key) / *step + 1;
}

bool redis_is_blind(const struct command *command, const struct bytes *argv, uint32_t argc)
{
    return command->blind && (command->looks == NULL || !command->looks(argv, argc));
}

/* ---- a table of cells ------------------------------------------------------------------------ */

/* At most half of it is taken. */
static uint32_t slots_for(uint32_t count)
{
    uint32_t slots = 4 * CELLS_LOOKED_THROUGH;
    while (slots < 2 * (uint64_t)count && slots < UINT32_MAX / 2 + 1) {
        slots *= 2;
    }
    return slots;
}

size_t redis_cells_bytes(uint32_t count)
{
    size_t cells;
    size_t all;
    if (!checked_multiply(count, sizeof(struct unit_cell), &cells)) {
        return 0;
    }
    if (count <= CELLS_LOOKED_THROUGH) {
        return cells;
    }
    return checked_add(cells, slots_for(count) * sizeof(uint32_t), &all) ? all : 0;
}

void redis_cells_init(struct redis_cells *cells, void *memory, uint32_t count)
{
    *cells = (struct redis_cells){.items = memory};
    if (count > CELLS_LOOKED_THROUGH) {
        cells->slots = (uint32_t *)(void *)(cells->items + count);
        cells->slot_count = slots_for(count);
        memset(cells->slots, 0, cells->slot_count * sizeof(*cells->slots));
    }
}

static struct unit_cell *look_through(const struct redis_cells *cells, struct bytes key)
{
    for (uint32_t i = 0; i < cells->count; i++) {
        if (bytes_equal(cells->items[i].key, key)) {
            return &cells->items[i];
        }
    }
    return NULL;
}

/* The slot that the key has, or would. Seeded with where the table lies, which clients can't know:
 * they choose the keys. */
static uint32_t *find_slot(const struct redis_cells *cells, struct bytes key)
{
    uint32_t mask = cells->slot_count - 1;
    uint32_t at = (uint32_t)hash_seeded(hash_mix((uintptr_t)cells->slots), key) & mask;
    while (cells->slots[at] != 0 && !bytes_equal(cells->items[cells->slots[at] - 1].key, key)) {
        at = (at + 1) & mask;
    }
    return &cells->slots[at];
}

struct unit_cell *redis_cells_find(const struct redis_cells *cells, struct bytes key)
{
    if (cells->slots == NULL) {
        return look_through(cells, key);
    }
    uint32_t index = *find_slot(cells, key);
    return index == 0 ? NULL : &cells->items[index - 1];
}

struct unit_cell *redis_cells_take(struct redis_cells *cells, struct bytes key)
{
    struct unit_cell *cell = redis_cells_find(cells, key);
    if (cell != NULL) {
        return cell;
    }
    if (cells->slots != NULL) {
        *find_slot(cells, key) = cells->count + 1;
    }
    cell = &cells->items[cells->count++];
    *cell = (struct unit_cell){.key = key};
    return cell;
}

/* ---- of one command -------------------------------------------------------------------------- */

/* Before the arguments are kept, nothing needs to last longer than the event. */
static void *memory_for(struct redis_pending *pending, size_t bytes)
{
    return pending->keeps ? redis_pending_alloc(pending, bytes)
                          : arena_alloc(&pending->session->loop->arena, bytes);
}

int redis_cells_of(struct redis_pending *pending)
{
    const struct redis_call *call = &pending->call;
    bool blind = redis_is_blind(call->command, call->argv, call->argc);
    uint32_t first = 0;
    uint32_t step = 1;
    uint32_t count = redis_keys_of(call->command, call->argc, &first, &step);
    pending->call.cells = &pending->cells;
    if (count <= 1) {
        pending->cell = (struct unit_cell){.blind = blind};
        pending->cells = (struct redis_cells){.items = &pending->cell, .count = count};
        if (count == 1) {
            pending->cell.key = call->argv[first];
        }
        return 0;
    }
    size_t bytes = redis_cells_bytes(count);
    void *memory = bytes == 0 ? NULL : memory_for(pending, bytes);
    if (memory == NULL) {
        return SHOAL_ENOMEM;
    }
    redis_cells_init(&pending->cells, memory, count);
    for (uint32_t i = 0; i < count; i++) {
        redis_cells_take(&pending->cells, call->argv[first + i * step])->blind = blind;
    }
    return 0;
}

struct unit_cell *redis_cell(struct redis_call *call, struct bytes key)
{
    struct redis_cells *cells = call->cells;
    if (cells->count == 1) {
        return cells->items;
    }
    struct unit_cell *cell = redis_cells_find(cells, key);
    ASSERT(cell != NULL);
    return cell;
}

void redis_cell_put(struct unit_cell *cell, struct bytes value, uint64_t expiry_ms)
{
    cell->found = true;
    cell->value = value;
    cell->expiry_ms = expiry_ms;
    cell->change = UNIT_PUT;
}

void redis_cell_delete(struct unit_cell *cell)
{
    cell->found = false;
    cell->value = bytes_make(NULL, 0);
    cell->expiry_ms = 0;
    cell->change = UNIT_DELETE;
}
