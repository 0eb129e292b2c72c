#include "sim_feed.h"

#include "base/assert.h"
#include "shoal/error.h"

#define LANE_BYTES (512u * 1024u)

void sim_feed_init(struct sim_feed *feed, const struct sim_store_options *options, uint64_t seed)
{
    *feed = (struct sim_feed){0};
    random_init(&feed->random, seed);
    if (options->kind == SIM_STORE_LOG) {
        feed->disk = model_disk_new(random_u64(&feed->random));
    }
}

void sim_feed_deinit(struct sim_feed *feed)
{
    ASSERT(feed->tails == NULL);
    model_disk_free(feed->disk);
    model_disk_free(feed->copy);
    feed->disk = NULL;
    feed->copy = NULL;
}

static uint64_t draw(void *self)
{
    struct sim_feed *feed = self;
    return random_u64(&feed->random);
}

int sim_feed_open(struct sim_feed *feed, uint32_t workers, const struct offload *offloads,
                  bool anew)
{
    struct tail_set_options options = {
        .disk = feed->disk == NULL ? NULL : model_disk_port(feed->disk),
        .workers = workers,
        .offloads = offloads,
        .bytes_max = (uint64_t)workers * LANE_BYTES,
        .anew = anew,
        .random = draw,
        .random_self = feed,
    };
    return tail_set_open(&options, &feed->tails);
}

void sim_feed_close(struct sim_feed *feed, bool clean)
{
    tail_set_close(feed->tails, clean);
    feed->tails = NULL;
}

static void note_outage(struct sim_feed *feed, uint64_t now_us)
{
    if (feed->outage_count == SIM_FEED_OUTAGES_MAX) {
        feed->failed = true;
    } else {
        feed->outages_us[feed->outage_count++] = now_us;
    }
}

bool sim_feed_may_lose(const struct sim_feed *feed, uint64_t begun_us, uint64_t ended_us)
{
    bool lost = feed->failed;
    for (uint32_t i = 0; i < feed->outage_count; i++) {
        lost = lost || (feed->outages_us[i] >= begun_us &&
                        feed->outages_us[i] <= ended_us + SIM_FEED_SYNC_US);
    }
    return lost;
}

void sim_feed_end(struct sim_feed *feed, enum sim_exit how, uint64_t now_us)
{
    static const enum model_crash outages[] = {MODEL_POWER_ANY, MODEL_POWER_ORDERED,
                                               MODEL_POWER_DROP, MODEL_POWER_KEEP};
    if (feed->disk != NULL) {
        enum model_crash crash = MODEL_KILL;
        if (how == SIM_EXIT_POWER) {
            note_outage(feed, now_us);
            crash = outages[random_below(&feed->random, sizeof(outages) / sizeof(outages[0]))];
        }
        model_disk_crash(feed->disk, &feed->random, crash);
    }
}

void sim_feed_freeze(struct sim_feed *feed)
{
    if (feed->disk != NULL) {
        model_disk_stop(feed->disk);
    }
}

void sim_feed_wipe(struct sim_feed *feed)
{
    if (feed->disk != NULL) {
        model_disk_wipe(feed->disk);
    }
}

void sim_feed_copy_aside(struct sim_feed *feed)
{
    if (feed->disk != NULL) {
        model_disk_free(feed->copy);
        feed->copy = model_disk_copy(feed->disk, random_u64(&feed->random));
    }
}

void sim_feed_put_back(struct sim_feed *feed)
{
    if (feed->copy != NULL) {
        model_disk_free(feed->disk);
        feed->disk = feed->copy;
        feed->copy = NULL;
    }
}

void sim_feed_break(struct sim_feed *feed)
{
    struct model_fault fault = {.calls = random_chance(&feed->random, 0.5) ? MODEL_ALL : MODEL_SYNC,
                                .nth = 1 + random_below(&feed->random, 10),
                                .lasting = random_chance(&feed->random, 0.3),
                                .code = SHOAL_EIO};
    if (feed->disk != NULL) {
        model_disk_mend(feed->disk);
        model_disk_fault(feed->disk, &fault);
        feed->failed = true;
    }
}

void sim_feed_mend(struct sim_feed *feed)
{
    if (feed->disk != NULL) {
        model_disk_mend(feed->disk);
    }
}
