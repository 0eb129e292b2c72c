/* Letters: what the workers of one node tell each other, for they share no memory. Each goes to the
 * part that it concerns; a letter that nobody will read any more is freed here, too, as its kind
 * knows whose memory it is. */
#include "base/memory.h"
#include "node/core.h"
#include "node/feed_work.h"
#include "node/steward.h"
#include "node/worker.h"
#include "wire/frame.h"

static void worker_letter_frame(struct worker *worker, struct letter_frame *letter)
{
    struct bytes bytes = bytes_make(letter->bytes, letter->len);
    if (letter->letter.kind == LETTER_FRAME) {
        worker_dispatch(worker, letter->source, bytes, 0);
    } else if (letter->source.slot == SOURCE_SELF) {
        worker_take_answer(
            worker, worker_node_id(worker),
            bytes_make(bytes.data + FRAME_PREFIX_BYTES, bytes.len - FRAME_PREFIX_BYTES));
    } else {
        worker->ports.reply(worker->ports.self, letter->source, bytes);
    }
    mem_free(letter);
}

static void worker_letter_steward(struct worker *worker, struct letter *letter)
{
    struct letter_view *view = (struct letter_view *)(void *)letter;
    struct letter_tally *tally = (struct letter_tally *)(void *)letter;
    struct letter_synced *synced = (struct letter_synced *)(void *)letter;
    switch (letter->kind) {
    case LETTER_VIEW:
        steward_on_view(worker->steward, letter->from, view->ticket,
                        bytes_make(view->bytes, view->len));
        break;
    case LETTER_SYNCED:
        steward_on_synced(worker->steward, letter->from, &synced->target);
        break;
    default:
        steward_on_tally(worker->steward, letter->from, &tally->tally,
                         letter->kind == LETTER_ADOPTED);
        break;
    }
    mem_free(letter);
}

void worker_letter(struct worker *worker, struct moment now, struct letter *letter)
{
    worker_enter(worker, now);
    switch (letter->kind) {
    case LETTER_REQUEST:
        worker_execute(worker, QUEUE_ITEM(letter, struct request, letter));
        break;
    case LETTER_DONE:
        worker_on_done(worker, QUEUE_ITEM(letter, struct request, letter));
        break;
    case LETTER_FRAME:
    case LETTER_REPLY:
        worker_letter_frame(worker, (struct letter_frame *)(void *)letter);
        break;
    case LETTER_SNAPSHOT:
        worker_adopt(worker, ((struct letter_snapshot *)(void *)letter)->snapshot);
        mem_free(letter);
        break;
    case LETTER_BACKUP:
        worker_backup_part(worker, (struct letter_backup *)(void *)letter);
        break;
    case LETTER_BACKED:
        worker_backup_done(worker, (struct letter_backup *)(void *)letter);
        break;
    case LETTER_VERIFY:
        worker_verify_part(worker, (struct letter_verify *)(void *)letter);
        break;
    case LETTER_VERIFIED:
        worker_verify_done(worker, (struct letter_verify *)(void *)letter);
        break;
    default:
        if (!units_letter(worker, letter) && !worker_letter_repair(worker, letter) &&
            !worker_letter_feed(worker, letter)) {
            worker_letter_steward(worker, letter);
        }
        break;
    }
    worker_leave(worker);
}

void letter_free(struct letter *letter)
{
    switch (letter->kind) {
    case LETTER_REQUEST:
    case LETTER_UNIT:
    case LETTER_UNIT_DONE:
        return; /* the surface's memory */
    case LETTER_DONE:
        mem_free(QUEUE_ITEM(letter, struct request, letter)->outcome_memory);
        return;
    case LETTER_SNAPSHOT:
        snapshot_unref(((struct letter_snapshot *)(void *)letter)->snapshot);
        mem_free(letter);
        return;
    case LETTER_FEED_NEWS:
        feed_letter_free(letter);
        return;
    default:
        mem_free(letter);
        return;
    }
}
