/* Views on their way from what is heard to what is acted on. See steward.h. */
#include "node/steward.h"

#include "base/assert.h"
#include "base/log.h"
#include "base/mutant.h"
#include "base/text.h"
#include "node/steward_inside.h"
#include "shoal/error.h"

void steward_role(const struct steward *steward, struct role *out)
{
    const struct node_config *config = steward->config;
    *out = (struct role){
        .node = steward->id, .author = steward->id, .kind = ROLE_IN, .weight = config->weight};
    memcpy(out->name, config->name, sizeof(out->name));
    memcpy(out->zone, config->zone, sizeof(out->zone));
}

const struct steward_counts *steward_counts(const struct steward *steward)
{
    return &steward->counts;
}

void steward_count_received(struct steward *steward, size_t bytes)
{
    steward->counts.received_bytes += bytes;
}

uint64_t steward_node_id(const struct steward *steward)
{
    return steward->id;
}

uint64_t steward_cluster_id(const struct steward *steward)
{
    return steward->view == NULL ? 0 : view_facts(steward->view)->id;
}

bool steward_idle(const struct steward *steward)
{
    return !steward->keep_active;
}

void steward_check(const struct steward *steward)
{
    ASSERT(steward->id != 0);
    ASSERT(steward->keep_active || steward->keeping == NULL);
    ASSERT(steward->view == NULL || steward->wanted != NULL);
}

/* ---- keeping views ---- */

void steward_keep(struct steward *steward)
{
    struct worker *worker = steward->worker;
    if (steward->keep_active) {
        steward->keep_needed = true;
        return;
    }
    struct buffer record;
    buffer_init(&record, 0);
    int result = steward_record_encode(steward, steward->wanted, &record);
    if (result < 0) {
        steward->keep_needed = true; /* tried again with the next heartbeat */
        buffer_deinit(&record);
        return;
    }
    steward->keep_active = true;
    steward->keep_needed = false;
    steward->keeping = steward->wanted == NULL ? NULL : view_ref(steward->wanted);
    steward->wants_keeping = steward->wants;
    steward->places_kept = steward->gossip.places;
    memcpy(steward->tickets_keeping, steward->tickets_wanted,
           worker->count * sizeof(*steward->tickets));
    steward->keep_sequence++;
    worker->ports.keep(worker->ports.self, buffer_bytes(&record), steward->keep_sequence);
    buffer_deinit(&record);
    if (MUTANT(view_forgotten)) {
        steward_on_kept(steward, steward->keep_sequence, 0);
    }
}

static void steward_include(struct steward *steward, uint64_t digest)
{
    steward->included[steward->included_next] = digest;
    steward->included_next = (steward->included_next + 1) % SNAPSHOT_INCLUDED;
}

static void steward_log_view(const struct view *view)
{
    const struct layout *newest = view_newest(view);
    char hash[2 * CRYPTO_HASH_BYTES + 1];
    text_hex(newest->key.hash.bytes, 4, hash);
    log_info("layout: in force", LOG_U64("version", newest->key.version), LOG_TEXT("hash", hash),
             LOG_U64("members", newest->member_count), LOG_U64("live_layouts", view->live_count),
             LOG_U64("read_version", view_read_layout(view)->key.version));
}

static bool steward_layouts_differ(const struct view *a, const struct view *b)
{
    return a == NULL || a->live_count != b->live_count || a->read_index != b->read_index ||
           layout_key_compare(&view_newest(a)->key, &view_newest(b)->key) != 0;
}

void steward_on_kept(struct steward *steward, uint64_t sequence, int code)
{
    if (sequence != steward->keep_sequence || !steward->keep_active) {
        return;
    }
    steward->keep_active = false;
    struct view *kept = steward->keeping;
    steward->keeping = NULL;
    if (code < 0) {
        log_error("node record: can't be written; what is new of the cluster is not acted on, and "
                  "tried again",
                  LOG_TEXT("cause", shoal_error_text(code)));
        steward->keep_needed = true;
        view_unref(kept);
        return;
    }
    for (uint32_t i = 0; i < steward->worker->count; i++) {
        if (steward->tickets_keeping[i] > steward->tickets[i]) {
            steward->tickets[i] = steward->tickets_keeping[i];
        }
    }
    steward->wants_kept = steward->wants_keeping;
    if (kept != NULL) {
        bool changed = steward->view == NULL || steward->view->digest != kept->digest;
        if (steward_layouts_differ(steward->view, kept)) {
            steward_log_view(kept);
        }
        if (changed && steward->view != NULL) {
            steward_include(steward, steward->view->digest);
        }
        view_unref(steward->view);
        steward->view = kept;
        if (changed) {
            steward->view_epoch = steward->epoch + 1;
        }
        join_on_kept(steward);
        steward_refresh_self(steward);
        (void)steward_note_standing(steward);
        steward_publish(steward);
        if (changed) {
            steward_push(steward);
        }
        change_on_kept(steward);
    }
    steward_step(steward);
    if (steward->keep_needed || steward->wanted != steward->view) {
        bool ahead = steward->wanted != NULL &&
                     (steward->view == NULL || steward->wanted->digest != steward->view->digest);
        if (steward->keep_needed || ahead) {
            steward_keep(steward);
        }
    }
}

