/* Transactions of a node that is alone, while it is killed and loses power at any moment and comes
 * back with another number of workers. Accounts are spread over the workers; transfers move money
 * between some of them, audits add them all up.
 *
 * What must hold: money is neither made nor lost; a transfer is there in all of its accounts or in
 * none; what was confirmed is there, what was refused is not; and all of them, with what they read,
 * can be put into one order. Every account names its last writer, and every writer remembers whom
 * it found, so the whole history can be read backwards from the end. */
#include "scenario.h"

#include "base/memory.h"
#include "node/core.h"

#include <stdlib.h>

enum {
    ACCOUNTS = 10,
    WIDTH = 3, /* accounts of a transfer, at most */
    FLIGHT = 6,
    TRANSFERS = 2000,
    MONEY = 100,
    SEEDS_DEFAULT = 200,
};

enum fate { UNKNOWN, DONE, REFUSED };

/* What a transfer found, kept for ever. */
struct record {
    enum fate fate;
    bool ran;
    uint32_t count;
    uint32_t accounts[WIDTH];
    uint32_t found[WIDTH]; /* the last writer of each */
};

struct bank;

/* One under way. */
struct transfer {
    struct bank *bank;
    struct unit unit;
    struct unit_cell cells[ACCOUNTS];
    char keys[ACCOUNTS][16];
    uint32_t id; /* 0: an audit */
    bool busy;
    bool done;
    int code;
};

struct bank {
    struct cluster cluster;
    struct random random;
    struct transfer flight[FLIGHT];
    struct record records[TRANSFERS + 1];
    uint32_t next; /* id */
    uint32_t audits;
    uint32_t confirmed;
    bool loses; /* what was confirmed may be lost, but not in part */
};

/* ---- units ---- */

static void bank_read(const struct unit_cell *cell, int *money, uint32_t *writer)
{
    char text[32] = {0};
    *money = MONEY;
    *writer = 0;
    if (cell->found) {
        assert_true(cell->value.len < sizeof(text));
        memcpy(text, cell->value.data, cell->value.len);
        assert_int_equal(sscanf(text, "%d %u", money, writer), 2);
    }
}

static void transfer_run(struct unit *unit, uint64_t now_ms)
{
    struct transfer *transfer = unit->user;
    struct record *record = &transfer->bank->records[transfer->id];
    int moved = (int)(transfer->id % 17);
    (void)now_ms;
    assert_false(record->ran);
    record->ran = true;
    for (uint32_t i = 0; i < unit->count; i++) {
        struct unit_cell *cell = &unit->cells[i];
        char text[32];
        int money;
        bank_read(cell, &money, &record->found[i]);
        money += i == 0 ? -moved * (int)(unit->count - 1) : moved;
        (void)snprintf(text, sizeof(text), "%d %u", money, (unsigned)transfer->id);
        cell->value = arena_copy(unit->memory, bytes_from_string(text));
        cell->expiry_ms = 0;
        cell->change = UNIT_PUT;
    }
}

static void audit_run(struct unit *unit, uint64_t now_ms)
{
    int sum = 0;
    (void)now_ms;
    for (uint32_t i = 0; i < unit->count; i++) {
        int money;
        uint32_t writer;
        bank_read(&unit->cells[i], &money, &writer);
        sum += money;
    }
    assert_int_equal(sum, ACCOUNTS * MONEY);
}

static void transfer_done(struct unit *unit, int code, struct bytes text)
{
    struct transfer *transfer = unit->user;
    (void)text;
    assert_false(transfer->done);
    transfer->done = true;
    transfer->code = code;
}

static void transfer_add(struct transfer *transfer, uint32_t account)
{
    uint32_t i = transfer->unit.count++;
    (void)snprintf(transfer->keys[i], sizeof(transfer->keys[i]), "account %u", (unsigned)account);
    transfer->cells[i] = (struct unit_cell){.key = bytes_from_string(transfer->keys[i])};
}

static void transfer_choose(struct bank *bank, struct transfer *transfer)
{
    struct record *record = &bank->records[transfer->id];
    record->count = 2 + (uint32_t)random_below(&bank->random, WIDTH - 1);
    for (uint32_t i = 0; i < record->count;) {
        uint32_t account = (uint32_t)random_below(&bank->random, ACCOUNTS);
        bool again = false;
        for (uint32_t j = 0; j < i; j++) {
            again = again || record->accounts[j] == account;
        }
        if (!again) {
            record->accounts[i++] = account;
            transfer_add(transfer, account);
        }
    }
}

