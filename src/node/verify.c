/* The whole of a verification: asks all workers, adds up what they found. See verify.h. */
#include "node/verify.h"

#include "base/assert.h"
#include "base/memory.h"
#include "shoal/error.h"

struct verify {
    struct queue link;
    struct request *request;
    uint32_t partitions;
    uint32_t left; /* workers that have not answered */
    struct letter_verify **parts;
};

#define VERIFIES_MAX 4u /* at a time, asked for at one worker */

static void verify_free(struct worker *worker, struct verify *verify)
{
    queue_remove(&verify->link);
    for (uint32_t i = 0; i < worker->count; i++) {
        mem_free(verify->parts[i]);
    }
    mem_free(verify->parts);
    mem_free(verify);
}

/* What the worker of the partition says of it. */
static uint32_t verify_verdict(const struct worker *worker, const struct verify *verify,
                               uint32_t partition)
{
    const struct letter_verify *part = verify->parts[worker_of_partition(worker, partition)];
    return part == NULL ? VERIFY_UNKNOWN : part->verdicts[partition / worker->count];
}

/* The partitions of that verdict, in the arena; NULL, where there are some: no memory. */
static const uint32_t *verify_list(struct worker *worker, const struct verify *verify,
                                   uint32_t verdict, uint32_t *count)
{
    uint32_t *list = arena_alloc_array(&worker->arena, verify->partitions, sizeof(*list));
    *count = 0;
    for (uint32_t p = 0; p < verify->partitions && list != NULL; p++) {
        if (verify_verdict(worker, verify, p) == verdict) {
            list[(*count)++] = p;
        }
    }
    return list;
}

static void verify_add_up(struct worker *worker, const struct verify *verify,
                          struct message_verify_reply *reply)
{
    const char *text = "there was no memory for a part of it";
    for (uint32_t i = 0; i < worker->count; i++) {
        const struct letter_verify *part = verify->parts[i];
        if (part != NULL) {
            reply->digest = verify_plus(reply->digest, part->digest);
            reply->siblings += part->siblings;
            reply->bytes += part->bytes;
            text = part->text[0] != '\0' ? part->text : text;
        }
    }
    if (reply->unverified_count > 0) {
        reply->text = bytes_from_string(text);
    }
}

static void verify_complete(struct worker *worker, struct verify *verify)
{
    struct request *request = verify->request;
    struct message_verify_reply reply = {.partitions = verify->partitions,
                                         .with_values = request->with_values};
    reply.differing = verify_list(worker, verify, VERIFY_DIFFERENT, &reply.differing_count);
    reply.unverified = verify_list(worker, verify, VERIFY_UNKNOWN, &reply.unverified_count);
    struct outcome outcome = {.verification = &reply};
    verify_add_up(worker, verify, &reply);
    if (reply.differing == NULL || reply.unverified == NULL) {
        outcome = (struct outcome){.code = SHOAL_ENOMEM};
    }
    queue_remove(&verify->link); /* `done` may look whether anything is left */
    request->done(request, &outcome);
    verify_free(worker, verify);
}

static void verify_note(struct worker *worker, struct verify *verify)
{
    verify->left--;
    if (verify->left == 0) {
        verify_complete(worker, verify);
    }
}

void worker_verify_done(struct worker *worker, struct letter_verify *letter)
{
    struct verify *verify = letter->verify;
    verify->parts[letter->letter.from] = letter;
    verify_note(worker, verify);
}

static int verify_post(struct worker *worker, struct verify *verify, uint32_t to)
{
    uint32_t count = verify->partitions / worker->count + 1;
    struct letter_verify *letter = mem_alloc_zeroed(1, sizeof(*letter) + count);
    if (letter == NULL) {
        return SHOAL_ENOMEM;
    }
    letter->verify = verify;
    letter->origin = worker->index;
    letter->with_values = verify->request->with_values;
    letter->deadline_us = verify->request->deadline_us;
    letter->verdict_count = count;
    worker_post(worker, to, &letter->letter, LETTER_VERIFY);
    return 0;
}

static bool verify_many(const struct worker *worker)
{
    uint32_t count = 0;
    for (const struct queue *at = worker->verifies.next; at != &worker->verifies; at = at->next) {
        count++;
    }
    return count >= VERIFIES_MAX;
}

void worker_verify(struct worker *worker, struct request *request)
{
    ASSERT(request->origin == worker->index && worker->snapshot != NULL);
    if (verify_many(worker)) {
        struct outcome outcome = {
            .code = SHOAL_EOVERLOAD,
            .text = bytes_from_string("this node compares for others already: try again later")};
        request->done(request, &outcome);
        return;
    }
    struct verify *verify = mem_alloc_zeroed(1, sizeof(*verify));
    struct letter_verify **parts = mem_alloc_zeroed(worker->count, sizeof(struct letter_verify *));
    if (verify == NULL || parts == NULL) {
        mem_free(verify);
        mem_free(parts);
        struct outcome outcome = {.code = SHOAL_ENOMEM};
        request->done(request, &outcome);
        return;
    }
    verify->request = request;
    verify->parts = parts;
    verify->partitions = view_facts(worker->snapshot->view)->partitions;
    verify->left = worker->count + 1; /* itself: nobody completes it before all are asked */
    queue_push(&worker->verifies, &verify->link);
    for (uint32_t i = 0; i < worker->count; i++) {
        if (verify_post(worker, verify, i) < 0) {
            verify->left--;
        }
    }
    verify_note(worker, verify);
}

/* The worker ends: requests stay their surface's. */
void worker_verify_close(struct worker *worker)
{
    verify_parts_close(worker);
    while (!queue_empty(&worker->verifies)) {
        verify_free(worker, QUEUE_ITEM(worker->verifies.next, struct verify, link));
    }
}
