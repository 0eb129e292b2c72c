/* Answers to clients, judged by what was true when the request began and when it ended. */
#include "sim_judge.h"

#include "base/assert.h"
#include "base/memory.h"
#include "shoal/error.h"

/* The quorum of owners that an answer stands on. While the layout changes, an older one with fewer
 * owners than were asked for gives all that it has; and fallbacks are no owners. */
uint32_t sim_judge_effective(const struct sim_oracle *oracle, const struct sim_reply *reply)
{
    bool fewer = (oracle->unstable || reply->fallbacks > 0) && reply->owners < reply->needed;
    return fewer ? reply->owners : reply->needed;
}

/* ---- writes ---- */

uint32_t sim_oracle_write_begin(struct sim_oracle *oracle, struct bytes key, struct bytes value,
                                bool has_context, bool own_quorum, bool must_fail)
{
    struct sim_history *history = &oracle->history;
    uint32_t id = sim_history_write(history, sim_history_key(history, key), value);
    struct sim_write *write = sim_history_get(history, id);
    write->has_context = has_context;
    write->own_quorum = own_quorum;
    write->must_fail = must_fail;
    write->losses_before = oracle->losses;
    return id;
}

/* Does the write bind a later operation that hears `heard` owners? */
static bool is_binding(const struct sim_oracle *oracle, const struct sim_write *write,
                       uint32_t heard)
{
    return write->state == SIM_WRITE_ACKED && !write->excused && write->dot_count > 0 &&
           write->needed + heard > oracle->n;
}

static bool any_dot_in(const struct sim_write *write, const struct sim_set *set)
{
    for (uint32_t i = 0; i < write->dot_count; i++) {
        if (sim_set_has(set, write->dots[i])) {
            return true;
        }
    }
    return false;
}

/* What the write has replaced by now: itself, or through what has replaced it. */
static struct sim_set replaced_by_now(const struct sim_key *key, const struct sim_write *write)
{
    struct sim_set replaced = {0};
    for (uint32_t i = 0; i < key->dot_count; i++) {
        if (any_dot_in(write, &key->dots[i].replaced)) {
            sim_set_unite(&replaced, &key->dots[i].replaced);
        }
    }
    for (uint32_t i = 0; i < write->dot_count; i++) {
        sim_set_unite(&replaced, &key->dots[write->dots[i]].replaced);
        sim_set_add(&replaced, write->dots[i]);
    }
    sim_set_unite(&replaced, &key->gone);
    return replaced;
}

/* A write without a context must, when it is acknowledged, have replaced all that was acknowledged
 * before it was asked for. */
static void judge_blind(struct sim_oracle *oracle, const struct sim_key *key,
                        const struct sim_write *write)
{
    char text[SIM_TEXT_MAX];
    char other[SIM_TEXT_MAX];
    struct sim_set replaced = replaced_by_now(key, write);
    oracle->blind_judged++;
    for (uint32_t i = 0; i < write->acked_before; i++) {
        const struct sim_write *before = sim_history_get(&oracle->history, key->acked[i]);
        if (is_binding(oracle, before, oracle->r) && !any_dot_in(before, &replaced)) {
            sim_verdict_fail(oracle->verdict, SIM_ACKED,
                             "%s of %.*s, without a context, did not see the acknowledged %s",
                             sim_dot_text(key, write->dots[0], text), (int)key->name_len,
                             (const char *)key->name, sim_dot_text(key, before->dots[0], other));
            return;
        }
    }
}

/* A write without a context that met what it had missed is made once more, on top of itself. */
static bool made_again(const struct sim_key *key, const struct sim_write *write, uint32_t index)
{
    const struct sim_set *replaced = &key->dots[index].replaced;
    for (uint32_t i = 0; i < write->dot_count; i++) {
        if (!sim_set_has(replaced, write->dots[i]) &&
            !sim_set_has(&key->dots[write->dots[i]].replaced, index)) {
            return false;
        }
    }
    return !write->has_context;
}

