/* The log engine: all that the port demands, on a real folder and on a disk that is always cold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/assert.h"
#include "shoal/error.h"
#include "storage/posix_disk.h"
#include "support/engine_conformance.h"
#include "support/log_rig.h"
#include "support/model_disk.h"

/* One disk after another: each engine that is to be empty gets a new one. */
struct subject {
    struct log_rig rig;
    enum log_durability durability;
    bool compress;
    bool cold; /* the model disk, else a folder */
    struct disk *folder;
    char path[64];
    struct model_disk *model;
    uint32_t opened;
};

static void folder_remove(struct subject *subject)
{
    char command[128];
    if (subject->folder != NULL) {
        posix_disk_close(subject->folder);
        subject->folder = NULL;
        snprintf(command, sizeof(command), "rm -rf %s", subject->path);
        assert_int_equal(system(command), 0);
    }
    model_disk_free(subject->model);
    subject->model = NULL;
}

static struct disk *disk_new(struct subject *subject)
{
    folder_remove(subject);
    if (subject->cold) {
        subject->model = model_disk_new(++subject->opened);
        model_disk_options(subject->model)->cold_rate = 1;
        return model_disk_port(subject->model);
    }
    snprintf(subject->path, sizeof(subject->path), "/tmp/shoal-log-XXXXXX");
    assert_non_null(mkdtemp(subject->path));
    assert_int_equal(posix_disk_open(subject->path, &subject->folder), 0);
    return subject->folder;
}

static int open_log(void *self, const struct engine_options *options, bool fresh,
                    struct engine **out)
{
    struct subject *subject = self;
    if (fresh) {
        log_rig_init(&subject->rig, disk_new(subject), options->partitions);
        subject->rig.volume_options.durability = subject->durability;
        subject->rig.options.engine = *options;
        subject->rig.options.compress = subject->compress;
    }
    int code = log_rig_open(&subject->rig);
    if (code != 0) {
        print_error("%s\n", subject->rig.text);
        return code;
    }
    *out = subject->rig.engines[0];
    return 0;
}

static void close_log(void *self, struct engine *engine, bool clean)
{
    struct subject *subject = self;
    assert_ptr_equal(engine, subject->rig.engines[0]);
    if (clean) {
        log_rig_stop(&subject->rig);
    } else {
        log_rig_kill(&subject->rig);
    }
}

static void turn_log(void *self, struct engine *engine)
{
    struct subject *subject = self;
    (void)engine;
    (void)manual_offload_run(&subject->rig.offload);
}

static int conforms(const char *name, struct subject *subject)
{
    const struct engine_subject engine = {.name = name,
                                          .self = subject,
                                          .open = open_log,
                                          .close = close_log,
                                          .check = log_engine_check,
                                          .turn = turn_log,
                                          .keeps_data = true};
    int failed = engine_conformance_run(&engine);
    folder_remove(subject);
    return failed;
}

int main(void)
{
    struct subject sync = {.durability = LOG_SYNC};
    struct subject interval = {.durability = LOG_INTERVAL};
    struct subject os = {.durability = LOG_OS};
    struct subject cold = {.durability = LOG_SYNC, .cold = true};
    return conforms("log engine, sync", &sync) + conforms("log engine, interval", &interval) +
           conforms("log engine, os", &os) + conforms("log engine, cold disk", &cold);
}
