/* Objects and holdings are judged here, answers in sim_judge.c. */
#include "sim_oracle.h"

#include "base/assert.h"
#include "base/memory.h"
#include "sim_counters.h"
#include "sim_judge.h"

void sim_oracle_init(struct sim_oracle *oracle, struct sim_verdict *verdict, uint32_t nodes,
                     uint32_t n, uint32_t r, uint32_t w)
{
    memset(oracle, 0, sizeof(*oracle));
    sim_history_init(&oracle->history, nodes);
    oracle->verdict = verdict;
    oracle->n = n;
    oracle->r = r;
    oracle->w = w;
}

void sim_oracle_deinit(struct sim_oracle *oracle)
{
    sim_history_deinit(&oracle->history);
    mem_free(oracle->adds);
}

const char *sim_dot_text(const struct sim_key *key, uint32_t index, char out[SIM_TEXT_MAX])
{
    const struct sim_dot *dot = &key->dots[index];
    static const char *const kinds[] = {"write", "put", "delete"};
    snprintf(out, SIM_TEXT_MAX, "%s #%u (%llx,%llu)", kinds[dot->kind], dot->write,
             (unsigned long long)dot->dot.actor, (unsigned long long)dot->dot.counter);
    return out;
}

/* ---- what happens ---- */

void sim_oracle_issued(struct sim_oracle *oracle, struct bytes name, struct dot dot,
                       struct version_vector seen)
{
    uint32_t at = sim_history_key(&oracle->history, name);
    struct sim_key *key = &oracle->history.keys[at];
    if (sim_history_dot(key, dot) >= 0) {
        sim_verdict_fail(oracle->verdict, SIM_CONTEXTS, "dot (%llx,%llu) of %.*s was issued twice",
                         (unsigned long long)dot.actor, (unsigned long long)dot.counter,
                         (int)name.len, (const char *)name.data);
        return;
    }
    if (version_vector_covers(seen, dot)) {
        sim_verdict_fail(oracle->verdict, SIM_CONTEXTS,
                         "dot (%llx,%llu) of %.*s is covered by what its write saw",
                         (unsigned long long)dot.actor, (unsigned long long)dot.counter,
                         (int)name.len, (const char *)name.data);
        return;
    }
    ASSERT(key->dot_count < SIM_DOTS_MAX);
    struct sim_dot *issued = &key->dots[key->dot_count];
    struct sim_set covered;
    sim_history_covered(key, seen, &covered);
    sim_history_replaced(key, &covered, &issued->replaced);
    sim_set_unite(&issued->replaced, &covered);
    issued->dot = dot;
    key->dot_count++;
    oracle->dots++;
}

void sim_oracle_expired(struct sim_oracle *oracle, struct bytes name, struct dot dot,
                        struct dot replaced)
{
    struct sim_key *key = &oracle->history.keys[sim_history_key(&oracle->history, name)];
    int expired = sim_history_dot(key, replaced);
    uint32_t issued = key->dot_count;
    sim_oracle_issued(oracle, name, dot, (struct version_vector){0});
    if (expired < 0 || key->dot_count == issued) {
        sim_verdict_fail(oracle->verdict, SIM_CONTEXTS, "what expires of %.*s was never issued",
                         (int)name.len, (const char *)name.data);
        return;
    }
    key->dots[issued].replaced = key->dots[expired].replaced;
    sim_set_add(&key->dots[issued].replaced, (uint32_t)expired);
}

void sim_oracle_dropped(struct sim_oracle *oracle, struct bytes name, struct dot dot)
{
    struct sim_key *key = &oracle->history.keys[sim_history_key(&oracle->history, name)];
    int index = sim_history_dot(key, dot);
    if (index < 0) {
        sim_verdict_fail(oracle->verdict, SIM_CONTEXTS,
                         "a tombstone of %.*s is dropped that was never issued", (int)name.len,
                         (const char *)name.data);
        return;
    }
    sim_set_add(&key->gone, (uint32_t)index);
    sim_set_unite(&key->gone, &key->dots[index].replaced);
    oracle->dropped++;
}

void sim_oracle_loss(struct sim_oracle *oracle)
{
    oracle->losses++;
    sim_counters_loss(oracle);
    for (uint32_t i = 0; i < oracle->history.write_count; i++) {
        struct sim_write *write = &oracle->history.writes[i];
        if (write->state == SIM_WRITE_ACKED && write->needed < oracle->w) {
            write->excused = true;
        }
    }
}

void sim_oracle_excuse(struct sim_oracle *oracle, uint32_t key)
{
    sim_counters_excuse(oracle, key);
    for (uint32_t i = 0; i < oracle->history.write_count; i++) {
        struct sim_write *write = &oracle->history.writes[i];
        write->excused = write->excused || write->key == key;
    }
}

