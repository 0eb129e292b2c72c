/* What views cost a large cluster: one mark, one join, encoding, decoding, a tracker's step; with
 * one live layout and while a node joins.
 *
 *      bench_view [PARTITIONS [MEMBERS]]
 */
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include "member/tracker.h"
#include "ring/view.h"
#include "support/ring_history.h"

#define ROUNDS 100u

static double now_us(void)
{
    struct timespec now;
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec * 1e6 + (double)now.tv_nsec / 1e3;
}

static void need(bool fact, const char *what)
{
    if (!fact) {
        fprintf(stderr, "bench_view: %s\n", what);
        exit(1);
    }
}

static void print(const char *what, double began)
{
    printf("  %-28s %9.1f CPU us\n", what, (now_us() - began) / ROUNDS);
}

static void measure_codec(const struct view *view)
{
    struct buffer buffer;
    buffer_init(&buffer, 0);
    double began = now_us();
    for (uint32_t i = 0; i < ROUNDS; i++) {
        buffer_clear(&buffer);
        need(view_encode(view, &buffer) == 0, "encoding failed");
    }
    print("encode", began);
    printf("  %-28s %9zu bytes\n", "a view takes", buffer.len);
    began = now_us();
    for (uint32_t i = 0; i < ROUNDS; i++) {
        struct view *decoded = NULL;
        need(view_decode(buffer_bytes(&buffer), &decoded) == 0, "decoding failed");
        view_unref(decoded);
    }
    print("decode", began);
    buffer_deinit(&buffer);
}

/* The same view with one mark of the newest layout at each of two nodes, and their join. */
static void measure_join(const struct view *view)
{
    struct layout_key newest = view_newest(view)->key;
    struct view *a = NULL;
    struct view *b = NULL;
    double began = now_us();
    for (uint32_t i = 0; i < ROUNDS; i++) {
        view_unref(a);
        need(view_with_mark(view, &newest, MARK_SEEN, view->counted[0], &a) >= 0, "no mark");
    }
    print("mark", began);
    need(view_with_mark(view, &newest, MARK_SEEN, view->counted[1], &b) >= 0, "no mark");
    began = now_us();
    for (uint32_t i = 0; i < ROUNDS; i++) {
        struct view *joined = NULL;
        need(view_join(a, b, &joined) == 0, "no join");
        view_unref(joined);
    }
    print("join", began);
    began = now_us();
    for (uint32_t i = 0; i < ROUNDS; i++) {
        struct view *joined = NULL;
        need(view_join(a, a, &joined) == 0, "no join");
        view_unref(joined);
    }
    print("join of equal views", began);
    view_unref(a);
    view_unref(b);
}

static void measure_tracker(const struct view *view)
{
    struct tracker_facts facts = {.self = view->counted[view->counted_count / 2], .seen = 3};
    double began = now_us();
    for (uint32_t i = 0; i < ROUNDS; i++) {
        struct view *next = NULL;
        int r = tracker_step(view, &facts, &next);
        need(r >= 0, "the tracker failed");
        if (r == 0) {
            view_unref(next);
        }
    }
    print("a tracker's step", began);
}

static void measure(const char *what, const struct view *view)
{
    printf("%s\n", what);
    measure_join(view);
    measure_tracker(view);
    measure_codec(view);
}

/* All members at once, marked by as many as may be without a step each. */
static struct view *cluster(uint32_t partitions, uint32_t members)
{
    struct cluster_facts facts = ring_facts(partitions, 3, 2, 2);
    double began = now_us();
    struct view *view = ring_view_of(&facts, members);
    printf("%u partitions, %u members (made in %.1f s)\n", partitions, members,
           (now_us() - began) / 1e6);
    return view;
}

int main(int argc, char **argv)
{
    uint32_t partitions = argc > 1 ? (uint32_t)strtoul(argv[1], NULL, 10) : 4096;
    uint32_t members = argc > 2 ? (uint32_t)strtoul(argv[2], NULL, 10) : 1000;
    struct view *view = cluster(partitions, members);
    struct role joiner = ring_role(members + 1, ROLE_IN);
    measure("one live layout", view);
    view = ring_view_commit(view, &joiner);
    for (uint32_t i = 0; i < view->counted_count; i++) {
        struct view *next;
        need(view_with_mark(view, &view_newest(view)->key, MARK_SYNCED, view->counted[i], &next) ==
                 0,
             "no mark");
        view_unref(view);
        view = next;
    }
    measure("while a node joins, all marked once", view);
    view_unref(view);
    return 0;
}
