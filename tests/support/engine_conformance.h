/* What every engine owes its callers, as tests written against the port alone: an engine is right
 * when this suite passes for it. Each test opens an engine of its own. */
#ifndef SUPPORT_ENGINE_CONFORMANCE_H
#define SUPPORT_ENGINE_CONFORMANCE_H

#include "storage/engine.h"

/* The engine under test: how to make one, and what it is able to. */
struct engine_subject {
    const char *name;
    void *self;
    /* An engine that is empty (`fresh`), or with what the one closed last left. 0 or an error. */
    int (*open)(void *self, const struct engine_options *options, bool fresh, struct engine **out);
    /* Frees it, lets its jobs come back first. `clean`: all is durable before, as at an orderly
     * end; else as if the process were killed. NULL: the engine's own free is all. */
    void (*close)(void *self, struct engine *engine, bool clean);
    /* Asserts the engine's own invariants; NULL if it has no such check. */
    void (*check)(const struct engine *engine);
    /* Lets what is pending go on: jobs come back, events are told. NULL if nothing ever is. */
    void (*turn)(void *self, struct engine *engine);
    bool keeps_data;          /* so that it can be opened again */
    bool reads_wait;          /* after a restart, some at least */
    bool bounds_memory;       /* memory_bytes_max bounds the data, not only an index */
    uint64_t memory_step;     /* it takes memory by so much at a time, where that is much */
    bool fails_by_allocation; /* every failed allocation is a clean SHOAL_ENOMEM */
};

/* Runs the suite; how many tests failed, as cmocka_run_group_tests. */
int engine_conformance_run(const struct engine_subject *subject);

#endif