void sim_oracle_accounts(const struct sim_key *key, const struct object *object,
                         struct sim_set *out)
{
    struct sim_set covered;
    sim_history_covered(key, object->context, &covered);
    sim_history_replaced(key, &covered, out);
    sim_set_unite(out, &covered);
    sim_set_unite(out, &key->gone);
}

static void judge_obliged(struct sim_oracle *oracle, const struct sim_key *key,
                          const struct sim_write *write, const struct sim_obliged *obliged)
{
    char text[SIM_TEXT_MAX];
    uint32_t owners = obliged->count + obliged->unknown + obliged->lost;
    uint32_t owed = write->needed < oracle->w ? write->needed : oracle->w;
    uint32_t held = obliged->unknown + obliged->lost;
    for (uint32_t i = 0; i < obliged->count; i++) {
        bool holds = false;
        for (uint32_t d = 0; d < write->dot_count; d++) {
            holds = holds || sim_set_has(&obliged->accounts[i], write->dots[d]);
        }
        held += holds;
    }
    if (held < (owed < owners ? owed : owners)) {
        sim_verdict_fail(oracle->verdict, SIM_OBLIGED,
                         "the acknowledged %s of %.*s is held by %u of the %u owners that can be "
                         "looked at (%u others may have it, %u may have lost it)",
                         sim_dot_text(key, write->dots[0], text), (int)key->name_len,
                         (const char *)key->name, held - obliged->unknown - obliged->lost,
                         obliged->count, obliged->unknown, obliged->lost);
    }
}

void sim_oracle_obliged(struct sim_oracle *oracle, uint32_t at, const struct sim_obliged *obliged)
{
    const struct sim_key *key = &oracle->history.keys[at];
    for (uint32_t i = 0; i < key->acked_count && !oracle->verdict->broken; i++) {
        const struct sim_write *write = sim_history_get(&oracle->history, key->acked[i]);
        if (!write->excused && write->dot_count > 0) {
            judge_obliged(oracle, key, write, obliged);
        }
    }
}

void sim_oracle_delivered(struct sim_oracle *oracle)
{
    sim_counters_delivered(oracle);
    for (uint32_t i = 0; i < oracle->history.write_count; i++) {
        struct sim_write *write = &oracle->history.writes[i];
        if (write->state == SIM_WRITE_ACKED && write->hinted && !write->excused) {
            write->needed = oracle->w;
        }
    }
}

void sim_oracle_settled(struct sim_oracle *oracle, uint32_t node, uint32_t at)
{
    struct sim_key *key = &oracle->history.keys[at];
    if (key->held[node].known) {
        key->settled[node] = key->held[node];
    }
}

void sim_oracle_crash(struct sim_oracle *oracle, uint32_t node)
{
    for (uint32_t i = 0; i < oracle->history.key_count; i++) {
        struct sim_key *key = &oracle->history.keys[i];
        key->held[node] = key->settled[node];
    }
}

void sim_oracle_forget(struct sim_oracle *oracle, uint32_t node)
{
    for (uint32_t i = 0; i < oracle->history.key_count; i++) {
        sim_oracle_forget_key(oracle, node, i);
    }
}

void sim_oracle_forget_key(struct sim_oracle *oracle, uint32_t node, uint32_t key)
{
    oracle->history.keys[key].held[node].known = false;
    oracle->history.keys[key].settled[node].known = false;
}

/* ---- objects ---- */

void sim_judge_object(struct sim_oracle *oracle, const struct sim_key *key,
                      const struct sim_set *covered, const struct sim_set *live,
                      const struct sim_set *excused, const struct sim_held *before,
                      const char *where)
{
    char text[SIM_TEXT_MAX];
    char other[SIM_TEXT_MAX];
    struct sim_set replaced;
    sim_history_replaced(key, covered, &replaced);
    int beside = sim_set_first_common(live, &replaced);
    if (beside >= 0) {
        uint32_t by = 0;
        while (!sim_set_has(covered, by) ||
               !sim_set_has(&key->dots[by].replaced, (uint32_t)beside)) {
            by++;
        }
        bool deleted = key->dots[by].kind == SIM_KIND_TOMBSTONE;
        sim_verdict_fail(oracle->verdict, deleted ? SIM_DELETED : SIM_SIBLINGS,
                         "%s of %.*s shows %s, which %s, covered too, has replaced", where,
                         (int)key->name_len, (const char *)key->name,
                         sim_dot_text(key, (uint32_t)beside, text), sim_dot_text(key, by, other));
        return;
    }
    struct sim_set explained = replaced;
    sim_set_unite(&explained, live);
    sim_set_unite(&explained, excused);
    sim_set_unite(&explained, &key->gone);
    int swallowed = sim_set_first_outside(covered, &explained);
    if (swallowed >= 0) {
        bool was_live =
            before != NULL && before->known && sim_set_has(&before->live, (uint32_t)swallowed);
        sim_verdict_fail(oracle->verdict, was_live ? SIM_SIBLINGS : SIM_CONTEXTS,
                         "the context at %s of %.*s covers %s, which is not there and which "
                         "nothing covered has replaced%s",
                         where, (int)key->name_len, (const char *)key->name,
                         sim_dot_text(key, (uint32_t)swallowed, text),
                         was_live ? "; it was there before" : "");
    }
}

