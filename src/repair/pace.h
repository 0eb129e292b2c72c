/* How fast repair may move data: as fast as it can while nobody else is served, and so that the
 * 99th percentile of the requests' latency at most doubles while somebody is. What it was without
 * repair is the baseline; of the requests that are answered meanwhile, one in a hundred may have
 * taken more than twice as long. When that is spent the rate is halved, and the rate that was too
 * much is approached again ever more slowly (compare LEDBAT, RFC 6817, a background sender that
 * yields by delay, and BIC's search for the rate that is still borne). What was moved is a debt
 * that the rate pays off.
 *
 * Counting slow requests rather than comparing percentiles of short intervals: the percentile of
 * the twenty requests of a tenth of a second is their slowest, which is noise. */
#ifndef REPAIR_PACE_H
#define REPAIR_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_BUCKETS 160u /* of latency: four an octave */

#define PACE_RATE_MIN (UINT64_C(3) << 20) /* bytes a second */
#define PACE_RATE_MAX (UINT64_C(512) << 20)
#define PACE_INTERVAL_US UINT64_C(100000)  /* the rate is judged so often, ... */
#define PACE_SAMPLES_MIN 20u               /* ... if there were so many requests; ... */
#define PACE_QUIET_US UINT64_C(1000000)    /* fewer in so long are nobody */
#define PACE_LATENCY_US_MIN UINT64_C(1000) /* below this it doesn't matter */

#define PACE_SLOW_PART 100u      /* one request in so many may be slow */
#define PACE_CREDIT_US_MAX 10000 /* of slow requests saved up, in all requests' time, and owed */
#define PACE_WINDOW_SAMPLES 200u /* the baseline is made of windows of so many requests ... */
#define PACE_WINDOW_US UINT64_C(1000000) /* ... and so long; ... */
#define PACE_WINDOWS_FIRST 3u            /* ... known after so many */
#define PACE_CALM_US UINT64_C(3000000)   /* nothing was moved here for so long before */
#define PACE_REST_US UINT64_C(700000)    /* nothing is moved, to see whether it is repair */
#define PACE_STRIDE_US UINT64_C(1000000) /* it moves on for so long before it rests again */

/* A page holds its worker up while it is put together or taken. */
#define PACE_PAGE_BYTES_MAX (UINT64_C(1) << 20)     /* nobody is served */
#define PACE_PAGE_BYTES_SERVING (UINT64_C(1) << 16) /* somebody is */
#define PACE_PAGE_BYTES_MIN (UINT64_C(1) << 15)

struct pace_latencies {
    uint32_t buckets[PACE_BUCKETS];
    uint32_t samples;
    uint64_t length_us;
};

struct pace {
    struct pace_latencies interval;
    uint64_t since_us; /* when the interval began; 0: not yet */
    uint32_t slow;     /* requests in it over the mark */
    uint64_t moved;    /* bytes in it */
    bool serving;      /* somebody was served in the interval before */
    bool disturbed;    /* others move data as well */

    struct pace_latencies window; /* while nothing moves */
    uint32_t windows;             /* that were, up to PACE_WINDOWS_FIRST */
    uint64_t baseline_us;         /* the 99th percentile of a window; 0: not known */
    uint64_t moved_at_us;         /* last */

    uint64_t rate;          /* bytes a second; 0: no bound */
    uint64_t ceiling;       /* the rate that was too much last; 0: not known */
    int64_t credit_us;      /* of slow requests; below 0: there were too many */
    uint64_t rest_until_us; /* 0: it does not rest */
    uint64_t rested_at_us;
    uint32_t rest_samples;
    uint32_t rest_slow;
    uint64_t owed;          /* bytes moved that the rate has not paid off yet */
    uint64_t paid_until_us; /* up to here it has */
};

void pace_init(struct pace *pace);

/* Data moves between other nodes, too, as the layout changes: what latency is now says nothing of
 * what it is without repair. */
void pace_disturb(struct pace *pace, bool disturbed);

/* A request of the foreground was answered after so long. */
void pace_served(struct pace *pace, uint64_t now_us, uint64_t latency_us);

/* So many bytes at a time. */
uint64_t pace_page_bytes(struct pace *pace, uint64_t now_us);

/* So many bytes will be moved: they are owed from now on. */
void pace_asked(struct pace *pace, uint64_t bytes);

/* So many bytes were moved, of which so many were asked for before. */
void pace_came(struct pace *pace, uint64_t now_us, uint64_t bytes, uint64_t asked);

/* The same of what nobody asked for. */
static inline void pace_moved(struct pace *pace, uint64_t now_us, uint64_t bytes)
{
    pace_came(pace, now_us, bytes, 0);
}

/* 0: move on; else how long to wait before asking again. */
uint64_t pace_wait_us(struct pace *pace, uint64_t now_us);

#endif
