/* A disk that fails on request: a file system (FUSE) that passes everything on to a folder on a
 * real one, but for what has been switched on (faulty_switches.h). It stands below the kernel's
 * page cache as a disk does, so all calls meet it, those of mapped files too.
 *
 *      faulty-disk FOLDER MOUNT_POINT SEED
 *
 * FOLDER has to have `files`, which is shown at MOUNT_POINT, and `gone`, for itself. "ok" on stdout
 * says that it is mounted. Then lines on stdin switch it, each answered by one on stdout, "ok" or
 * "error: why"; `count` is answered by "ok" and counts; `cut` and `cut torn` are power cuts, for
 * which no process may have a file open: everything is as it was synced, or pages of what was not
 * are there as well, as it happens. When stdin ends it unmounts, though the mount may be busy, and
 * ends: nothing outlives the one who started it. What is here is what shoal-server, RocksDB and the
 * tests need: no symbolic links, no devices, no attributes beyond mode, owner and times. */
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "faulty_calls.h"
#include "faulty_switches.h"

#define LINE_BYTES 256u
#define THREADS_MAX 32u

static struct fuse_session *session;
static const char *mount_point;

static void disk_init(void *self, struct fuse_conn_info *connection)
{
    (void)self;
    /* A truncation is a call of its own; and what is cached stays right, as nobody else changes the
     * files. */
    connection->want &= ~(unsigned)(FUSE_CAP_ATOMIC_O_TRUNC | FUSE_CAP_AUTO_INVAL_DATA);
}

static const struct fuse_lowlevel_ops calls = {
    .init = disk_init,
    .lookup = disk_lookup,
    .forget = disk_forget,
    .mkdir = disk_mkdir,
    .unlink = disk_unlink,
    .rmdir = disk_rmdir,
    .rename = disk_rename,
    .link = disk_link,
    .create = disk_create,
    .opendir = disk_opendir,
    .readdir = disk_readdir,
    .releasedir = disk_releasedir,
    .fsyncdir = disk_fsyncdir,
    .getattr = disk_getattr,
    .setattr = disk_setattr,
    .statfs = disk_statfs,
    .open = disk_open,
    .release = disk_release,
    .read = disk_read,
    .write = disk_write,
    .fallocate = disk_fallocate,
    .flush = disk_flush,
    .fsync = disk_fsync,
};

static void say(const char *text)
{
    if (puts(text) == EOF || fflush(stdout) != 0) {
        _exit(1); /* nobody listens */
    }
}

static void invalidate(uint64_t ino)
{
    (void)fuse_lowlevel_notify_inval_inode(session, ino, 0,
                                           0); /* the kernel may not know it any more */
}

static void obey(char *line)
{
    const char *why = NULL;
    bool torn = strcmp(line, "cut torn\n") == 0;
    if (torn || strcmp(line, "cut\n") == 0) {
        int error = inodes_power_cut(invalidate, torn, switches_number());
        (void)printf(error == 0 ? "ok" : "error: %s", strerror(error));
        say("");
        return;
    }
    if (strcmp(line, "count\n") == 0) {
        (void)printf("ok");
        switches_print(stdout);
        say("");
    } else if (switches_line(line, &why)) {
        say("ok");
    } else {
        (void)printf("error: ");
        say(why);
    }
}

/* To the end of stdin. Then nothing waits for those who have files open: the kernel ends their
 * calls when this process is gone. */
static void *listen_to_lines(void *self)
{
    (void)self;
    char line[LINE_BYTES];
    while (fgets(line, sizeof(line), stdin) != NULL) {
        obey(line);
    }
    _exit(umount2(mount_point, MNT_DETACH) == 0 ? 0 : 1);
}

static int serve(void)
{
    pthread_t listener;
    int error = pthread_create(&listener, NULL, listen_to_lines, NULL);
    if (error != 0) {
        return error;
    }
    struct fuse_loop_config *config = fuse_loop_cfg_create();
    if (config == NULL) {
        return ENOMEM;
    }
    fuse_loop_cfg_set_max_threads(config, THREADS_MAX);
    fuse_loop_cfg_set_idle_threads(config, THREADS_MAX);
    say("ok");
    error = fuse_session_loop_mt(session, config);
    fuse_loop_cfg_destroy(config);
    return error;
}

static int fail(const char *what)
{
    (void)fprintf(stderr, "faulty-disk: %s: %s\n", what, strerror(errno));
    return 1;
}

int main(int count, char **words)
{
    if (count != 4) {
        (void)fprintf(stderr, "usage: faulty-disk FOLDER MOUNT_POINT SEED\n");
        return 2;
    }
    mount_point = words[2];
    switches_seed(strtoull(words[3], NULL, 10));
    if (inodes_init(words[1]) != 0) {
        return fail(words[1]);
    }
    char option[] = "-odefault_permissions,allow_other,fsname=faulty-disk";
    char *options[] = {words[0], option, NULL};
    struct fuse_args arguments = FUSE_ARGS_INIT(2, options);
    session = fuse_session_new(&arguments, &calls, sizeof(calls), NULL);
    if (session == NULL) {
        return 1; /* it has said why */
    }
    if (fuse_session_mount(session, mount_point) != 0) {
        return 1;
    }
    int error = serve();
    fuse_session_unmount(session);
    fuse_session_destroy(session);
    return error == 0 ? 0 : 1;
}