static void bank_begin(struct bank *bank, struct transfer *transfer, unit_run run)
{
    struct sim_world *world = &bank->cluster.world;
    struct sim_node *node = cluster_node(&bank->cluster, 0);
    struct sim_worker *worker = &node->workers[random_below(&bank->random, node->worker_count)];
    if (!worker_alone(worker->core)) {
        return;
    }
    *transfer = (struct transfer){.bank = bank, .busy = true};
    transfer->unit = (struct unit){
        .cells = transfer->cells, .run = run, .done = transfer_done, .user = transfer};
    if (run != transfer_run) {
        transfer->unit.everything = random_chance(&bank->random, 0.2);
        for (uint32_t i = 0; i < ACCOUNTS; i++) {
            transfer_add(transfer, i);
        }
    } else {
        transfer->id = ++bank->next;
        transfer_choose(bank, transfer);
    }
    worker_unit(worker->core, sim_clock_moment(&node->clock, world->now_us), &transfer->unit);
    sim_node_after_event(worker);
}

static void bank_collect(struct bank *bank, struct transfer *transfer)
{
    struct record *record = &bank->records[transfer->id];
    transfer->busy = false;
    if (transfer->id == 0) {
        bank->audits += transfer->code == 0 ? 1 : 0;
        return;
    }
    if (transfer->code == 0) {
        record->fate = DONE;
        bank->confirmed++;
    } else if (transfer->code != SHOAL_EUNKNOWN) {
        record->fate = REFUSED;
    }
}

/* ---- crashes ---- */

static void bank_start(struct bank *bank)
{
    struct sim_node *node = cluster_node(&bank->cluster, 0);
    for (uint32_t i = 0; i < FLIGHT; i++) {
        bank->flight[i].busy = false; /* nobody knows */
    }
    sim_node_spare(node);
    while (sim_node_start(node) != 0) {
        assert_true(node->state == SIM_DOWN);
    }
}

/* Begins, goes on, collects; may end with a crash in the middle of something. */
static void bank_trade(struct bank *bank, uint32_t turns)
{
    struct sim_node *node = cluster_node(&bank->cluster, 0);
    for (uint32_t turn = 0; turn < turns && node->state == SIM_UP; turn++) {
        struct transfer *transfer = &bank->flight[turn % FLIGHT];
        if (transfer->busy && transfer->done) {
            bank_collect(bank, transfer);
        }
        if (!transfer->busy && bank->next < TRANSFERS) {
            bool audit = random_chance(&bank->random, 0.1);
            bank_begin(bank, transfer, audit ? audit_run : transfer_run);
        }
        if (node->state == SIM_UP) {
            cluster_run(&bank->cluster, random_below(&bank->random, 800));
        }
    }
}

static void bank_rest(struct bank *bank)
{
    cluster_run(&bank->cluster, 8 * SECOND_US);
    for (uint32_t i = 0; i < FLIGHT; i++) {
        if (bank->flight[i].busy) {
            assert_true(bank->flight[i].done);
            bank_collect(bank, &bank->flight[i]);
        }
    }
}

/* ---- the history ---- */

static void look_run(struct unit *unit, uint64_t now_ms)
{
    int sum = 0;
    (void)now_ms;
    for (uint32_t i = 0; i < unit->count; i++) {
        int money;
        uint32_t writer;
        bank_read(&unit->cells[i], &money, &writer);
        unit->cells[i].expiry_ms = writer; /* handed over so; nothing is written */
        sum += money;
    }
    assert_int_equal(sum, ACCOUNTS * MONEY);
}

static uint32_t record_index(const struct record *record, uint32_t account)
{
    uint32_t i = 0;
    while (i < record->count && record->accounts[i] != account) {
        i++;
    }
    return i;
}

/* Goes back from the last writer of each account. seen[id]: in how many of its accounts. */
static void history_walk(const struct bank *bank, const uint32_t *last, uint32_t *seen)
{
    for (uint32_t a = 0; a < ACCOUNTS; a++) {
        uint32_t steps = 0;
        for (uint32_t id = last[a]; id != 0;) {
            assert_true(id <= bank->next && steps++ < TRANSFERS);
            const struct record *record = &bank->records[id];
            uint32_t i = record_index(record, a);
            assert_true(record->ran && i < record->count);
            seen[id]++;
            id = record->found[i];
        }
    }
}

/* One order of all: each after those that it found. */
static void history_order(const struct bank *bank, const uint32_t *seen)
{
    static bool placed[TRANSFERS + 1];
    uint32_t left = 0;
    memset(placed, 0, sizeof(placed));
    placed[0] = true;
    for (uint32_t id = 1; id <= bank->next; id++) {
        placed[id] = seen[id] == 0;
        left += placed[id] ? 0 : 1;
    }
    for (bool moved = true; left > 0;) {
        assert_true(moved); /* else they stand in a circle */
        moved = false;
        for (uint32_t id = 1; id <= bank->next; id++) {
            const struct record *record = &bank->records[id];
            bool free = !placed[id];
            for (uint32_t i = 0; i < record->count && free; i++) {
                free = placed[record->found[i]];
            }
            placed[id] = placed[id] || free;
            moved = moved || free;
            left -= free ? 1 : 0;
        }
    }
}