void sim_judge_issue(struct sim_oracle *oracle, const struct sim_key *key, uint32_t index)
{
    char text[SIM_TEXT_MAX];
    uint32_t id = key->dots[index].write;
    struct sim_write *write = sim_history_get(&oracle->history, id);
    if (write->dot_count > 0 && !oracle->doubled && !made_again(key, write, index)) {
        sim_verdict_fail(oracle->verdict, SIM_CONTEXTS, "%s of %.*s was carried out twice",
                         sim_dot_text(key, index, text), (int)key->name_len,
                         (const char *)key->name);
        return;
    }
    if (write->state == SIM_WRITE_NONE && !oracle->doubled) {
        sim_verdict_fail(oracle->verdict, SIM_OUTCOME,
                         "%s of %.*s was carried out after its client was told that nothing was",
                         sim_dot_text(key, index, text), (int)key->name_len,
                         (const char *)key->name);
        return;
    }
    if (write->must_fail) {
        sim_verdict_fail(
            oracle->verdict, SIM_CONTEXTS, "%s of %.*s was carried out with a forged context",
            sim_dot_text(key, index, text), (int)key->name_len, (const char *)key->name);
        return;
    }
    if (write->dot_count < SIM_WRITE_DOTS_MAX) {
        write->dots[write->dot_count++] = index;
    }
}

/* A tombstone carries nothing to know it by: those that a delete may have made. */
static void guess_tombstones(const struct sim_key *key, struct sim_write *write,
                             const struct sim_reply *reply)
{
    uint32_t found = 0;
    for (uint32_t i = write->dots_before; i < key->dot_count; i++) {
        bool fits =
            key->dots[i].kind == SIM_KIND_TOMBSTONE &&
            (!reply->has_context || version_vector_covers(reply->context, key->dots[i].dot));
        if (fits && found < SIM_WRITE_DOTS_MAX) {
            write->dots[found] = i;
        }
        found += fits;
    }
    write->dot_count = found <= SIM_WRITE_DOTS_MAX ? found : 0;
}

/* The context that a write's answer brings covers the write and what it saw, and no more. */
static void judge_write_context(struct sim_oracle *oracle, const struct sim_key *key,
                                const struct sim_write *write, const struct sim_reply *reply)
{
    struct sim_set covered;
    int beyond = -1;
    sim_history_covered(key, reply->context, &covered);
    for (uint32_t i = 0; i < write->dot_count; i++) {
        struct sim_set known = key->dots[write->dots[i]].replaced;
        sim_set_add(&known, write->dots[i]);
        sim_set_unite(&known, &key->gone);
        beyond = sim_set_first_outside(&covered, &known);
        if (beyond < 0) {
            return;
        }
    }
    if (beyond >= 0) {
        char text[SIM_TEXT_MAX];
        char other[SIM_TEXT_MAX];
        sim_verdict_fail(oracle->verdict, SIM_CONTEXTS,
                         "the context that answers %s of %.*s covers %s, which it did not see",
                         sim_dot_text(key, write->dots[0], text), (int)key->name_len,
                         (const char *)key->name, sim_dot_text(key, (uint32_t)beyond, other));
    }
}

static void acknowledge(struct sim_oracle *oracle, struct sim_key *key, struct sim_write *write,
                        uint32_t id, const struct sim_reply *reply)
{
    oracle->acked++;
    write->state = SIM_WRITE_ACKED;
    write->acked_us = oracle->now_us;
    write->needed = sim_judge_effective(oracle, reply);
    bool shaken = oracle->unstable || write->losses_before != oracle->losses;
    /* While the layout changes, nobody can tell in which layout a fallback stood in. */
    bool helped = reply->fallbacks > 0 && oracle->unstable;
    write->excused = write->excused || ((write->needed < oracle->w || helped) && shaken) ||
                     write->needed <= oracle->ghosts;
    write->hinted = reply->fallbacks > 0 && reply->owners + reply->fallbacks >= oracle->w;
    oracle->hinted += write->hinted;
    if (write->needed == 0 || reply->owners + reply->fallbacks < write->needed) {
        sim_verdict_fail(oracle->verdict, SIM_OUTCOME,
                         "write #%u was acknowledged with %u+%u of %u confirmations", id,
                         reply->owners, reply->fallbacks, reply->needed);
    }
    if (write->must_fail) {
        sim_verdict_fail(oracle->verdict, SIM_CONTEXTS,
                         "write #%u was acknowledged with a forged context", id);
    }
    if (write->is_delete) {
        guess_tombstones(key, write, reply);
    } else if (write->dot_count == 0) {
        sim_verdict_fail(oracle->verdict, SIM_OUTCOME, "put #%u was acknowledged, but never issued",
                         id);
    }
    if (!write->has_context && !write->own_quorum && write->dot_count > 0 &&
        oracle->r > oracle->ghosts) {
        judge_blind(oracle, key, write);
    }
    if (key->acked_count == key->acked_capacity) {
        key->acked_capacity = key->acked_capacity == 0 ? 64 : 2 * key->acked_capacity;
        key->acked = mem_realloc(key->acked, key->acked_capacity * sizeof(*key->acked));
        ASSERT(key->acked != NULL);
    }
    key->acked[key->acked_count++] = id;
    if (reply->has_context && write->dot_count > 0) {
        judge_write_context(oracle, key, write, reply);
    }
}

