/* The synchronous calls for the cluster. */
#include "client/result.h"
#include "client/sync_wait.h"

static void on_status(struct shoal_client *client, const struct shoal_result *result,
                      const struct shoal_status *status, void *user)
{
    struct waiting *waiting = user;
    if (status != NULL) {
        waiting->status = status_copy(status);
    }
    sync_note(client, waiting, result, waiting->status != NULL);
}

static void on_ring(struct shoal_client *client, const struct shoal_result *result,
                    const struct shoal_ring *ring, void *user)
{
    struct waiting *waiting = user;
    if (ring != NULL) {
        waiting->ring = ring_copy(ring);
    }
    sync_note(client, waiting, result, waiting->ring != NULL);
}

static void on_backup(struct shoal_client *client, const struct shoal_result *result,
                      const struct shoal_backup *backup, void *user)
{
    struct waiting *waiting = user;
    if (backup != NULL) {
        waiting->backup = backup_copy(backup);
    }
    sync_note(client, waiting, result, waiting->backup != NULL);
}

static void on_verification(struct shoal_client *client, const struct shoal_result *result,
                            const struct shoal_verification *verification, void *user)
{
    struct waiting *waiting = user;
    if (verification != NULL) {
        waiting->verification = verification_copy(verification);
    }
    sync_note(client, waiting, result, waiting->verification != NULL);
}

static void on_repair(struct shoal_client *client, const struct shoal_result *result,
                      const struct shoal_repair *repair, void *user)
{
    struct waiting *waiting = user;
    if (repair != NULL) {
        waiting->repair = repair_copy(repair);
    }
    sync_note(client, waiting, result, waiting->repair != NULL);
}

static void on_plan(struct shoal_client *client, const struct shoal_result *result,
                    const struct shoal_plan *plan, void *user)
{
    struct waiting *waiting = user;
    if (plan != NULL) {
        waiting->plan = plan_copy(plan);
    }
    sync_note(client, waiting, result, waiting->plan != NULL);
}

int shoal_status(struct shoal_client *client, const struct shoal_options *options,
                 struct shoal_status **status)
{
    struct waiting waiting = {.copy = true};
    int error = sync_begin(client);
    if (error != 0) {
        return error;
    }
    int started = shoal_status_start(client, options, on_status, &waiting);
    int code = sync_end(client, started, &waiting);
    if (code == 0) {
        *status = waiting.status;
    }
    return code;
}

int shoal_ring(struct shoal_client *client, const struct shoal_options *options,
               struct shoal_ring **ring)
{
    struct waiting waiting = {.copy = true};
    int error = sync_begin(client);
    if (error != 0) {
        return error;
    }
    int started = shoal_ring_start(client, options, on_ring, &waiting);
    int code = sync_end(client, started, &waiting);
    if (code == 0) {
        *ring = waiting.ring;
    }
    return code;
}

int shoal_join(struct shoal_client *client, const char *host, uint16_t peer_port, int stage,
               const struct shoal_options *options)
{
    struct waiting waiting = {0};
    int error = sync_begin(client);
    if (error != 0) {
        return error;
    }
    int started =
        shoal_join_start(client, host, peer_port, stage, options, sync_on_result, &waiting);
    return sync_end(client, started, &waiting);
}

int shoal_backup(struct shoal_client *client, const char *path, const struct shoal_options *options,
                 struct shoal_backup **backup)
{
    struct waiting waiting = {.copy = true};
    int error = sync_begin(client);
    if (error != 0) {
        return error;
    }
    int started = shoal_backup_start(client, path, options, on_backup, &waiting);
    int code = sync_end(client, started, &waiting);
    if (code == 0) {
        *backup = waiting.backup;
    }
    return code;
}

int shoal_verify(struct shoal_client *client, int with_values, const struct shoal_options *options,
                 struct shoal_verification **verification)
{
    struct waiting waiting = {.copy = true};
    int error = sync_begin(client);
    if (error != 0) {
        return error;
    }
    int started = shoal_verify_start(client, with_values, options, on_verification, &waiting);
    int code = sync_end(client, started, &waiting);
    if (code == 0) {
        *verification = waiting.verification;
    }
    return code;
}

int shoal_repair(struct shoal_client *client, const struct shoal_options *options,
                 struct shoal_repair **repair)
{
    struct waiting waiting = {.copy = true};
    int error = sync_begin(client);
    if (error != 0) {
        return error;
    }
    int started = shoal_repair_start(client, options, on_repair, &waiting);
    int code = sync_end(client, started, &waiting);
    if (code == 0) {
        *repair = waiting.repair;
    }
    return code;
}

int shoal_change(struct shoal_client *client, const struct shoal_change *change,
                 const struct shoal_options *options, struct shoal_plan **plan)
{
    struct waiting waiting = {.copy = true};
    int error = sync_begin(client);
    if (error != 0) {
        return error;
    }
    int started = shoal_change_start(client, change, options, on_plan, &waiting);
    int code = sync_end(client, started, &waiting);
    if (code == 0) {
        *plan = waiting.plan;
    }
    return code;
}
