/* The node's side of the native protocol as a whole: its desks, its metrics, its birth and end. */
#include "api/native.h"

#include "api/native_state.h"
#include "base/memory.h"
#include "shoal/error.h"

int native_declare_metrics(struct metrics *metrics, struct native_metrics *ids)
{
    return served_declare_metrics(metrics, SURFACE_NATIVE, &ids->served);
}

int native_new(const struct native_options *options, struct native **out)
{
    struct native *native =
        mem_alloc_zeroed(1, sizeof(*native) + options->workers * sizeof(struct native_desk));
    if (native == NULL) {
        return SHOAL_ENOMEM;
    }
    native->options = *options;
    for (uint32_t i = 0; i < options->workers; i++) {
        struct native_desk *desk = &native->desks[i];
        desk->native = native;
        queue_init(&desk->sessions);
        queue_init(&desk->requests);
        queue_init(&desk->free_requests);
    }
    *out = native;
    return 0;
}

void native_free(struct native *native)
{
    if (native == NULL) {
        return;
    }
    for (uint32_t i = 0; i < native->options.workers; i++) {
        native_requests_free(&native->desks[i]);
    }
    mem_free(native);
}