int steward_want(struct steward *steward, struct view *view)
{
    struct view *joined;
    int result = view_join(steward->wanted, view, &joined);
    if (result < 0) {
        log_warning("layout: a view could not be joined",
                    LOG_TEXT("cause", shoal_error_text(result)));
        view_unref(view);
        return result;
    }
    if (joined->digest == steward->wanted->digest) {
        if (steward->view != NULL && steward->view->digest == joined->digest) {
            steward_include(steward, view->digest); /* nothing new: ours includes it */
        }
        view_unref(view);
        view_unref(joined);
        return 0;
    }
    view_unref(view);
    view_unref(steward->wanted);
    steward->wanted = joined;
    steward->wants++;
    steward_keep(steward);
    return 0;
}

void steward_replace(struct steward *steward, struct view *view)
{
    view_unref(steward->wanted);
    steward->wanted = view;
    steward->wants++;
    steward_keep(steward);
}

/* ---- trackers ---- */

bool steward_all_adopted(const struct steward *steward, uint64_t epoch)
{
    for (uint32_t i = 0; i < steward->worker->count; i++) {
        if (steward->tallies[i].epoch < epoch) {
            return false;
        }
    }
    return true;
}

static bool steward_all_synced(const struct steward *steward, const struct content_hash *target)
{
    for (uint32_t i = 0; i < steward->worker->count; i++) {
        if (!content_hash_equal(&steward->synced[i], target)) {
            return false;
        }
    }
    return true;
}

/* Sets the marks that have come true and commits what this node is due. */
void steward_step(struct steward *steward)
{
    if (steward->view == NULL || steward->keep_active ||
        steward->wanted->digest != steward->view->digest) {
        return;
    }
    const struct view *view = steward->view;
    uint32_t newest = view->live_count - 1;
    struct tracker_facts facts = {.self = steward->id};
    if (steward_all_adopted(steward, steward->view_epoch)) {
        facts.seen = view->live_count >= 64 ? UINT64_MAX : (UINT64_C(1) << view->live_count) - 1;
        if (steward_all_synced(steward, &view_newest(view)->key.hash)) {
            facts.synced = UINT64_C(1) << newest;
        }
    }
    struct view *next;
    int result = tracker_step(view, &facts, &next);
    if (result == 0) {
        (void)steward_want(steward, next);
        return;
    }
    commit_review(steward);
}

void steward_on_tally(struct steward *steward, uint32_t from, const struct worker_tally *tally,
                      bool adopted)
{
    (void)adopted;
    const struct worker_tally *before = &steward->tallies[from];
    bool news = before->storage != tally->storage ||
                (before->releasing > 0 && tally->releasing == 0) ||
                (before->pending > 0 && tally->pending == 0);
    steward->tallies[from] = *tally;
    join_on_tally(steward);
    news = steward_note_standing(steward) || news;
    if (news && steward->view != NULL && !steward->stopping) {
        steward_refresh_self(steward); /* others had better know at once */
        steward_publish(steward);
        steward_push(steward);
    }
    steward_step(steward);
}

void steward_on_synced(struct steward *steward, uint32_t from, const struct content_hash *target)
{
    steward->synced[from] = *target;
    steward_step(steward);
}

void steward_on_view(struct steward *steward, uint32_t from, uint64_t ticket, struct bytes view)
{
    ASSERT(ticket > steward->tickets_wanted[from]);
    steward->tickets_wanted[from] = ticket;
    const struct view *known[] = {steward->wanted, steward->view};
    uint32_t known_count = steward->view == NULL ? 1 : 2;
    struct view *decoded;
    if (steward->wanted == NULL || view_decode_any(view, known, known_count, &decoded) != 0 ||
        steward_want(steward, decoded) < 0) {
        steward->tickets_void[from] = ticket; /* who waits for it asks again */
        steward_publish(steward);
    } else if (steward->view != NULL && steward->wanted->digest == steward->view->digest) {
        steward->tickets[from] = ticket;
        steward_publish(steward);
    } else if (steward->keep_active && steward->tickets_keeping[from] < ticket) {
        steward->keep_needed = true; /* the keep under way may lack it */
    }
}
