/* Candidates and reports. See tombstones.h. */
#include "replica/tombstones.h"

#include "base/assert.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "shoal/error.h"

#define LIST_AT_FIRST 16u

void tombstones_init(struct tombstones *tombstones)
{
    *tombstones = (struct tombstones){0};
}

static void reports_free(struct owner_report *reports, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        partition_clock_deinit(&reports[i].clock);
    }
    mem_free(reports);
}

void tombstones_deinit(struct tombstones *tombstones)
{
    reports_free(tombstones->reports, tombstones->report_count);
    mem_free(tombstones->list);
    tombstones_init(tombstones);
}

/* ---- candidates ---- */

void tombstones_forget(struct tombstones *tombstones)
{
    mem_free(tombstones->list);
    tombstones->list = NULL;
    tombstones->count = 0;
    tombstones->capacity = 0;
    tombstones->left = 0;
    tombstones->missed = false;
    tombstones->stranger_count = 0;
}

static bool tombstones_grow(struct tombstones *tombstones)
{
    uint32_t capacity = tombstones->capacity == 0 ? LIST_AT_FIRST : tombstones->capacity * 2;
    if (capacity > TOMBSTONES_MAX) {
        return false;
    }
    struct tombstone *list = mem_realloc(tombstones->list, capacity * sizeof(*list));
    if (list == NULL) {
        return false;
    }
    tombstones->list = list;
    tombstones->capacity = capacity;
    return true;
}

void tombstones_add(struct tombstones *tombstones, uint64_t position, struct dot dot)
{
    if (tombstones->count == tombstones->capacity && !tombstones_grow(tombstones)) {
        tombstones->missed = true;
        return;
    }
    tombstones->list[tombstones->count++] = (struct tombstone){.position = position, .dot = dot};
}

/* ---- owners ---- */

static struct owner_report *report_of(const struct tombstones *tombstones, uint64_t node)
{
    for (uint32_t i = 0; i < tombstones->report_count; i++) {
        if (tombstones->reports[i].node == node) {
            return &tombstones->reports[i];
        }
    }
    return NULL;
}

static bool owners_same(const struct tombstones *tombstones, const uint64_t *nodes, uint32_t count)
{
    if (!tombstones->owners_known || tombstones->report_count != count) {
        return false;
    }
    for (uint32_t i = 0; i < count; i++) {
        if (report_of(tombstones, nodes[i]) == NULL) {
            return false;
        }
    }
    return true;
}

int tombstones_set_owners(struct tombstones *tombstones, const uint64_t *nodes, uint32_t count)
{
    if (owners_same(tombstones, nodes, count)) {
        return 0;
    }
    struct owner_report *reports = mem_alloc_zeroed(count, sizeof(*reports));
    if (reports == NULL) {
        tombstones->owners_known = false;
        return SHOAL_ENOMEM;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct owner_report *before = report_of(tombstones, nodes[i]);
        if (before != NULL) {
            reports[i] = *before;
            partition_clock_init(&before->clock);
        } else {
            reports[i].node = nodes[i];
            partition_clock_init(&reports[i].clock);
        }
    }
    reports_free(tombstones->reports, tombstones->report_count);
    tombstones->reports = reports;
    tombstones->report_count = count;
    tombstones->owners_known = true;
    tombstones->due = true;
    return 0;
}

void tombstones_report(struct tombstones *tombstones, uint64_t node, uint64_t actor,
                       const struct partition_clock *clock)
{
    struct owner_report *report = report_of(tombstones, node);
    if (report == NULL ||
        (report->actor == actor && partition_clock_equal(&report->clock, clock))) {
        return;
    }
    if (partition_clock_copy(clock, &report->clock) < 0) {
        return; /* what it told before is still true */
    }
    report->actor = actor;
    tombstones->due = true;
}

bool tombstones_heard(const struct tombstones *tombstones, uint64_t node,
                      const struct partition_clock *clock)
{
    const struct owner_report *report = report_of(tombstones, node);
    return report == NULL || partition_clock_includes(&report->clock, clock);
}

/* ---- what is covered ---- */

bool tombstones_seen(const struct tombstones *tombstones, const struct partition_clock *told,
                     struct dot dot)
{
    return tombstones_covered(tombstones, told, (struct version_vector){0}, dot);
}

bool tombstones_covered(const struct tombstones *tombstones, const struct partition_clock *told,
                        struct version_vector context, struct dot dot)
{
    context = MUTANT(drop_on_dot) ? (struct version_vector){0} : context;
    if (!tombstones->owners_known || !partition_clock_base_covers(told, dot) ||
        !partition_clock_base_descends(told, context)) {
        return false;
    }
    for (uint32_t i = 0; i < tombstones->report_count && !MUTANT(drop_alone); i++) {
        const struct partition_clock *clock = &tombstones->reports[i].clock;
        if (!partition_clock_base_covers(clock, dot) ||
            !partition_clock_base_descends(clock, context)) {
            return false;
        }
    }
    return true;
}

static bool has_stranger(const struct tombstones *tombstones, uint64_t actor)
{
    for (uint32_t i = 0; i < tombstones->stranger_count; i++) {
        if (tombstones->strangers[i] == actor) {
            return true;
        }
    }
    return false;
}

/* Those whose closing has come make room. */
static void forget_seen(struct tombstones *tombstones, const struct partition_clock *clock)
{
    uint32_t count = 0;
    for (uint32_t i = 0; i < tombstones->stranger_count; i++) {
        if (!partition_clock_closed(clock, tombstones->strangers[i])) {
            tombstones->strangers[count++] = tombstones->strangers[i];
        }
    }
    tombstones->stranger_count = count;
}

void tombstones_note_strangers(struct tombstones *tombstones, const struct partition_clock *clock,
                               struct version_vector context)
{
    forget_seen(tombstones, clock);
    for (uint32_t i = 0; i < context.count; i++) {
        if (tombstones->stranger_count < TOMBSTONES_STRANGERS_MAX &&
            !partition_clock_base_covers(clock, context.entries[i]) &&
            !has_stranger(tombstones, context.entries[i].actor)) {
            tombstones->strangers[tombstones->stranger_count++] = context.entries[i].actor;
        }
    }
}

/* ---- passes ---- */

bool tombstones_next(struct tombstones *tombstones, const struct partition_clock *told,
                     uint32_t *budget, struct tombstone *out)
{
    if (tombstones->left == 0 && tombstones->due) {
        tombstones->due = false;
        tombstones->left = tombstones->count;
    }
    while (tombstones->left > 0 && *budget > 0) {
        (*budget)--;
        tombstones->left--;
        struct tombstone candidate = tombstones->list[tombstones->left];
        if (tombstones_seen(tombstones, told, candidate.dot)) {
            *out = candidate;
            return true;
        }
    }
    return false;
}

void tombstones_remove_last(struct tombstones *tombstones)
{
    ASSERT(tombstones->left < tombstones->count);
    tombstones->list[tombstones->left] = tombstones->list[--tombstones->count];
}

void tombstones_check(const struct tombstones *tombstones)
{
    ASSERT(tombstones->count <= tombstones->capacity);
    ASSERT(tombstones->capacity <= TOMBSTONES_MAX);
    ASSERT(tombstones->left <= tombstones->count);
}