void sim_oracle_write_end(struct sim_oracle *oracle, uint32_t id, const struct sim_reply *reply)
{
    struct sim_write *write = sim_history_get(&oracle->history, id);
    struct sim_key *key = &oracle->history.keys[write->key];
    if (reply->code == 0) {
        acknowledge(oracle, key, write, id, reply);
        return;
    }
    if (shoal_error_nothing_applied(reply->code) == 0) {
        oracle->unknown++;
        write->state = SIM_WRITE_UNKNOWN;
        return;
    }
    oracle->nothing++;
    write->state = SIM_WRITE_NONE;
    if (write->dot_count > 0 && !oracle->doubled) {
        char text[SIM_TEXT_MAX];
        sim_verdict_fail(oracle->verdict, SIM_OUTCOME,
                         "the client of %s is told that nothing was applied (%s)",
                         sim_dot_text(key, write->dots[0], text), shoal_error_text(reply->code));
    }
}

/* ---- reads ---- */

void sim_oracle_read_begin(struct sim_oracle *oracle, struct bytes key, struct sim_read *out)
{
    out->key = sim_history_key(&oracle->history, key);
    out->acked_before = oracle->history.keys[out->key].acked_count;
}

/* The dots under which a value is shown: of a write carried out several times, those that nothing
 * covered has replaced. False when the context covers none of them. */
static bool shown_dots(const struct sim_write *write, const struct sim_set *covered,
                       const struct sim_set *replaced, struct sim_set *live)
{
    int last = -1;
    bool standing = false;
    for (uint32_t i = 0; i < write->dot_count; i++) {
        if (!sim_set_has(covered, write->dots[i])) {
            continue;
        }
        last = (int)write->dots[i];
        if (!sim_set_has(replaced, write->dots[i])) {
            sim_set_add(live, write->dots[i]);
            standing = true;
        }
    }
    if (last >= 0 && !standing) {
        sim_set_add(live, (uint32_t)last);
    }
    return last >= 0;
}

/* The dots of the values shown; false when a value is nobody's. */
static bool shown(struct sim_oracle *oracle, const struct sim_key *key,
                  const struct sim_reply *reply, const struct sim_set *covered,
                  struct sim_set *live)
{
    struct sim_set replaced;
    sim_history_replaced(key, covered, &replaced);
    *live = (struct sim_set){0};
    for (uint32_t i = 0; i < reply->value_count; i++) {
        uint32_t id = sim_history_by_value(&oracle->history, reply->values[i]);
        const struct sim_write *write = id == 0 ? NULL : sim_history_get(&oracle->history, id);
        if (write == NULL || &oracle->history.keys[write->key] != key) {
            sim_verdict_fail(oracle->verdict, SIM_ACKED,
                             "a read of %.*s shows a value nobody wrote", (int)key->name_len,
                             (const char *)key->name);
            return false;
        }
        if (!shown_dots(write, covered, &replaced, live)) {
            sim_verdict_fail(oracle->verdict, SIM_CONTEXTS,
                             "a read of %.*s shows put #%u, but its context does not cover it",
                             (int)key->name_len, (const char *)key->name, id);
            return false;
        }
    }
    return true;
}

/* What writes acknowledged before demand of a read that heard `needed` owners. */
static void judge_strict(struct sim_oracle *oracle, const struct sim_key *key,
                         const struct sim_read *read, const struct sim_set *there,
                         const struct sim_set *live, uint32_t needed)
{
    char text[SIM_TEXT_MAX];
    char other[SIM_TEXT_MAX];
    struct sim_set accounted;
    sim_history_replaced(key, there, &accounted);
    sim_set_unite(&accounted, there);
    sim_set_unite(&accounted, &key->gone);
    for (uint32_t i = 0; i < read->acked_before; i++) {
        const struct sim_write *write = sim_history_get(&oracle->history, key->acked[i]);
        if (!is_binding(oracle, write, needed)) {
            continue;
        }
        if (!any_dot_in(write, &accounted)) {
            sim_verdict_fail(oracle->verdict, SIM_ACKED,
                             "a read of %.*s from %u owners does not see the acknowledged %s",
                             (int)key->name_len, (const char *)key->name, needed,
                             sim_dot_text(key, write->dots[0], text));
            return;
        }
        const struct sim_dot *dot = &key->dots[write->dots[0]];
        int back = write->dot_count == 1 ? sim_set_first_common(live, &dot->replaced) : -1;
        if (back >= 0) {
            sim_verdict_fail(oracle->verdict, write->is_delete ? SIM_DELETED : SIM_ACKED,
                             "a read of %.*s from %u owners shows %s, which the acknowledged %s "
                             "has replaced",
                             (int)key->name_len, (const char *)key->name, needed,
                             sim_dot_text(key, (uint32_t)back, text),
                             sim_dot_text(key, write->dots[0], other));
            return;
        }
    }
}

