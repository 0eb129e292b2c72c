/* What a run before has left half done, at the start and before any request is served. Every worker
 * looks through its intents; what is to be done is done again, by the workers that have the keys
 * now, for their number may be another. Only when all of it is durable, everywhere, the records go,
 * and only when no prepared one is left, the decisions.
 *
 *      each: adopted, and has some / none ----------> worker 0: all have said so
 *      none has any ----------------------------------------------------> open
 *      an intent, or prepared and decided (asked where the decision would be):
 *          its changes to whose keys they are: written, durable --> record removed
 *      prepared and not decided, or not whole --> record removed
 *      each: all removed, durable ------------------> worker 0: all have said so --> open:
 *          decisions removed, requests served
 *
 * Doing it again is harmless: it is not done twice beside anything newer (unit_write.c), and nobody
 * writes the keys before it is over. */
#include "base/log.h"
#include "base/memory.h"
#include "base/mutant.h"
#include "node/unit_redo_inside.h"
#include "shoal/error.h"

#define REDO_AGAIN_US UINT64_C(50000)

bool redo_post(struct worker *worker, uint32_t to, const struct letter_redo *model)
{
    struct bytes changes = model->record.changes;
    struct letter_redo *letter = mem_alloc(sizeof(*letter) + changes.len);
    if (letter == NULL) {
        return false;
    }
    *letter = *model;
    letter->len = changes.len;
    if (changes.len > 0) {
        memcpy(letter->bytes, changes.data, changes.len);
    }
    letter->record.changes = bytes_make(letter->bytes, letter->len);
    worker_post(worker, to, &letter->letter, LETTER_REDO);
    return true;
}

void unit_redo_deinit(struct worker *worker)
{
    struct unit_redo *redo = worker->units.redo;
    if (redo == NULL) {
        return;
    }
    timers_stop(&worker->timers, &redo->again);
    waiting_leave(&redo->reading);
    durability_cancel(&redo->durable);
    redo_free_items(redo);
    struct queue *link;
    while ((link = queue_pop(&redo->asks)) != NULL) {
        mem_free(QUEUE_ITEM(link, struct letter_redo, waiting));
    }
    mem_free(redo);
    worker->units.redo = NULL;
}

/* ---- was it decided? ---- */

/* Once all that is here has been found. */
static void redo_answer(struct unit_redo *redo, struct letter_redo *ask)
{
    struct letter_redo model = {
        .step = REDO_TOLD, .item = ask->item, .decided = redo_decided(redo, &ask->record)};
    if (!redo_post(redo->worker, ask->letter.from, &model)) {
        log_error("transactions: no memory to complete those of before; the node stays closed");
    }
    mem_free(ask);
}

static void redo_take_ask(struct unit_redo *redo, struct letter_redo *ask)
{
    if (redo->walking) {
        queue_push(&redo->asks, &ask->waiting);
    } else {
        redo_answer(redo, ask);
    }
}

static void redo_answer_all(struct unit_redo *redo)
{
    struct queue *link;
    while ((link = queue_pop(&redo->asks)) != NULL) {
        redo_answer(redo, QUEUE_ITEM(link, struct letter_redo, waiting));
    }
}

/* ---- doing them again ---- */

static void redo_review(struct unit_redo *redo);

static void redo_send(struct unit_redo *redo, struct redo_item *item,
                      const struct unit_record *record)
{
    struct worker *worker = redo->worker;
    struct letter_redo model = {.step = REDO_WRITE, .item = item, .record = *record};
    for (uint32_t i = 0; i < worker->count; i++) {
        if (!redo_concerns(worker, record, i)) {
            continue;
        }
        if (redo_post(worker, i, &model)) {
            item->away++;
        } else {
            redo->code = SHOAL_ENOMEM;
        }
    }
    redo->away += item->away > 0 ? 1 : 0;
}

/* Without memory a part is missing: then the record stays, and nothing is opened. A flush is done
 * once, and what all of its records have put comes behind it. */
static void redo_do(struct unit_redo *redo, struct redo_item *item)
{
    redo->done++;
    if (!item->record.flush || item->record.count == 1) {
        redo_send(redo, item, &item->record);
    } else if (item->record.index == 0) {
        struct unit_record record = item->record;
        struct buffer changes;
        buffer_init(&changes, 0);
        if (redo_gather(redo, item, &changes) == 0) {
            record.changes = buffer_bytes(&changes);
            redo_send(redo, item, &record);
        } else {
            redo->code = SHOAL_ENOMEM;
        }
        buffer_deinit(&changes);
    }
}

static void redo_begin_items(struct unit_redo *redo)
{
    struct worker *worker = redo->worker;
    for (struct queue *link = redo->items.next; link != &redo->items; link = link->next) {
        struct redo_item *item = QUEUE_ITEM(link, struct redo_item, link);
        const struct unit_record *record = &item->record;
        if (record->kind == UNIT_RECORD_DECISION || !redo_whole(redo, item)) {
            continue;
        }
        if (record->kind == UNIT_RECORD_INTENT) {
            redo_do(redo, item);
            continue;
        }
        struct letter_redo model = {.step = REDO_ASK, .item = item, .record = *record};
        model.record.changes = bytes_make(NULL, 0);
        uint32_t decider = record->decider % worker->units.partitions;
        if (redo_post(worker, worker_of_partition(worker, decider), &model)) {
            redo->away++;
        } else {
            redo->code = SHOAL_ENOMEM;
        }
    }
}

/* ---- the end ---- */

static void redo_say(struct worker *worker, enum redo_step step, bool records)
{
    struct letter_redo model = {.step = step, .records = records};
    if (!redo_post(worker, 0, &model)) {
        log_error("transactions: no memory to begin; the node stays closed");
    }
}

