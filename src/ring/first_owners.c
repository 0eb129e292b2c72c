#include "ring/first_owners.h"

#include "base/assert.h"
#include "base/hash.h"
#include "base/memory.h"
#include "shoal/error.h"

/* As in flow.c, but small: a partition can only go to its owners, and all changes cost the same, so
 * distances count members. */
#define FAR (UINT32_MAX / 2)

struct choice {
    const struct planner_input *input;
    uint32_t partitions;
    uint32_t replicas;
    uint32_t member_count;
    uint16_t *owners;
    uint16_t *first; /* per partition; PLANNER_NONE until chosen */
    uint32_t *floor; /* per member: firsts it must have; one more while the pool lasts */
    bool *fraction;  /* may have one more */
    uint32_t *load;  /* firsts it has */
    uint32_t pool_room;
    uint32_t *distance; /* per member, to one that has room */
    uint32_t pool_distance;
    uint32_t *held_next; /* per partition: the next with the same first; a chain a member */
    uint32_t *held_head; /* per member; FAR ends the chain */
    uint32_t undecided;
};

static uint16_t *row_of(const struct choice *choice, uint32_t partition)
{
    return &choice->owners[(size_t)partition * choice->replicas];
}

static bool member_has_room(const struct choice *choice, uint16_t member)
{
    return choice->load[member] < choice->floor[member] ||
           (choice->load[member] == choice->floor[member] && choice->fraction[member] &&
            choice->pool_room > 0);
}

static void member_count_up(struct choice *choice, uint16_t member)
{
    if (choice->load[member]++ == choice->floor[member]) {
        ASSERT(choice->pool_room > 0);
        choice->pool_room--;
    }
}

static void member_count_down(struct choice *choice, uint16_t member)
{
    if (--choice->load[member] == choice->floor[member]) {
        choice->pool_room++;
    }
}

static void targets_set(struct choice *choice)
{
    uint32_t sum = 0;
    for (uint32_t slot = 0; slot < choice->partitions * choice->replicas; slot++) {
        choice->floor[choice->owners[slot]]++;
    }
    for (uint32_t member = 0; member < choice->member_count; member++) {
        choice->fraction[member] = choice->floor[member] % choice->replicas != 0;
        choice->floor[member] /= choice->replicas;
        sum += choice->floor[member];
    }
    choice->pool_room = choice->partitions - sum;
}

/* The owner with most room before the others: of those that miss most of their firsts. */
static uint16_t neediest(const struct choice *choice, uint32_t partition)
{
    const uint16_t *row = row_of(choice, partition);
    uint32_t turn = (uint32_t)(hash_mix(partition + 1) % choice->replicas);
    uint16_t best = PLANNER_NONE;
    for (uint32_t i = 0; i < choice->replicas; i++) {
        uint16_t member = row[(turn + i) % choice->replicas];
        if (member_has_room(choice, member) &&
            (best == PLANNER_NONE || (int64_t)choice->floor[member] - choice->load[member] >
                                         (int64_t)choice->floor[best] - choice->load[best])) {
            best = member;
        }
    }
    return best;
}

static void choose_at_once(struct choice *choice)
{
    const struct planner_input *input = choice->input;
    for (uint32_t partition = 0; input->before != NULL && partition < choice->partitions;
         partition++) {
        uint16_t was = input->before[(size_t)partition * input->before_replicas];
        const uint16_t *row = row_of(choice, partition);
        for (uint32_t i = 0; i < choice->replicas; i++) {
            if (row[i] == was && member_has_room(choice, was)) {
                choice->first[partition] = was;
                member_count_up(choice, was);
            }
        }
    }
    for (uint32_t partition = 0; partition < choice->partitions; partition++) {
        if (choice->first[partition] == PLANNER_NONE) {
            uint16_t member = neediest(choice, partition);
            choice->first[partition] = member;
            if (member != PLANNER_NONE) {
                member_count_up(choice, member);
            } else {
                choice->undecided++;
            }
        }
    }
}

static void shorten(uint32_t *distance, uint32_t other, bool *any)
{
    if (other < *distance) {
        *distance = other;
        *any = true;
    }
}

/* Distances to members with room: from a member over a partition it is first of to another owner of
 * that, or over the pool to a member that gives up its extra one. */
static void distances_compute(struct choice *choice)
{
    bool any = true;
    choice->pool_distance = FAR;
    for (uint16_t member = 0; member < choice->member_count; member++) {
        choice->distance[member] = member_has_room(choice, member) ? 0 : FAR;
    }
    while (any) {
        any = false;
        for (uint32_t partition = 0; partition < choice->partitions; partition++) {
            const uint16_t *row = row_of(choice, partition);
            for (uint32_t i = 0; choice->first[partition] != PLANNER_NONE && i < choice->replicas;
                 i++) {
                shorten(&choice->distance[choice->first[partition]], choice->distance[row[i]] + 1,
                        &any);
            }
        }
        for (uint16_t member = 0; member < choice->member_count; member++) {
            if (choice->load[member] > choice->floor[member]) {
                shorten(&choice->pool_distance, choice->distance[member] + 1, &any);
            }
        }
        for (uint16_t member = 0; member < choice->member_count; member++) {
            if (choice->load[member] == choice->floor[member] && choice->fraction[member]) {
                shorten(&choice->distance[member], choice->pool_distance + 1, &any);
            }
        }
    }
}

static bool partition_give(struct choice *choice, uint32_t partition, uint32_t left);

/* Makes the member pass one of its partitions on. What doesn't go leaves the chain: it would not go
 * later in the phase either. */
static bool member_relieve(struct choice *choice, uint16_t member)
{
    while (choice->held_head[member] != FAR) {
        uint32_t partition = choice->held_head[member];
        choice->held_head[member] = choice->held_next[partition];
        if (partition_give(choice, partition, choice->distance[member])) {
            return true;
        }
    }
    return false;
}

