/* See situation.h. Only the earliest step that is not over names those it waits for: the later ones
 * can't have begun, and would name everybody. */
#include "report/situation.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "report/quantity.h"

static bool is_state(const struct shoal_node *node, const char *state)
{
    return strcmp(node->state, state) == 0;
}

static bool is_due(const struct shoal_node *node)
{
    return node->change[0] != '\0' && !node->staged;
}

static bool is_among(uint64_t id, const uint64_t *ids, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (ids[i] == id) {
            return true;
        }
    }
    return false;
}

static bool goes(const struct shoal_node *node, const struct expectation *expected)
{
    return is_state(node, "leaving") || is_among(node->id, expected->gone, expected->gone_count);
}

/* ---- why a node is waited for ---- */

static struct wait wait_for_down(const struct shoal_node *node, const struct expectation *expected,
                                 bool live)
{
    if (live && (!node->seen || !node->synced || !node->all_synced)) {
        return (struct wait){node, WAIT_DOWN, 0};
    }
    if (goes(node, expected) && (node->releasing > 0 || node->hints > 0)) {
        return (struct wait){node, WAIT_DOWN_DATA, node->releasing};
    }
    return (struct wait){node, is_due(node) ? WAIT_COMMIT : WAIT_NONE, 0};
}

static struct wait wait_for(const struct shoal_node *node, const struct expectation *expected,
                            bool live)
{
    if (is_state(node, "down")) {
        return wait_for_down(node, expected, live);
    }
    bool behind = node->pending_sync > 0 || (live && !node->synced);
    if (behind && strcmp(node->storage, "ok") != 0) {
        return (struct wait){node, WAIT_STORAGE, 0};
    }
    if (is_due(node)) {
        return (struct wait){node, WAIT_COMMIT, 0};
    }
    if (live && !node->seen) {
        return (struct wait){node, WAIT_SEE, 0};
    }
    if (behind) {
        return (struct wait){node, WAIT_SYNC, node->pending_sync};
    }
    if (live && !node->all_synced) {
        return (struct wait){node, WAIT_TELL, 0};
    }
    if (node->releasing > 0) {
        return (struct wait){node, WAIT_RELEASE, node->releasing};
    }
    if (goes(node, expected) && !is_state(node, "left")) {
        return (struct wait){node, node->hints > 0 ? WAIT_HINTS : WAIT_LEAVE, node->hints};
    }
    bool comes = is_among(node->id, expected->come, expected->come_count);
    return (struct wait){node, comes && !is_state(node, "up") ? WAIT_UP : WAIT_NONE, 0};
}

/* Which kinds there are, a bit each. */
static uint32_t kinds_of(const struct shoal_status *status, const struct expectation *expected,
                         bool live)
{
    uint32_t kinds = 0;
    for (size_t i = 0; i < status->node_count; i++) {
        kinds |= 1u << wait_for(&status->nodes[i], expected, live).kind;
        if (live && !status->nodes[i].seen) {
            kinds |= 1u << WAIT_SEE; /* also where a node is down */
        }
    }
    kinds &= ~(1u << WAIT_NONE);
    if ((kinds & 1u << WAIT_SEE) != 0) {
        kinds &= ~(1u << WAIT_SYNC | 1u << WAIT_TELL);
    }
    if ((kinds & (1u << WAIT_SYNC | 1u << WAIT_DOWN | 1u << WAIT_STORAGE)) != 0) {
        kinds &= ~(1u << WAIT_TELL);
    }
    if (live) {
        kinds &= ~(1u << WAIT_RELEASE | 1u << WAIT_HINTS | 1u << WAIT_LEAVE | 1u << WAIT_UP);
    }
    return kinds;
}

static void collect_waits(const struct shoal_status *status, const struct expectation *expected,
                          bool live, struct situation *out)
{
    uint32_t kinds = kinds_of(status, expected, live);
    for (uint32_t kind = WAIT_DOWN; kind <= WAIT_UP; kind++) {
        for (size_t i = 0; i < status->node_count && (kinds & 1u << kind) != 0; i++) {
            struct wait wait = wait_for(&status->nodes[i], expected, live);
            if (wait.kind != kind) {
                continue;
            }
            if (out->wait_count < SITUATION_WAITS_MAX) {
                out->waits[out->wait_count] = wait;
            }
            out->wait_count++;
        }
    }
}

