/* How fast repair may move data: as fast as it can while nobody else is served, and so that the
 * 99th percentile of the requests' latency at most about doubles while somebody is. The rate is
 * halved where latency is over that mark and grows by a quarter where it is not (additive increase
 * would take minutes from one megabyte a second to the disk's speed); what was moved is a debt that
 * the rate pays off. (Compare LEDBAT, RFC 6817: a background sender that yields by delay.) */
#ifndef REPAIR_PACE_H
#define REPAIR_PACE_H

#include <stdbool.h>
#include <stdint.h>

#define PACE_BUCKETS 160u /* of latency: four an octave */

#define PACE_RATE_MIN (UINT64_C(1) << 20)   /* bytes a second */
#define PACE_RATE_MAX (UINT64_C(512) << 20) /* beyond it there is no bound */
#define PACE_INTERVAL_US UINT64_C(100000)   /* latencies are judged so often, ... */
#define PACE_SAMPLES_MIN 20u                /* ... if there were so many requests; ... */
#define PACE_QUIET_US UINT64_C(1000000)     /* fewer in so long are nobody */
#define PACE_LATENCY_US_MIN UINT64_C(1000)  /* below this it doesn't matter */

/* A page holds its worker up while it is put together or taken. */
#define PACE_PAGE_BYTES_MAX (UINT64_C(1) << 20)     /* nobody is served */
#define PACE_PAGE_BYTES_SERVING (UINT64_C(1) << 18) /* somebody is */
#define PACE_PAGE_BYTES_MIN (UINT64_C(1) << 15)

struct pace {
    uint32_t buckets[PACE_BUCKETS]; /* of this interval */
    uint32_t samples;
    uint64_t since_us;      /* when it began; 0: not yet */
    uint64_t moved;         /* bytes in it */
    bool serving;           /* somebody was served in the interval before */
    uint64_t baseline_us;   /* the 99th percentile while nothing is moved; 0: not known */
    uint64_t rate;          /* bytes a second; 0: no bound */
    uint64_t owed;          /* bytes moved that the rate has not paid off yet */
    uint64_t paid_until_us; /* up to here it has */
};

void pace_init(struct pace *pace);

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
