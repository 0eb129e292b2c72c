/* A load at a fixed rate, through libshoal, for benchmarks of what disturbs it. Requests begin when
 * they are due, whether or not earlier ones have been answered, and are timed from when they were
 * due: a server that stalls can't hide it by being asked less (Tene's "coordinated omission").
 *
 * Usage: paced-load HOST:PORT,... RATE KEYS VALUE_BYTES PUT_PERCENT
 *
 * The keys are "key:000000000000" and so on. For each line on its input it prints what there was
 * since the line before, one line of JSON; at the end of its input it ends. */
#include "base/histogram.h"
#include "base/random.h"
#include "shoal/client.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define TICK_US 500
#define IN_FLIGHT_MAX 4096u
#define VALUE_BYTES_MAX (1u << 20)

struct load {
    struct event_base *base;
    struct shoal_client *client;
    struct random random;
    uint64_t rate;
    uint64_t keys;
    uint64_t put_percent;
    size_t value_bytes;
    char *value;
    uint64_t begun_ns;
    uint64_t due; /* requests begun, or given up because too many were in flight */
    uint32_t in_flight;
    struct histogram latencies; /* in nanoseconds */
    uint64_t errors;
    uint64_t late; /* given up */
    char last_error[200];
    uint64_t since_ns;
};

struct timed {
    struct load *load;
    uint64_t due_ns;
};

static uint64_t now_ns(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

static void on_done(struct shoal_client *client, const struct shoal_result *result, void *user)
{
    struct timed *timed = user;
    struct load *load = timed->load;
    (void)client;
    load->in_flight--;
    if (result->code == 0 || result->code == SHOAL_ENOTFOUND) {
        histogram_record(&load->latencies, now_ns() - timed->due_ns);
    } else {
        load->errors++;
        (void)snprintf(load->last_error, sizeof(load->last_error), "%s", result->text);
    }
    free(timed);
}

static void begin_one(struct load *load, uint64_t due_ns)
{
    struct timed *timed = malloc(sizeof(*timed));
    char key[32];
    int result = SHOAL_ENOMEM;
    (void)snprintf(key, sizeof(key), "key:%012llu",
                   (unsigned long long)random_below(&load->random, load->keys));
    if (timed != NULL) {
        *timed = (struct timed){.load = load, .due_ns = due_ns};
        bool put = random_below(&load->random, 100) < load->put_percent;
        struct shoal_bytes value = shoal_bytes(load->value, load->value_bytes);
        result = put ? shoal_put_start(load->client, shoal_text(key), value, NULL, on_done, timed)
                     : shoal_get_start(load->client, shoal_text(key), NULL, on_done, timed);
    }
    if (result < 0) {
        free(timed);
        load->errors++;
    } else {
        load->in_flight++;
    }
}

static void on_tick(evutil_socket_t fd, short what, void *user)
{
    struct load *load = user;
    (void)fd;
    (void)what;
    uint64_t passed_ns = now_ns() - load->begun_ns;
    uint64_t due = passed_ns / 1000 * load->rate / 1000000;
    for (; load->due < due; load->due++) {
        if (load->in_flight >= IN_FLIGHT_MAX) {
            load->late++;
        } else {
            begin_one(load, load->begun_ns + load->due * 1000000000 / load->rate);
        }
    }
}

static double milliseconds(const struct load *load, double quantile)
{
    return (double)histogram_quantile(&load->latencies, quantile) / 1e6;
}

static void report(struct load *load)
{
    uint64_t now = now_ns();
    printf(
        "{\"seconds\": %.3f, \"done\": %llu, \"errors\": %llu, \"late\": %llu, \"p50_ms\": %.3f, "
        "\"p90_ms\": %.3f, \"p99_ms\": %.3f, \"max_ms\": %.3f}\n",
        (double)(now - load->since_ns) / 1e9, (unsigned long long)load->latencies.count,
        (unsigned long long)load->errors, (unsigned long long)load->late, milliseconds(load, 0.5),
        milliseconds(load, 0.9), milliseconds(load, 0.99), milliseconds(load, 1));
    (void)fflush(stdout);
    if (load->errors > 0) {
        (void)fprintf(stderr, "paced-load: %llu failed, the last: %s\n",
                      (unsigned long long)load->errors, load->last_error);
    }
    histogram_init(&load->latencies);
    load->errors = 0;
    load->late = 0;
    load->since_ns = now;
}

static void on_input(evutil_socket_t fd, short what, void *user)
{
    struct load *load = user;
    char bytes[256];
    (void)what;
    ssize_t count = read((int)fd, bytes, sizeof(bytes));
    for (ssize_t i = 0; i < count; i++) {
        if (bytes[i] == '\n') {
            report(load);
        }
    }
    if (count <= 0) {
        (void)event_base_loopbreak(load->base);
    }
}

static int run(struct load *load, const char *hosts)
{
    struct shoal_config config = {.hosts = hosts, .name = "paced-load", .refresh_ms = 1000};
    struct timeval tick = {.tv_usec = TICK_US};
    struct event_config *precise = event_config_new();
    if (precise == NULL || event_config_set_flag(precise, EVENT_BASE_FLAG_PRECISE_TIMER) < 0) {
        return 1;
    }
    load->base = event_base_new_with_config(precise);
    event_config_free(precise);
    load->value = calloc(1, load->value_bytes + 1);
    if (load->base == NULL || load->value == NULL ||
        shoal_client_new(&config, load->base, &load->client) < 0) {
        return 1;
    }
    struct event *ticks = event_new(load->base, -1, EV_PERSIST, on_tick, load);
    struct event *input = event_new(load->base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, load);
    if (ticks == NULL || input == NULL || event_add(ticks, &tick) < 0 ||
        event_add(input, NULL) < 0) {
        return 1;
    }
    load->begun_ns = load->since_ns = now_ns();
    (void)event_base_dispatch(load->base);
    event_free(ticks);
    event_free(input);
    shoal_client_free(load->client);
    event_base_free(load->base);
    free(load->value);
    return 0;
}

int main(int argc, char **argv)
{
    static struct load load;
    if (argc != 6) {
        (void)fprintf(stderr, "Usage: %s HOSTS RATE KEYS VALUE_BYTES PUT_PERCENT\n", argv[0]);
        return 2;
    }
    load.rate = strtoull(argv[2], NULL, 10);
    load.keys = strtoull(argv[3], NULL, 10);
    load.value_bytes = strtoull(argv[4], NULL, 10);
    load.put_percent = strtoull(argv[5], NULL, 10);
    random_init(&load.random, 42);
    histogram_init(&load.latencies);
    if (load.rate == 0 || load.keys == 0 || load.value_bytes > VALUE_BYTES_MAX) {
        (void)fprintf(stderr, "paced-load: a rate and keys are needed\n");
        return 2;
    }
    return run(&load, argv[1]);
}