/* ---- how much ---- */

/* What a partition takes at a node, by those that have all they own; by whoever has most of it
 * while there are none. */
static double bytes_per_partition(const struct shoal_status *status)
{
    double best = 0;
    double sum = 0;
    double held = 0;
    for (size_t i = 0; i < status->node_count; i++) {
        const struct shoal_node *node = &status->nodes[i];
        double count = (double)node->partitions + (double)node->releasing;
        if (count > 0 && node->pending_sync == 0) {
            sum += (double)node->bytes;
            held += count;
        }
        if (count > 0 && (double)node->bytes / count > best) {
            best = (double)node->bytes / count;
        }
    }
    return held > 0 ? sum / held : best;
}

static uint64_t bytes_missing(const struct shoal_node *node, double each)
{
    double count = (double)node->partitions + (double)node->releasing;
    if (node->pending_sync == 0 || count <= 0 || is_state(node, "down")) {
        return 0;
    }
    double has = (double)node->bytes * (double)node->partitions / count;
    double missing = each * (double)node->partitions - has;
    double most = each * (double)node->pending_sync;
    missing = missing < most ? missing : most;
    return missing > 0 ? (uint64_t)missing : 0;
}

static void sum_up(const struct shoal_status *status, struct situation *out)
{
    double each = bytes_per_partition(status);
    for (size_t i = 0; i < status->node_count; i++) {
        const struct shoal_node *node = &status->nodes[i];
        out->copies += node->partitions;
        if (is_state(node, "down")) {
            /* What it last said is old; but what it has not synced, it has not. */
            out->to_sync += status->live_layouts > 1 && !node->synced ? node->partitions : 0;
            continue;
        }
        out->to_sync += node->pending_sync;
        out->to_release += node->releasing;
        out->rate += node->sync_rate;
        out->bytes_left += bytes_missing(node, each);
    }
}

void situation_read(const struct shoal_status *status, const struct expectation *expected,
                    struct situation *out)
{
    static const struct expectation nothing = {0};
    expected = expected == NULL ? &nothing : expected;
    *out = (struct situation){0};
    bool live = status->live_layouts > 1;
    bool due = false;
    size_t come = 0;
    for (size_t i = 0; i < status->node_count; i++) {
        due = due || is_due(&status->nodes[i]);
        come += is_among(status->nodes[i].id, expected->come, expected->come_count);
    }
    sum_up(status, out);
    collect_waits(status, expected, live, out);
    out->changing = live || due;
    out->settled = !live && come >= expected->come_count && out->wait_count == 0;
}

bool situation_is_stuck(const struct situation *situation)
{
    return situation->wait_count > 0 && wait_is_stuck(&situation->waits[0]); /* they come first */
}

bool situation_seconds_left(const struct situation *situation, uint64_t *out)
{
    if (situation->rate == 0 || situation->bytes_left == 0 || situation_is_stuck(situation)) {
        return false;
    }
    *out = (situation->bytes_left + situation->rate - 1) / situation->rate;
    return true;
}

/* ---- words ---- */

void situation_text(const struct situation *situation, const uint64_t *seconds_left,
                    char out[SITUATION_TEXT_BYTES])
{
    char rate[QUANTITY_BYTES + 8] = "";
    char time[QUANTITY_BYTES + 24] = "";
    char amount[QUANTITY_BYTES];
    if (situation->rate > 0) {
        (void)snprintf(rate, sizeof(rate), "; %s/s", quantity_bytes(situation->rate, amount));
    }
    if (seconds_left != NULL) {
        (void)snprintf(time, sizeof(time), "%s about %s left", rate[0] != '\0' ? "," : ";",
                       quantity_seconds(*seconds_left, amount));
    }
    if (situation->to_sync > 0) {
        uint64_t copies = situation->copies;
        (void)snprintf(out, SITUATION_TEXT_BYTES,
                       "%" PRIu64 " of %" PRIu64 " copies synced, %" PRIu64 " to go%s%s",
                       copies > situation->to_sync ? copies - situation->to_sync : 0, copies,
                       situation->to_sync, rate, time);
    } else if (situation->to_release > 0) {
        (void)snprintf(out, SITUATION_TEXT_BYTES,
                       "all copies synced, %" PRIu64 " still at former owners%s%s",
                       situation->to_release, rate, time);
    } else if (situation->settled) {
        (void)snprintf(out, SITUATION_TEXT_BYTES, "all copies synced");
    } else if (situation->wait_count > 0) {
        (void)snprintf(out, SITUATION_TEXT_BYTES, "nothing to sync now, %u node%s to hear from",
                       situation->wait_count, quantity_plural(situation->wait_count));
    } else {
        (void)snprintf(out, SITUATION_TEXT_BYTES, "all copies synced, the older layouts go");
    }
}

