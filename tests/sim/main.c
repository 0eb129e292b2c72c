/* shoal-sim: runs seeds in the simulator and says which of them break a promise. Whatever goes
 * wrong, be it an assertion of the core, a sanitizer's finding or a loop without end, the seed is
 * named together with the one command that replays it. */
#include "base/crypto.h"
#include "base/log.h"
#include "base/text.h"
#include "sim_run.h"
#include "sim_scale.h"

#include <argp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

/* Real seconds one seed may take before it counts as hanging. */
#define HANG_SECONDS 120u

#if defined(__SANITIZE_ADDRESS__)
#include <sanitizer/lsan_interface.h>
#endif

struct arguments {
    uint64_t first;
    uint64_t seeds;
    bool single;
    bool trace;
    bool quiet;
    bool stop;
    bool speed;
    bool elastic;
    bool readers;
    uint64_t scale;       /* nodes; 0: no */
    uint64_t twice_every; /* every so many seeds one is run twice */
    bool leaks;
};

static const char *program;
static uint64_t seed_running;
static const char *seed_kind = ""; /* the option that draws such seeds */
static bool drawn_with_readers;

enum {
    OPTION_SEED = 256,
    OPTION_SEEDS,
    OPTION_FIRST,
    OPTION_TRACE,
    OPTION_TWICE,
    OPTION_STOP,
    OPTION_SPEED,
    OPTION_ELASTIC,
    OPTION_READERS,
    OPTION_SCALE
};

static const struct argp_option options[] = {
    {"seeds", OPTION_SEEDS, "COUNT", 0, "Run so many seeds (100)", 0},
    {"first", OPTION_FIRST, "SEED", 0, "The first of them (1)", 0},
    {"seed", OPTION_SEED, "SEED", 0, "Run this one, twice, and compare the traces", 0},
    {"trace", OPTION_TRACE, NULL, 0, "Print every event of a single seed", 0},
    {"twice", OPTION_TWICE, "N", 0, "Run every Nth seed twice and compare (16; 0 is never)", 0},
    {"stop", OPTION_STOP, NULL, 0, "Stop at the first seed that fails", 0},
    {"speed", OPTION_SPEED, NULL, 0, "Run five healthy nodes with 100 requests a second instead",
     0},
    {"elastic", OPTION_ELASTIC, NULL, 0, "Change the membership all the time, in every seed", 0},
    {"readers", OPTION_READERS, NULL, 0,
     "Three readers of the live feed in every seed, and what they were told judged", 0},
    {"scale", OPTION_SCALE, "NODES", 0,
     "Measure how so many nodes take changes of their layout instead", 0},
    {"quiet", 'q', NULL, 0, "Print failures and one line at the end", 0},
    {0}};

static uint64_t number_of(const char *text, struct argp_state *state)
{
    uint64_t number;
    if (text_parse_u64(text, 0, UINT64_MAX, &number) != 0) {
        argp_error(state, "not a number: %s", text);
        return 0;
    }
    return number;
}