/* Has its time come? */
static bool may_be_hidden(struct sim_oracle *oracle, const struct sim_dot *dot)
{
    uint64_t expires_us =
        dot->write == 0 ? 0 : sim_history_get(&oracle->history, dot->write)->expires_us;
    return expires_us != 0 && oracle->now_us >= expires_us;
}

void sim_oracle_read_end(struct sim_oracle *oracle, const struct sim_read *read,
                         const struct sim_reply *reply)
{
    if (reply->code != 0 && reply->code != SHOAL_ENOTFOUND) {
        return;
    }
    const struct sim_key *key = &oracle->history.keys[read->key];
    struct sim_set covered = {0};
    struct sim_set live;
    uint32_t needed = sim_judge_effective(oracle, reply);
    if (needed == 0 || reply->owners < needed) {
        sim_verdict_fail(oracle->verdict, SIM_OUTCOME,
                         "a read of %.*s was answered with %u of %u owners", (int)key->name_len,
                         (const char *)key->name, reply->owners, reply->needed);
        return;
    }
    if (reply->has_context) {
        sim_history_covered(key, reply->context, &covered);
    }
    if (!shown(oracle, key, reply, &covered, &live)) {
        return;
    }
    oracle->reads_judged++;
    oracle->sibling_reads += reply->value_count > 1;
    /* Tombstones are not shown. One that the context covers is taken as seen; so is a dot that no
     * holding has shown yet. */
    struct sim_set hidden = {0};
    struct sim_set there = live;
    for (uint32_t i = 0; i < key->dot_count; i++) {
        if (sim_set_has(&covered, i) &&
            (key->dots[i].kind != SIM_KIND_VALUE || may_be_hidden(oracle, &key->dots[i]))) {
            sim_set_add(&hidden, i);
        }
    }
    sim_set_unite(&there, &hidden);
    sim_judge_object(oracle, key, &covered, &live, &hidden, NULL, "a read's answer");
    if (needed <= oracle->ghosts) {
        return;
    }
    oracle->reads_strict += needed + oracle->w > oracle->n;
    judge_strict(oracle, key, read, &there, &live, needed);
}

/* ---- lists ---- */

bool sim_oracle_must_list(const struct sim_oracle *oracle, uint32_t at, uint32_t acked_before,
                          uint32_t dots_after)
{
    const struct sim_key *key = &oracle->history.keys[at];
    for (uint32_t i = 0; i < dots_after; i++) {
        uint32_t id = key->dots[i].write;
        if (key->dots[i].kind != SIM_KIND_VALUE ||
            (id != 0 && oracle->history.writes[id - 1].expires_us != 0)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < acked_before; i++) {
        const struct sim_write *write = &oracle->history.writes[key->acked[i] - 1];
        if (!write->excused && write->needed >= oracle->w) {
            return true;
        }
    }
    return false;
}

bool sim_oracle_must_not_list(const struct sim_oracle *oracle, uint32_t at, uint32_t acked_before,
                              uint32_t dots_after)
{
    const struct sim_key *key = &oracle->history.keys[at];
    struct sim_set gone = key->tombstones;
    for (uint32_t i = 0; i < acked_before; i++) {
        const struct sim_write *write = &oracle->history.writes[key->acked[i] - 1];
        if (write->is_delete && write->dot_count == 1 && !write->excused &&
            write->needed >= oracle->w) {
            sim_set_unite(&gone, &key->dots[write->dots[0]].replaced);
        }
    }
    for (uint32_t i = 0; i < dots_after; i++) {
        if (!sim_set_has(&gone, i)) {
            return false;
        }
    }
    return true;
}
