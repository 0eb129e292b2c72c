/* The end of a run. When nothing that could give a dot is left, every holding's record is put once
 * more, with its last counter, and the engine makes all of it durable: that is what lets the next
 * run go on with the same actors. No dot is given after that, though stores from peers may still
 * come in and are taken.
 *
 *      stopping --- requests done ---> parting --- all durable ---> idle, clean
 *                                              --- storage failed, or no place for the records --->
 * idle */
#include "base/log.h"
#include "base/mutant.h"
#include "node/core.h"
#include "node/steward.h"
#include "shoal/error.h"

/* Nothing is under way that somebody waits for. */
static bool worker_quiet(const struct worker *worker)
{
    return coordinator_idle(&worker->coordinator) && worker->crossing == 0 && units_idle(worker) &&
           worker->inbound_count == 0 && worker->confirm_count == 0 &&
           queue_empty(&worker->backups) && queue_empty(&worker->verifies) &&
           (worker->steward == NULL || steward_idle(worker->steward));
}

static void worker_put_records(struct worker *worker)
{
    worker->parting = true;
    worker_repair_stop(worker);
    hint_delivery_stop(&worker->delivery);
    worker->part_code = replica_record_all(&worker->replica);
    if (worker->part_code < 0) {
        log_warning("stop: the holdings can't be recorded; they begin anew at the next start",
                    LOG_TEXT("cause", shoal_error_text(worker->part_code)));
    }
}

void worker_part(struct worker *worker)
{
    if (!worker->stopping || !worker->engine->keeps_data) {
        return;
    }
    if (!worker->parting && worker_quiet(worker)) {
        worker_put_records(worker);
    }
    if (worker->parting && worker->part_code == 0 &&
        !durability_reached(&worker->replica.durability, DURABILITY_DURABLE)) {
        worker->engine->ops->harden(worker->engine);
    }
}

static bool worker_broken(const struct worker *worker)
{
    return worker->part_code < 0 || replica_health(&worker->replica) == ENGINE_FAILED;
}

bool worker_clean(const struct worker *worker)
{
    return worker->parting && !worker_broken(worker) &&
           (durability_reached(&worker->replica.durability, DURABILITY_DURABLE) ||
            MUTANT(clean_early));
}

bool worker_idle(const struct worker *worker)
{
    if (!worker_quiet(worker)) {
        return false;
    }
    bool parts = worker->stopping && worker->engine->keeps_data;
    return !parts || worker_clean(worker) || (worker->parting && worker_broken(worker));
}