static error_t parse_option(int key, char *text, struct argp_state *state)
{
    struct arguments *arguments = state->input;
    switch (key) {
    case OPTION_SEEDS:
        arguments->seeds = number_of(text, state);
        return 0;
    case OPTION_FIRST:
        arguments->first = number_of(text, state);
        return 0;
    case OPTION_SEED:
        arguments->first = number_of(text, state);
        arguments->single = true;
        return 0;
    case OPTION_TRACE:
        arguments->trace = true;
        return 0;
    case OPTION_TWICE:
        arguments->twice_every = number_of(text, state);
        return 0;
    case OPTION_STOP:
        arguments->stop = true;
        return 0;
    case OPTION_SPEED:
        arguments->speed = true;
        arguments->seeds = 10;
        arguments->twice_every = 0;
        return 0;
    case OPTION_ELASTIC:
        arguments->elastic = true;
        return 0;
    case OPTION_READERS:
        arguments->readers = true;
        return 0;
    case OPTION_SCALE:
        arguments->scale = number_of(text, state);
        if (arguments->scale == 0 || arguments->scale > SIM_SCALE_NODES_MAX) {
            argp_error(state, "from 1 to %u nodes", SIM_SCALE_NODES_MAX);
        }
        return 0;
    case 'q':
        arguments->quiet = true;
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static const struct argp argp = {
    .options = options,
    .parser = parse_option,
    .doc = "Simulates clusters under faults, reproducibly from a seed.\v"
           "Exit status: 0 when all promises were kept, 1 when one was broken."};

/* ---- when the worst happens ---- */

/* Only calls that a signal handler may make. */
static void name_seed(void)
{
    char text[256];
    int len = snprintf(
        text, sizeof(text), "seed %llu did not survive; replay it with: %s%s --seed %llu --trace\n",
        (unsigned long long)seed_running, program, seed_kind, (unsigned long long)seed_running);
    ssize_t written = write(STDERR_FILENO, text, (size_t)len);
    (void)written;
}

static void on_signal(int number)
{
    name_seed();
    signal(number == SIGALRM ? SIGABRT : number, SIG_DFL);
    raise(number == SIGALRM ? SIGABRT : number);
}

/* On a stack of its own: a recursion without end leaves none. */
static void watch_signals(void)
{
    static uint8_t stack[64 * 1024];
    stack_t own = {.ss_sp = stack, .ss_size = sizeof(stack)};
    struct sigaction action = {.sa_handler = on_signal, .sa_flags = SA_ONSTACK};
    sigaltstack(&own, NULL);
    sigaction(SIGABRT, &action, NULL);
#if !defined(__SANITIZE_ADDRESS__)
    sigaction(SIGSEGV, &action, NULL); /* the sanitizer has its own, and calls the hook below */
#endif
    sigaction(SIGALRM, &action, NULL);
}

#if defined(__SANITIZE_ADDRESS__)
/* Called by the sanitizer. */
void __asan_on_error(void);
__attribute__((visibility("default"))) void __asan_on_error(void)
{
    name_seed();
}
#endif

static bool leaked(void)
{
#if defined(__SANITIZE_ADDRESS__)
    return __lsan_do_recoverable_leak_check() != 0;
#else
    return false;
#endif
}

static void discard_line(void *self, enum log_level level, struct bytes line)
{
    (void)self;
    (void)level;
    (void)line;
}

static void print_line(void *self, enum log_level level, struct bytes line)
{
    (void)level;
    fwrite(line.data, 1, line.len, self);
}

/* ---- seeds ---- */

static void replay_hint(uint64_t seed)
{
    printf("  replay: %s%s%s --seed %llu --trace\n", program, seed_kind,
           drawn_with_readers ? " --readers" : "", (unsigned long long)seed);
}

static bool run_seed(const struct arguments *arguments, uint64_t seed, struct sim_result *result)
{
    struct sim_options drawn;
    char text[512];
    seed_running = seed;
    alarm(HANG_SECONDS);
    if (arguments->speed) {
        sim_options_speed(&drawn, seed);
    } else if (arguments->elastic) {
        sim_options_elastic(&drawn, seed);
    } else {
        sim_options_random(&drawn, seed);
    }
    drawn.watchers = arguments->readers ? 3 : drawn.watchers;
    sim_options_print(&drawn, text, sizeof(text));
    if (arguments->trace) {
        printf("seed %llu: %s\n", (unsigned long long)seed, text);
    }
    sim_run(&drawn, arguments->trace ? stdout : NULL, result);
    bool twice = arguments->single
                     ? !arguments->trace
                     : arguments->twice_every > 0 && seed % arguments->twice_every == 0;
    if (twice) {
        struct sim_result again;
        sim_run(&drawn, NULL, &again);
        if (again.trace_hash != result->trace_hash || again.events != result->events) {
            sim_verdict_fail(
                &result->verdict, SIM_SAME_TRACE,
                "two runs of the seed differ: %llx after %llu events, %llx after %llu",
                (unsigned long long)result->trace_hash, (unsigned long long)result->events,
                (unsigned long long)again.trace_hash, (unsigned long long)again.events);
        }
    }
    if (arguments->leaks && leaked()) {
        sim_verdict_fail(&result->verdict, SIM_ROBUSTNESS, "memory was leaked");
    }
    alarm(0);
    if (result->verdict.broken) {
        printf("seed %llu breaks invariant %s\n  at %.6f s: %s\n  %s\n", (unsigned long long)seed,
               sim_invariant_text(result->verdict.invariant), (double)result->simulated_us / 1e6,
               result->verdict.text, text);
        replay_hint(seed);
        fflush(stdout);
    }
    return !result->verdict.broken;
}

/* ---- the summary ---- */

static void add_counts(struct sim_counts *total, const struct sim_counts *one)
{
    total->crashes += one->crashes;
    total->outages += one->outages;
    total->dooms += one->dooms;
    total->blackouts += one->blackouts;
    total->stops += one->stops;
    total->cleans += one->cleans;
    total->starts += one->starts;
    total->starts_ended += one->starts_ended;
    total->starts_failed += one->starts_failed;
    total->pauses += one->pauses;
    total->losses += one->losses;
    total->restores += one->restores;
    total->rots += one->rots;
    total->fulls += one->fulls;
    total->failures += one->failures;
    total->reverted_writes += one->reverted_writes;
    total->jobs += one->jobs;
    total->joins += one->joins;
    total->changes += one->changes;
    total->changes_refused += one->changes_refused;
    total->changes_unknown += one->changes_unknown;
    total->commits += one->commits;
    total->burials += one->burials;
    total->meetings += one->meetings;
    total->rescues += one->rescues;
    total->removals += one->removals;
    total->declared += one->declared;
    total->live_most = one->live_most > total->live_most ? one->live_most : total->live_most;
    total->partitions += one->partitions;
    total->breaks += one->breaks;
    total->clock_jumps += one->clock_jumps;
    total->store.compacted += one->store.compacted;
    total->store.scrubbed += one->store.scrubbed;
    total->store.damaged += one->store.damaged;
    total->requests += one->requests;
    total->orphaned += one->orphaned;
    total->converged += one->converged;
    total->converged_us += one->converged_us;
    if (one->converged_us_max > total->converged_us_max) {
        total->converged_us_max = one->converged_us_max;
    }
}

static void add(struct sim_result *total, const struct sim_result *one)
{
    add_counts(&total->counts, &one->counts);
    total->events += one->events;
    total->simulated_us += one->simulated_us;
    total->frames += one->frames;
    total->dropped += one->dropped;
    total->duplicated += one->duplicated;
    total->acked += one->acked;
    total->nothing += one->nothing;
    total->unknown += one->unknown;
    total->dots += one->dots;
    total->holdings_judged += one->holdings_judged;
    total->reads_judged += one->reads_judged;
    total->reads_strict += one->reads_strict;
    total->sibling_reads += one->sibling_reads;
    total->blind_judged += one->blind_judged;
    total->counters_judged += one->counters_judged;
    total->hinted += one->hinted;
    total->dropped_tombstones += one->dropped_tombstones;
}

#define LL(number) (unsigned long long)(number)

static void print_summary(const struct sim_result *total)
{
    printf("  requests %llu: writes acknowledged %llu, nothing applied %llu, unknown %llu; without "
           "answer %llu\n",
           LL(total->counts.requests), LL(total->acked), LL(total->nothing), LL(total->unknown),
           LL(total->counts.orphaned));
    printf("  judged: %llu dots, %llu holdings, %llu reads (%llu strict, %llu with siblings), %llu "
           "writes without context, %llu answers of counters\n",
           LL(total->dots), LL(total->holdings_judged), LL(total->reads_judged),
           LL(total->reads_strict), LL(total->sibling_reads), LL(total->blind_judged),
           LL(total->counters_judged));
    const struct sim_counts *counts = &total->counts;
    printf("  healing: %llu writes acknowledged with a fallback's help, %llu tombstones dropped; "
           "owners "
           "identical %.1f s after the rest has settled, at most %.1f s\n",
           LL(total->hinted), LL(total->dropped_tombstones),
           (double)counts->converged_us / 1e6 /
               (double)(counts->converged + (counts->converged == 0)),
           (double)counts->converged_us_max / 1e6);
    printf("  faults: %llu kills, %llu power losses (%llu ends in the middle of something), %llu "
           "blackouts, %llu stops (%llu proven clean), %llu pauses, %llu partitions, %llu breaks, "
           "%llu clock jumps, %llu joins\n",
           LL(counts->crashes - counts->outages), LL(counts->outages), LL(counts->dooms),
           LL(counts->blackouts), LL(counts->stops), LL(counts->cleans), LL(counts->pauses),
           LL(counts->partitions), LL(counts->breaks), LL(counts->clock_jumps), LL(counts->joins));
    printf(
        "  membership: %llu changes (%llu committed at once), %llu refused, %llu of unknown "
        "outcome; "
        "%llu nodes died for good, %llu removed by force, %llu partitions declared; %llu meetings, "
        "%llu rescues; at most %llu layouts live\n",
        LL(counts->changes), LL(counts->commits), LL(counts->changes_refused),
        LL(counts->changes_unknown), LL(counts->burials), LL(counts->removals),
        LL(counts->declared), LL(counts->meetings), LL(counts->rescues), LL(counts->live_most));
    printf("  engines: %llu segments compacted, %llu scrubbed, %llu discoveries of damage\n",
           LL(counts->store.compacted), LL(counts->store.scrubbed), LL(counts->store.damaged));
    printf(
        "  disks: %llu jobs, %llu changes undone; amnesia %llu times, %llu old copies put back, "
        "rotten %llu times, %llu times full, %llu times failing; %llu starts, %llu of them ended "
        "at once, %llu refused\n",
        LL(counts->jobs), LL(counts->reverted_writes), LL(counts->losses), LL(counts->restores),
        LL(counts->rots), LL(counts->fulls), LL(counts->failures), LL(counts->starts),
        LL(counts->starts_ended), LL(counts->starts_failed));
    printf("  frames: %llu, %llu dropped, %llu doubled; events %llu\n", LL(total->frames),
           LL(total->dropped), LL(total->duplicated), LL(total->events));
}

static int run_all(const struct arguments *arguments)
{
    struct sim_result total = {0};
    uint64_t failed = 0;
    uint64_t run = 0;
    clock_t began = clock();
    for (; run < arguments->seeds; run++) {
        struct sim_result result;
        bool good = run_seed(arguments, arguments->first + run, &result);
        add(&total, &result);
        failed += !good;
        if (!good && arguments->stop) {
            run++;
            break;
        }
    }
    double cpu_s = (double)(clock() - began) / CLOCKS_PER_SEC;
    double simulated_s = (double)total.simulated_us / 1e6;
    printf("%llu seeds from %llu, %llu failed; %.0f simulated seconds in %.1f CPU seconds (%.0f a "
           "second)\n",
           LL(run), LL(arguments->first), LL(failed), simulated_s, cpu_s,
           cpu_s > 0 ? simulated_s / cpu_s : 0.0);
    if (!arguments->quiet) {
        print_summary(&total);
    }
    return failed > 0;
}

int main(int argc, char **argv)
{
    struct arguments arguments = {.first = 1, .seeds = 100, .twice_every = 16, .leaks = true};
    program = argv[0];
    if (argp_parse(&argp, argc, argv, 0, NULL, &arguments) != 0) {
        return 2;
    }
    drawn_with_readers = arguments.readers;
    seed_kind = arguments.elastic ? " --elastic" : arguments.speed ? " --speed" : "";
    if (arguments.single) {
        arguments.seeds = 1;
    } else {
        arguments.trace = false;
    }
    if (crypto_init() != 0) {
        fprintf(stderr, "no cryptography\n");
        return 2;
    }
    log_configure(arguments.trace ? LOG_DEBUG : LOG_ERROR, LOG_FORMAT_TEXT, NULL,
                  arguments.trace ? print_line : discard_line, stdout);
    if (arguments.scale > 0) {
        return sim_scale((uint32_t)arguments.scale, arguments.first, stdout) ? 0 : 1;
    }
    watch_signals();
    return run_all(&arguments);
}
