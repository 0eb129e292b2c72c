/* Bounds rather than values: an addition whose outcome is unknown may be in a sum or not. */
#include "sim_counters.h"

#include "base/assert.h"
#include "base/memory.h"
#include "model/counter.h"
#include "shoal/error.h"
#include "sim_judge.h"

struct bounds {
    int64_t low, high;
    bool needed; /* something must be there */
};

static bool begins_with(struct bytes key, const char *name)
{
    return key.len >= strlen(name) && memcmp(key.data, name, strlen(name)) == 0;
}

bool sim_counters_named(struct bytes key)
{
    return begins_with(key, SIM_COUNTER_NAME);
}

bool sim_counters_wild(struct bytes key)
{
    return begins_with(key, SIM_WILD_NAME);
}

uint64_t sim_counters_now(const struct sim_oracle *oracle)
{
    return oracle->adds_acked;
}

uint32_t sim_counters_add_begin(struct sim_oracle *oracle, struct bytes key, int64_t delta)
{
    if (oracle->add_count == oracle->add_capacity) {
        oracle->add_capacity = oracle->add_capacity == 0 ? 256 : 2 * oracle->add_capacity;
        oracle->adds = mem_realloc(oracle->adds, oracle->add_capacity * sizeof(*oracle->adds));
        ASSERT(oracle->adds != NULL);
    }
    oracle->adds[oracle->add_count++] =
        (struct sim_add){.key = sim_history_key(&oracle->history, key),
                         .delta = delta,
                         .began = oracle->adds_acked,
                         .losses_before = oracle->losses};
    return oracle->add_count;
}

/* Must the addition be in what was begun then, and heard so many owners? */
static bool binds(const struct sim_oracle *oracle, const struct sim_add *add, uint64_t began,
                  uint32_t heard)
{
    return add->state == SIM_WRITE_ACKED && add->acked <= began && !add->excused && !add->hinted &&
           add->needed + heard > oracle->n;
}

static struct bounds bounds_of(const struct sim_oracle *oracle, uint32_t key, uint64_t began,
                               uint32_t heard, uint32_t own)
{
    struct bounds bounds = {0};
    for (uint32_t i = 0; i < oracle->add_count; i++) {
        const struct sim_add *add = &oracle->adds[i];
        if (add->key != key || (add->state == SIM_WRITE_NONE && !oracle->doubled)) {
            continue;
        }
        bool needed = i + 1 == own || binds(oracle, add, began, heard);
        bounds.low += needed || add->delta < 0 ? add->delta : 0;
        bounds.high += needed || add->delta > 0 ? add->delta : 0;
        bounds.needed = bounds.needed || needed;
    }
    return bounds;
}

static void judge(struct sim_oracle *oracle, uint32_t at, const struct bounds *bounds,
                  int64_t number, const char *where)
{
    const struct sim_key *key = &oracle->history.keys[at];
    oracle->counters_judged++;
    /* Where frames are doubled additions are, too, and clients only add what is above zero. */
    if (number < bounds->low || (number > bounds->high && !oracle->doubled)) {
        sim_verdict_fail(oracle->verdict, SIM_ACKED,
                         "%s of %.*s is %lld, and must be from %lld to %lld", where,
                         (int)key->name_len, (const char *)key->name, (long long)number,
                         (long long)bounds->low, (long long)bounds->high);
    }
}

static void acknowledge(struct sim_oracle *oracle, struct sim_add *add,
                        const struct sim_reply *reply)
{
    add->state = SIM_WRITE_ACKED;
    add->acked = ++oracle->adds_acked;
    add->needed = sim_judge_effective(oracle, reply);
    bool shaken = oracle->unstable || add->losses_before != oracle->losses;
    bool helped = reply->fallbacks > 0 && oracle->unstable;
    add->excused = add->excused || ((add->needed < oracle->w || helped) && shaken) ||
                   add->needed <= oracle->ghosts;
    add->hinted = reply->fallbacks > 0;
}

void sim_counters_add_end(struct sim_oracle *oracle, uint32_t id, const struct sim_reply *reply,
                          int64_t number)
{
    struct sim_add *add = &oracle->adds[id - 1];
    if (reply->code != 0) {
        bool nothing = shoal_error_nothing_applied(reply->code) != 0;
        add->state = nothing ? SIM_WRITE_NONE : SIM_WRITE_UNKNOWN;
        return;
    }
    acknowledge(oracle, add, reply);
    if (add->delta != 0 && oracle->r > oracle->ghosts) {
        struct bounds bounds = bounds_of(oracle, add->key, add->began, oracle->r, id);
        judge(oracle, add->key, &bounds, number, "the answer of an addition");
    }
}

/* Digits, or nothing where nothing needs to be. */
static void judge_shown(struct sim_oracle *oracle, uint32_t at, const struct bounds *bounds,
                        struct bytes shown, const char *where)
{
    const struct sim_key *key = &oracle->history.keys[at];
    int64_t number = 0;
    if (shown.data == NULL ? bounds->needed : !number_parse(shown, &number)) {
        sim_verdict_fail(oracle->verdict, SIM_ACKED, "%s of %.*s shows no number: '%.*s'", where,
                         (int)key->name_len, (const char *)key->name, (int)shown.len,
                         shown.data == NULL ? "" : (const char *)shown.data);
    } else if (shown.data != NULL) {
        judge(oracle, at, bounds, number, where);
    }
}

void sim_counters_read_end(struct sim_oracle *oracle, struct bytes key, uint64_t began,
                           const struct sim_reply *reply, struct bytes shown)
{
    uint32_t heard = sim_judge_effective(oracle, reply);
    if ((reply->code != 0 && reply->code != SHOAL_ENOTFOUND) || heard <= oracle->ghosts) {
        return;
    }
    uint32_t at = sim_history_key(&oracle->history, key);
    struct bounds bounds = bounds_of(oracle, at, began, heard, 0);
    judge_shown(oracle, at, &bounds, shown, "a read");
    if (reply->value_count > 1) {
        sim_verdict_fail(oracle->verdict, SIM_ACKED, "a read of a counter shows %u values",
                         reply->value_count);
    }
}

void sim_counters_loss(struct sim_oracle *oracle)
{
    for (uint32_t i = 0; i < oracle->add_count; i++) {
        struct sim_add *add = &oracle->adds[i];
        add->excused = add->excused || (add->state == SIM_WRITE_ACKED && add->needed < oracle->w);
    }
}

void sim_counters_excuse(struct sim_oracle *oracle, uint32_t key)
{
    for (uint32_t i = 0; i < oracle->add_count; i++) {
        struct sim_add *add = &oracle->adds[i];
        add->excused = add->excused || add->key == key;
    }
}

void sim_counters_delivered(struct sim_oracle *oracle)
{
    for (uint32_t i = 0; i < oracle->add_count; i++) {
        struct sim_add *add = &oracle->adds[i];
        if (add->state == SIM_WRITE_ACKED && add->hinted && !add->excused) {
            add->hinted = false;
            add->needed = oracle->w;
        }
    }
}
