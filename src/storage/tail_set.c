/* See tail_set.h. */
#include "storage/tail_set.h"

#include "base/limits.h"
#include "base/memory.h"
#include "shoal/error.h"
#include "storage/tail_inside.h"

struct tail_set {
    uint32_t workers;
    uint32_t lanes;
    uint32_t rows;        /* lanes of a worker */
    struct tail *tails[]; /* of a worker together */
};

struct lane_search {
    uint32_t lanes;
    bool any; /* files */
};

static void visit_lane(void *self, const char *name, uint64_t bytes)
{
    struct lane_search *search = self;
    uint32_t lane;
    uint64_t sequence;
    (void)bytes;
    if (tail_file_parse(name, &lane, &sequence) && lane < LIMIT_WORKERS) {
        search->lanes = lane >= search->lanes ? lane + 1 : search->lanes;
        search->any = true;
    }
}

/* Where the folder can't be read each tail finds that out for itself. */
static struct lane_search find_lanes(const struct tail_set_options *options)
{
    struct lane_search search = {.lanes = options->workers};
    if (options->disk != NULL) {
        (void)options->disk->ops->list(options->disk, visit_lane, &search);
    }
    return search;
}

/* `anew`: of all lanes there is nothing left. One alone without anything is one that is new. */
static int open_lane(struct tail_set *set, const struct tail_set_options *options, uint32_t lane,
                     bool anew)
{
    struct tail_options tail = {
        .disk = options->disk,
        .lane = lane,
        .old = lane >= options->workers,
        .anew = anew,
        .bytes_max = options->bytes_max / options->workers,
        .random = options->random,
        .random_self = options->random_self,
    };
    uint32_t worker = lane % options->workers;
    if (options->offloads != NULL) {
        tail.offload = options->offloads[worker];
    }
    return tail_open(&tail, &set->tails[worker * set->rows + lane / options->workers]);
}

int tail_set_open(const struct tail_set_options *options, struct tail_set **out)
{
    const struct lane_search found = find_lanes(options);
    uint32_t lanes = found.lanes;
    uint32_t rows = (lanes + options->workers - 1) / options->workers;
    size_t count = (size_t)rows * options->workers;
    struct tail_set *set = mem_alloc_zeroed(1, sizeof(*set) + count * sizeof(struct tail *));
    if (set == NULL) {
        return SHOAL_ENOMEM;
    }
    set->workers = options->workers;
    set->lanes = lanes;
    set->rows = rows;
    for (uint32_t lane = 0; lane < lanes; lane++) {
        int result = open_lane(set, options, lane, options->anew && !found.any);
        if (result < 0) {
            tail_set_close(set, true);
            return result;
        }
    }
    *out = set;
    return 0;
}

void tail_set_close(struct tail_set *set, bool clean)
{
    if (set == NULL) {
        return;
    }
    for (uint32_t i = 0; i < set->workers * set->rows; i++) {
        tail_close(set->tails[i], clean);
    }
    mem_free(set);
}

struct file_search {
    char name[DISK_NAME_BYTES];
    bool found;
};

static void visit_tail(void *self, const char *name, uint64_t bytes)
{
    struct file_search *search = self;
    uint32_t lane;
    uint64_t sequence;
    (void)bytes;
    if (!search->found && tail_file_parse(name, &lane, &sequence)) {
        search->found = true;
        tail_file_name(lane, sequence, search->name);
    }
}

/* One at a time, for a folder is not to be changed while it is listed. */
int tail_set_discard(struct disk *disk)
{
    int removed = 0;
    for (;;) {
        struct file_search search = {.found = false};
        int error = disk->ops->list(disk, visit_tail, &search);
        if (error == 0 && search.found) {
            error = disk->ops->remove(disk, search.name);
        }
        if (error < 0) {
            return error;
        }
        if (!search.found) {
            break;
        }
        removed++;
    }
    int error = removed == 0 ? 0 : disk->ops->sync_folder(disk);
    return error < 0 ? error : removed;
}

struct tail *const *tail_set_of(const struct tail_set *set, uint32_t worker, uint32_t *count)
{
    *count = set->rows;
    return &set->tails[(size_t)worker * set->rows];
}

uint32_t tail_set_lanes(const struct tail_set *set)
{
    return set->lanes;
}