static void redo_open(struct worker *worker)
{
    struct unit_redo *redo = worker->units.redo;
    redo_remove_decisions(redo);
    if (redo->done > 0) {
        log_info("transactions: completed what the run before had left half done",
                 LOG_U64("records", redo->done));
    }
    unit_redo_deinit(worker);
    unit_gate_review(worker);
}

static void redo_on_removed(struct durable_waiter *waiter, int code)
{
    const struct unit_redo *redo = QUEUE_ITEM(waiter, struct unit_redo, durable);
    if (code == 0) {
        redo_say(redo->worker, REDO_READY, false);
    }
}

static void redo_on_again(struct timer *timer, uint64_t now_us)
{
    (void)now_us;
    redo_review(QUEUE_ITEM(timer, struct unit_redo, again));
}

static void redo_remove(struct unit_redo *redo)
{
    struct worker *worker = redo->worker;
    struct durability *durability = &worker->replica.durability;
    int result = redo_remove_all(redo);
    if (result < 0) {
        redo->again.fire = redo_on_again;
        (void)timers_start(&worker->timers, &redo->again, worker->now.mono_us + REDO_AGAIN_US);
    } else if (durability_reached(durability, DURABILITY_DURABLE)) {
        redo_say(worker, REDO_READY, false);
    } else if (durability->failed == 0) {
        redo->durable.fire = redo_on_removed;
        durability_wait(durability, DURABILITY_DURABLE, &redo->durable);
        worker->engine->ops->harden(worker->engine);
    }
}

static void redo_on_read(struct read_waiter *waiter, int code)
{
    (void)code;
    redo_review(QUEUE_ITEM(waiter, struct unit_redo, reading));
}

/* Goes on with it, from wherever it is. */
static void redo_review(struct unit_redo *redo)
{
    struct worker *worker = redo->worker;
    if (redo->walking) {
        int result = redo_find(redo);
        if (result == REPLICA_PENDING) {
            redo->reading.fire = redo_on_read;
            replica_wait(&worker->replica, &redo->reading);
            return;
        }
        if (result < 0) {
            redo->again.fire = redo_on_again;
            (void)timers_start(&worker->timers, &redo->again, worker->now.mono_us + REDO_AGAIN_US);
            return;
        }
        redo->walking = false;
        redo_answer_all(redo);
        redo_begin_items(redo);
    }
    if (redo->code < 0) {
        log_error("transactions: no memory to complete those of before; the node stays closed");
    } else if (redo->away == 0) {
        redo_remove(redo);
    }
}

/* ---- the whole ---- */

void unit_redo_begin(struct worker *worker)
{
    struct units *units = &worker->units;
    if (!worker->engine->keeps_data || units->redo != NULL || MUTANT(redo_skipped)) {
        return;
    }
    bool records = redo_has_records(worker);
    if (worker->count == 1 && !records) {
        return;
    }
    struct unit_redo *redo = mem_alloc_zeroed(1, sizeof(*redo));
    if (redo == NULL) {
        log_error("transactions: no memory to complete those of before; the node stays closed");
        units->barred = true;
        units->closed = true;
        return;
    }
    redo->worker = worker;
    redo->walking = true;
    queue_init(&redo->items);
    queue_init(&redo->asks);
    queue_init(&redo->reading.link);
    queue_init(&redo->durable.link);
    units->redo = redo;
    units->closed = true;
    redo_say(worker, REDO_HERE, records);
}

static void redo_tell_all(struct worker *worker, enum redo_step step)
{
    struct letter_redo model = {.step = step};
    for (uint32_t i = 0; i < worker->count; i++) {
        if (!redo_post(worker, i, &model)) {
            log_error("transactions: no memory to begin; the node stays closed");
        }
    }
}

/* At worker 0. */
static void redo_hear(struct worker *worker, const struct letter_redo *letter)
{
    struct units *units = &worker->units;
    units->redo_records = units->redo_records || letter->records;
    if (++units->redo_heard % worker->count != 0) {
        return;
    }
    bool begin = letter->step == REDO_HERE && units->redo_records;
    redo_tell_all(worker, begin ? REDO_GO : REDO_OPEN);
}

static void redo_on_told(struct unit_redo *redo, const struct letter_redo *letter)
{
    redo->away--;
    if (letter->decided) {
        redo_do(redo, letter->item);
    }
    redo_review(redo);
}

static void redo_on_wrote(struct unit_redo *redo, struct redo_item *item)
{
    if (--item->away == 0) {
        redo->away--;
        redo_review(redo);
    }
}

bool unit_redo_letter(struct worker *worker, struct letter *letter)
{
    if (letter->kind != LETTER_REDO) {
        return false;
    }
    struct letter_redo *redo = (struct letter_redo *)(void *)letter;
    struct unit_redo *own = worker->units.redo;
    bool hears = redo->step == REDO_HERE || redo->step == REDO_READY || redo->step == REDO_WRITE;
    if (own == NULL && !hears) {
        mem_free(redo); /* there was no memory to begin: nothing goes on */
        return true;
    }
    switch (redo->step) {
    case REDO_HERE:
    case REDO_READY:
        redo_hear(worker, redo);
        break;
    case REDO_GO:
        redo_review(own);
        break;
    case REDO_ASK:
        redo_take_ask(own, redo);
        return true;
    case REDO_TOLD:
        redo_on_told(own, redo);
        break;
    case REDO_WRITE:
        redo_write(worker, redo);
        break;
    case REDO_WROTE:
        redo_on_wrote(own, redo->item);
        break;
    case REDO_OPEN:
        redo_open(worker);
        break;
    }
    mem_free(redo);
    return true;
}
