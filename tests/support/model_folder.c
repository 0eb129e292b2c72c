#include "support/model_folder.h"

#include "base/assert.h"

#include <stdio.h>
#include <stdlib.h>

static struct model_name *names_at(const struct model_names *names, const char *name)
{
    for (size_t i = 0; i < names->count; i++) {
        if (strcmp(names->all[i].name, name) == 0) {
            return &names->all[i];
        }
    }
    return NULL;
}

struct model_file *model_names_find(const struct model_names *names, const char *name)
{
    const struct model_name *at = names_at(names, name);
    return at == NULL ? NULL : at->file;
}

static void names_remove(struct model_names *names, const char *name)
{
    struct model_name *at = names_at(names, name);
    if (at != NULL) {
        model_file_unref(at->file);
        *at = names->all[--names->count];
    }
}

static void names_put(struct model_names *names, const char *name, struct model_file *file)
{
    model_file_ref(file);
    names_remove(names, name);
    if (names->count == names->capacity) {
        names->capacity = names->capacity == 0 ? 8 : names->capacity * 2;
        names->all = realloc(names->all, names->capacity * sizeof(*names->all));
        ASSERT(names->all != NULL);
    }
    struct model_name *added = &names->all[names->count++];
    snprintf(added->name, sizeof(added->name), "%s", name);
    added->file = file;
}

static void names_clear(struct model_names *names)
{
    for (size_t i = 0; i < names->count; i++) {
        model_file_unref(names->all[i].file);
    }
    names->count = 0;
}

static void names_step(struct model_names *names, const struct model_step *step, bool keep_from)
{
    if (step->from[0] != '\0' && !keep_from) {
        names_remove(names, step->from);
    }
    if (step->to[0] != '\0') {
        names_put(names, step->to, step->file);
    }
}

void model_folder_init(struct model_folder *folder)
{
    *folder = (struct model_folder){0};
    queue_init(&folder->steps);
}

static struct model_step *step_first(struct model_folder *folder)
{
    return QUEUE_ITEM(folder->steps.next, struct model_step, link);
}

static void step_free(struct model_step *step)
{
    queue_remove(&step->link);
    model_file_unref(step->file);
    free(step);
}

void model_folder_deinit(struct model_folder *folder)
{
    while (!queue_empty(&folder->steps)) {
        step_free(step_first(folder));
    }
    names_clear(&folder->seen);
    names_clear(&folder->held);
    free(folder->seen.all);
    free(folder->held.all);
}

void model_folder_step(struct model_folder *folder, uint64_t order, const char *from,
                       const char *to, struct model_file *file)
{
    struct model_step *step = calloc(1, sizeof(*step));
    ASSERT(step != NULL);
    step->order = order;
    snprintf(step->from, sizeof(step->from), "%s", from);
    snprintf(step->to, sizeof(step->to), "%s", to);
    step->file = model_file_ref(file);
    queue_push(&folder->steps, &step->link);
    names_step(&folder->seen, step, false);
    file->change++;
}

void model_folder_decide(struct model_folder *folder, enum model_fate fate)
{
    struct model_step *step = step_first(folder);
    if (fate != MODEL_DROPPED) {
        names_step(&folder->held, step, fate != MODEL_KEPT && step->to[0] != '\0');
    }
    step_free(step);
}

void model_folder_sync(struct model_folder *folder)
{
    while (!queue_empty(&folder->steps)) {
        model_folder_decide(folder, MODEL_KEPT);
    }
}

void model_folder_settle(struct model_folder *folder)
{
    ASSERT(queue_empty(&folder->steps));
    names_clear(&folder->seen);
    for (size_t i = 0; i < folder->held.count; i++) {
        names_put(&folder->seen, folder->held.all[i].name, folder->held.all[i].file);
    }
}

void model_folder_put(struct model_folder *folder, const char *name, struct model_file *file)
{
    names_put(&folder->seen, name, file);
    names_put(&folder->held, name, file);
}
