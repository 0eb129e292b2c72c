/* The lsm engine: all that the port demands, in each durability. What is special to it is in
 * test_lsm_store.c. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support/engine_conformance.h"
#include "support/lsm_rig.h"

static int open_lsm(void *self, const struct engine_options *options, bool fresh,
                    struct engine **out)
{
    struct lsm_rig *rig = self;
    if (fresh) {
        lsm_rig_wipe(rig);
    }
    rig->options.partitions = options->partitions;
    int code = lsm_rig_open(rig, 1);
    *out = code == 0 ? rig->engines[0] : NULL;
    return code;
}

static void close_lsm(void *self, struct engine *engine, bool clean)
{
    (void)engine;
    lsm_rig_close(self, clean);
}

static void turn_lsm(void *self, struct engine *engine)
{
    (void)engine;
    lsm_rig_jobs(self);
}

static int run(const char *name, enum lsm_durability durability)
{
    struct lsm_rig rig;
    lsm_rig_init(&rig, NULL);
    rig.options.durability = durability;
    const struct engine_subject subject = {.name = name,
                                           .self = &rig,
                                           .open = open_lsm,
                                           .close = close_lsm,
                                           .check = lsm_engine_check,
                                           .turn = turn_lsm,
                                           .keeps_data = true,
                                           .memory_step = 2 * LIMIT_MIB, /* a memtable does */
                                           .reads_wait = true,
                                           .fails_by_allocation = true};
    int failures = engine_conformance_run(&subject);
    lsm_rig_deinit(&rig);
    return failures;
}

int main(void)
{
    return run("lsm engine, sync: conformance", LSM_SYNC) +
           run("lsm engine, interval: conformance", LSM_INTERVAL) +
           run("lsm engine, os: conformance", LSM_OS);
}