static void bank_judge(struct bank *bank)
{
    static uint32_t seen[TRANSFERS + 1];
    uint32_t last[ACCOUNTS];
    struct transfer *look = &bank->flight[0];
    bank_rest(bank);
    bank_begin(bank, look, look_run);
    cluster_run(&bank->cluster, SECOND_US);
    assert_true(look->done);
    assert_int_equal(look->code, 0);
    for (uint32_t a = 0; a < ACCOUNTS; a++) {
        last[a] = (uint32_t)look->cells[a].expiry_ms;
    }
    look->busy = false;
    memset(seen, 0, sizeof(seen));
    history_walk(bank, last, seen);
    for (uint32_t id = 1; id <= bank->next; id++) {
        const struct record *record = &bank->records[id];
        assert_true(seen[id] == 0 || seen[id] == record->count);
        assert_true(record->fate != DONE || seen[id] > 0 || bank->loses);
        assert_true(record->fate != REFUSED || seen[id] == 0);
    }
    history_order(bank, seen);
}

/* ---- the stories ---- */

static void bank_open(struct bank *bank, uint64_t seed, enum log_durability durability)
{
    struct sim_options options;
    sim_options_quiet(&options);
    options.seed = seed;
    options.nodes = 1;
    options.n = 1;
    options.r = 1;
    options.w = 1;
    options.workers[0] = 1 + (uint32_t)(seed % SIM_WORKERS_MAX);
    options.check_every = 64;
    options.store.durability = durability;
    options.store.rework_rate = 0.5;
    /* Without syncs between them, two segments of a log are not cut at one moment. */
    options.store.segment_bytes = durability == LOG_SYNC ? 8192 : 1048576;
    options.store.cold_rate = seed % 3 == 0 ? 0.5 : 0;
    *bank = (struct bank){.loses = durability != LOG_SYNC};
    random_init(&bank->random, seed);
    cluster_open(&bank->cluster, &options);
}

static void bank_seed(uint64_t seed, enum log_durability durability)
{
    struct bank *bank = mem_alloc(sizeof(*bank));
    assert_non_null(bank);
    bank_open(bank, seed, durability);
    struct sim_node *node = cluster_node(&bank->cluster, 0);
    for (uint32_t round = 0; round < 6; round++) {
        bank_trade(bank, 20 + (uint32_t)random_below(&bank->random, 60));
        if (node->state == SIM_UP) {
            sim_node_doom(node, random_chance(&bank->random, 0.5) ? SIM_EXIT_KILL : SIM_EXIT_POWER);
            bank_trade(bank, 400);
        }
        if (node->state == SIM_UP) {
            sim_node_crash(node, SIM_EXIT_KILL);
        }
        bank_start(bank);
        if (random_chance(&bank->random, 0.3)) { /* again while it does what was left undone */
            sim_node_doom(node, SIM_EXIT_POWER);
            cluster_run(&bank->cluster, 2 * SECOND_US);
            if (node->state == SIM_DOWN) {
                bank_start(bank);
            }
            sim_node_spare(node);
        }
        cluster_run(&bank->cluster, 200 * MILLISECOND_US);
        bank_judge(bank);
        if (durability != LOG_SYNC) {
            break; /* what follows may stand on what was lost */
        }
    }
    cluster_close(&bank->cluster);
    assert_true(bank->confirmed > 0);
    mem_free(bank);
}

static uint64_t seeds(void)
{
    const char *text = getenv("SHOAL_UNIT_SEEDS");
    return text == NULL ? SEEDS_DEFAULT : strtoull(text, NULL, 10);
}

static void run_seeds(enum log_durability durability)
{
    const char *one = getenv("SHOAL_SEED");
    uint64_t first = one == NULL ? 1 : strtoull(one, NULL, 10);
    uint64_t end = one == NULL ? first + seeds() : first + 1;
    for (uint64_t seed = first; seed < end; seed++) {
        (void)fprintf(stderr, "SHOAL_SEED=%llu\n", (unsigned long long)seed);
        bank_seed(seed, durability);
    }
}

static void no_money_is_made_or_lost_by_crashes(void **state)
{
    (void)state;
    run_seeds(LOG_SYNC);
}

static void what_a_power_loss_takes_of_a_lazy_disk_it_takes_whole(void **state)
{
    (void)state;
    run_seeds(LOG_INTERVAL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_money_is_made_or_lost_by_crashes),
        cmocka_unit_test(what_a_power_loss_takes_of_a_lazy_disk_it_takes_whole),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