const char *change_words(const char *change)
{
    if (strcmp(change, "removed") == 0) {
        return "is removed";
    }
    if (strcmp(change, "reweighed") == 0) {
        return "is reweighed";
    }
    return change;
}

void wait_text(const struct wait *wait, char out[SITUATION_TEXT_BYTES])
{
    const char *name = wait->node->name[0] != '\0' ? wait->node->name : "a node unheard of";
    const char *s = quantity_plural(wait->count);
    switch (wait->kind) {
    case WAIT_DOWN:
        (void)snprintf(out, SITUATION_TEXT_BYTES,
                       "%s, which is down: start it again; if it never returns: shoal remove-node "
                       "--node %s",
                       name, name);
        return;
    case WAIT_DOWN_DATA:
        (void)snprintf(out, SITUATION_TEXT_BYTES,
                       "%s, which is down and has not handed over all it holds: start it again; if "
                       "it never returns: shoal remove-node --node %s",
                       name, name);
        return;
    case WAIT_STORAGE:
        (void)snprintf(out, SITUATION_TEXT_BYTES, "%s, which can't store what it gets: %s", name,
                       strcmp(wait->node->storage, "full") == 0
                           ? "its disk is full, make room there"
                           : "its storage has failed, see its log and start it again");
        return;
    case WAIT_COMMIT:
        (void)snprintf(out, SITUATION_TEXT_BYTES,
                       "a layout in which %s %s: one comes by itself once there is room for it",
                       name, change_words(wait->node->change));
        return;
    case WAIT_SEE:
        (void)snprintf(out, SITUATION_TEXT_BYTES, "%s to take up the new layout", name);
        return;
    case WAIT_SYNC:
        if (wait->count == 0) {
            (void)snprintf(out, SITUATION_TEXT_BYTES, "%s to say that it has all", name);
        } else {
            (void)snprintf(out, SITUATION_TEXT_BYTES, "%s to sync %" PRIu64 " partition%s", name,
                           wait->count, s);
        }
        return;
    case WAIT_TELL:
        (void)snprintf(out, SITUATION_TEXT_BYTES, "%s to hear that all have synced", name);
        return;
    case WAIT_RELEASE:
        (void)snprintf(out, SITUATION_TEXT_BYTES, "%s to let go of %" PRIu64 " partition%s", name,
                       wait->count, s);
        return;
    case WAIT_HINTS:
        (void)snprintf(out, SITUATION_TEXT_BYTES,
                       "%s to deliver %" PRIu64 " write%s that it keeps for others", name,
                       wait->count, s);
        return;
    case WAIT_LEAVE:
        (void)snprintf(out, SITUATION_TEXT_BYTES, "%s to leave", name);
        return;
    case WAIT_UP:
    case WAIT_NONE:
        (void)snprintf(out, SITUATION_TEXT_BYTES, "%s to be up", name);
        return;
    }
}

bool wait_is_stuck(const struct wait *wait)
{
    return wait->kind == WAIT_DOWN || wait->kind == WAIT_DOWN_DATA || wait->kind == WAIT_STORAGE;
}

const char *wait_kind_text(enum wait_kind kind)
{
    static const char *const texts[] = {
        [WAIT_NONE] = "nothing",    [WAIT_DOWN] = "down",     [WAIT_DOWN_DATA] = "down",
        [WAIT_STORAGE] = "storage", [WAIT_COMMIT] = "commit", [WAIT_SEE] = "see",
        [WAIT_SYNC] = "sync",       [WAIT_TELL] = "tell",     [WAIT_RELEASE] = "release",
        [WAIT_HINTS] = "hints",     [WAIT_LEAVE] = "leave",   [WAIT_UP] = "up",
    };
    return texts[kind];
}