static void meet_tombstone(struct sim_key *key, uint32_t index)
{
    key->dots[index].kind = SIM_KIND_TOMBSTONE;
    sim_set_add(&key->tombstones, index);
}

/* A dot is seen with its sibling: from now on it is known whose it is. */
static void meet(struct sim_oracle *oracle, struct sim_key *key, uint32_t index,
                 const struct sibling *sibling, const char *where)
{
    struct sim_dot *dot = &key->dots[index];
    if (sibling->kind == SIBLING_TOMBSTONE) {
        if (dot->kind == SIM_KIND_VALUE) {
            sim_verdict_fail(oracle->verdict, SIM_ACKED, "at %s a put's dot is a tombstone", where);
        }
        meet_tombstone(key, index);
        return;
    }
    if (sibling->kind == SIBLING_COUNTER ||
        sim_counters_wild(bytes_make(key->name, key->name_len))) {
        dot->kind = SIM_KIND_VALUE; /* whose it is, is for the sums to tell */
        return;
    }
    uint32_t write = sim_history_by_value(&oracle->history, sibling->value);
    if (write == 0 || &oracle->history.keys[sim_history_get(&oracle->history, write)->key] != key) {
        sim_verdict_fail(oracle->verdict, SIM_ACKED, "%s of %.*s holds a value nobody wrote", where,
                         (int)key->name_len, (const char *)key->name);
        return;
    }
    if (dot->kind == SIM_KIND_UNKNOWN) {
        dot->kind = SIM_KIND_VALUE;
        dot->write = write;
        sim_judge_issue(oracle, key, index);
    } else if (dot->write != write) {
        sim_verdict_fail(oracle->verdict, SIM_CONTEXTS, "at %s one dot stands for two writes",
                         where);
    }
}

static bool collect(struct sim_oracle *oracle, struct sim_key *key, const struct object *object,
                    struct sim_set *live, const char *where)
{
    *live = (struct sim_set){0};
    for (uint32_t i = 0; i < object->sibling_count; i++) {
        const struct sibling *sibling = &object->siblings[i];
        int index = sim_history_dot(key, sibling->dot);
        if (index < 0) {
            sim_verdict_fail(oracle->verdict, SIM_CONTEXTS,
                             "%s of %.*s holds a dot that was never issued: (%llx,%llu)", where,
                             (int)key->name_len, (const char *)key->name,
                             (unsigned long long)sibling->dot.actor,
                             (unsigned long long)sibling->dot.counter);
            return false;
        }
        meet(oracle, key, (uint32_t)index, sibling, where);
        sim_set_add(live, (uint32_t)index);
    }
    return !oracle->verdict->broken;
}

void sim_oracle_holding(struct sim_oracle *oracle, uint32_t node, struct bytes name,
                        const struct object *object)
{
    struct sim_key *key = &oracle->history.keys[sim_history_key(&oracle->history, name)];
    struct sim_held *held = &key->held[node];
    struct sim_held now = {.known = true};
    char where[SIM_TEXT_MAX];
    snprintf(where, sizeof(where), "node%u's holding", node);
    if (!collect(oracle, key, object, &now.live, where)) {
        return;
    }
    oracle->holdings_judged++;
    sim_history_covered(key, object->context, &now.covered);
    if (held->known) {
        if (memcmp(&held->covered, &now.covered, sizeof(now.covered)) == 0 &&
            memcmp(&held->live, &now.live, sizeof(now.live)) == 0) {
            return;
        }
        struct sim_set known = now.covered;
        sim_set_unite(&known, &key->gone);
        int gone = sim_set_first_outside(&held->covered, &known);
        if (gone >= 0) {
            char text[SIM_TEXT_MAX];
            sim_verdict_fail(oracle->verdict, SIM_CONTEXTS,
                             "the context of %s of %.*s has regressed: %s is covered no more",
                             where, (int)key->name_len, (const char *)key->name,
                             sim_dot_text(key, (uint32_t)gone, text));
            return;
        }
    }
    /* A holding that began with an old copy of its disk may show what was deleted long ago beside
     * later writes, until it has refilled; it has no say in reads before, and those are judged. */
    struct sim_set none = {0};
    struct sim_set standing = now.live;
    for (uint32_t i = 0; i < SIM_SET_WORDS; i++) {
        standing.words[i] &= ~key->gone.words[i];
    }
    sim_judge_object(oracle, key, &now.covered, &standing, &none, held, where);
    *held = now;
}