static bool member_make_room(struct choice *choice, uint16_t member)
{
    if (choice->distance[member] == 0) {
        return member_has_room(choice, member);
    }
    if (member_relieve(choice, member)) {
        return true;
    }
    if (choice->load[member] != choice->floor[member] || !choice->fraction[member] ||
        choice->distance[member] != choice->pool_distance + 1) {
        return false;
    }
    for (uint16_t other = 0; other < choice->member_count; other++) {
        if (choice->load[other] > choice->floor[other] &&
            choice->distance[other] + 1 == choice->pool_distance && member_relieve(choice, other)) {
            return true;
        }
    }
    return false;
}

/* Gives the partition another first, over a path that is `left` long. */
static bool partition_give(struct choice *choice, uint32_t partition, uint32_t left)
{
    const uint16_t *row = row_of(choice, partition);
    for (uint32_t i = 0; i < choice->replicas; i++) {
        uint16_t member = row[i];
        if (member != choice->first[partition] && choice->distance[member] + 1 == left &&
            member_make_room(choice, member)) {
            if (choice->first[partition] != PLANNER_NONE) {
                member_count_down(choice, choice->first[partition]);
            }
            choice->first[partition] = member;
            member_count_up(choice, member);
            return true;
        }
    }
    return false;
}

static void chains_build(struct choice *choice)
{
    for (uint32_t member = 0; member < choice->member_count; member++) {
        choice->held_head[member] = FAR;
    }
    for (uint32_t partition = choice->partitions; partition-- > 0;) {
        uint16_t member = choice->first[partition];
        if (member != PLANNER_NONE) {
            choice->held_next[partition] = choice->held_head[member];
            choice->held_head[member] = partition;
        }
    }
}

static void phase_run(struct choice *choice)
{
    uint32_t nearest = FAR;
    uint32_t undecided = 0;
    distances_compute(choice);
    chains_build(choice);
    for (uint32_t slot = 0; slot < choice->partitions * choice->replicas; slot++) {
        uint32_t distance = choice->distance[choice->owners[slot]] + 1;
        if (choice->first[slot / choice->replicas] == PLANNER_NONE && distance < nearest) {
            nearest = distance;
        }
    }
    ASSERT(nearest < FAR);
    for (uint32_t partition = 0; partition < choice->partitions; partition++) {
        if (choice->first[partition] == PLANNER_NONE &&
            !partition_give(choice, partition, nearest)) {
            undecided++;
        }
    }
    ASSERT(undecided < choice->undecided);
    choice->undecided = undecided;
}

static uint32_t place_before(const struct planner_input *input, uint32_t partition, uint16_t member)
{
    for (uint32_t i = 0; input->before != NULL && i < input->before_replicas; i++) {
        if (input->before[(size_t)partition * input->before_replicas + i] == member) {
            return i;
        }
    }
    return LIMIT_REPLICAS;
}

/* Insertion sort by: first, place before, place now. */
static void row_order(const struct choice *choice, uint32_t partition)
{
    uint16_t *row = row_of(choice, partition);
    uint32_t rank[LIMIT_REPLICAS] = {0};
    for (uint32_t i = 0; i < choice->replicas; i++) {
        uint16_t member = row[i];
        uint32_t own = member == choice->first[partition]
                           ? 0
                           : 1 + place_before(choice->input, partition, member);
        uint32_t k = i;
        for (; k > 0 && rank[k - 1] > own; k--) {
            row[k] = row[k - 1];
            rank[k] = rank[k - 1];
        }
        row[k] = member;
        rank[k] = own;
    }
}

static void choice_deinit(struct choice *choice)
{
    mem_free(choice->held_head);
    mem_free(choice->held_next);
    mem_free(choice->distance);
    mem_free(choice->load);
    mem_free(choice->fraction);
    mem_free(choice->floor);
    mem_free(choice->first);
}

static int choice_init(struct choice *choice)
{
    choice->first = mem_alloc(choice->partitions * sizeof(*choice->first));
    choice->floor = mem_alloc_zeroed(choice->member_count, sizeof(*choice->floor));
    choice->fraction = mem_alloc_zeroed(choice->member_count, sizeof(*choice->fraction));
    choice->load = mem_alloc_zeroed(choice->member_count, sizeof(*choice->load));
    choice->distance = mem_alloc(choice->member_count * sizeof(*choice->distance));
    choice->held_next = mem_alloc(choice->partitions * sizeof(*choice->held_next));
    choice->held_head = mem_alloc(choice->member_count * sizeof(*choice->held_head));
    if (choice->first == NULL || choice->floor == NULL || choice->fraction == NULL ||
        choice->load == NULL || choice->distance == NULL || choice->held_next == NULL ||
        choice->held_head == NULL) {
        choice_deinit(choice);
        return SHOAL_ENOMEM;
    }
    for (uint32_t partition = 0; partition < choice->partitions; partition++) {
        choice->first[partition] = PLANNER_NONE;
    }
    return 0;
}

int first_owners_choose(const struct planner_input *input, uint32_t replicas, uint16_t *owners)
{
    struct choice choice = {.input = input,
                            .partitions = input->partitions,
                            .replicas = replicas,
                            .member_count = input->member_count,
                            .owners = owners};
    int r = choice_init(&choice);
    if (r != 0) {
        return r;
    }
    targets_set(&choice);
    choose_at_once(&choice);
    while (choice.undecided > 0) {
        phase_run(&choice);
    }
    for (uint32_t partition = 0; partition < choice.partitions; partition++) {
        row_order(&choice, partition);
    }
    choice_deinit(&choice);
    return 0;
}
