/* The users of a cluster in which something goes wrong: several clients of libshoal, each asking at
 * a fixed rate, every request told one by one. Requests begin when they are due whether or not
 * earlier ones have been answered, and are timed from when they were due, so that a stall can't
 * hide behind questions that were never asked (Tene's "coordinated omission"). A request that fails
 * is made once more, at once, as a simple application would.
 *
 * Usage: timed-load FILE HOSTS CLIENTS RATE KEYS VALUE_BYTES PUT_PERCENT SEED
 *
 * HOSTS are HOST:PORT,...; client i begins with the i-th. Keys are "key:000000000000" and so on. It
 * says "begun" on its output when all clients have had an answer, asks until its input ends, waits
 * for what is in flight, and writes to FILE one line a request: client, operation (p or g), due
 * and done (microseconds of the monotonic clock), attempts, the codes of the first and of the last.
 */
#include "base/random.h"
#include "shoal/client.h"

#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#define TICK_US 500
#define CLIENTS_MAX 64u
#define HOSTS_MAX 16u
#define HOSTS_BYTES 1024u
#define VALUE_BYTES_MAX (1u << 20)
#define IN_FLIGHT_MAX 60000u /* a client; more are told as refused */
#define PATIENCE_S 20        /* for what is in flight at the end */

struct user {
    struct load *load;
    struct shoal_client *client;
    uint32_t number;
    uint32_t in_flight;
};

struct told {
    uint64_t due_us;
    uint64_t done_us; /* 0: never */
    struct user *user;
    int first_code;
    int code;
    uint64_t key;
    uint32_t attempts;
    bool put;
};

/* Requests are kept in blocks, so that they stay where they are. */
#define BLOCK_TOLD 8192u
#define BLOCKS_MAX 4096u

struct load {
    struct event_base *base;
    struct user users[CLIENTS_MAX];
    uint32_t user_count;
    struct random random;
    uint64_t rate;
    uint64_t keys;
    uint64_t put_percent;
    size_t value_bytes;
    char *value;
    uint64_t begun_us;
    uint64_t due;
    uint64_t in_flight;
    uint32_t ready_count; /* clients that have had an answer */
    bool ending;
    struct told *blocks[BLOCKS_MAX];
    uint64_t told_count;
};

static uint64_t now_us(void)
{
    struct timespec now = {0};
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static struct told *told_at(struct load *load, uint64_t number)
{
    return &load->blocks[number / BLOCK_TOLD][number % BLOCK_TOLD];
}

static struct told *told_new(struct load *load)
{
    uint64_t block = load->told_count / BLOCK_TOLD;
    if (block >= BLOCKS_MAX) {
        return NULL;
    }
    if (load->blocks[block] == NULL) {
        load->blocks[block] = calloc(BLOCK_TOLD, sizeof(struct told));
    }
    return load->blocks[block] == NULL ? NULL : told_at(load, load->told_count++);
}

/* ---- requests -------------------------------------------------------------------------------- */

static void ask(struct told *told);

static void end(struct told *told, int code)
{
    struct load *load = told->user->load;
    told->code = code;
    told->done_us = now_us();
    load->in_flight--;
    told->user->in_flight--;
    if (load->ending && load->in_flight == 0) {
        (void)event_base_loopbreak(load->base);
    }
}

static void on_done(struct shoal_client *client, const struct shoal_result *result, void *user)
{
    struct told *told = user;
    (void)client;
    int code = result->code == SHOAL_ENOTFOUND ? 0 : result->code;
    if (code != 0 && told->attempts == 1) {
        told->first_code = code;
        ask(told);
        return;
    }
    end(told, code);
}

static void ask(struct told *told)
{
    struct load *load = told->user->load;
    char key[32];
    (void)snprintf(key, sizeof(key), "key:%012llu", (unsigned long long)told->key);
    told->attempts++;
    struct shoal_bytes value = shoal_bytes(load->value, load->value_bytes);
    int result =
        told->put ? shoal_put_start(told->user->client, shoal_text(key), value, NULL, on_done, told)
                  : shoal_get_start(told->user->client, shoal_text(key), NULL, on_done, told);
    if (result < 0) {
        end(told, result);
    }
}

static void begin_one(struct load *load, uint64_t due_us)
{
    struct told *told = told_new(load);
    if (told == NULL) {
        (void)fprintf(stderr, "timed-load: no memory for another request\n");
        exit(1);
    }
    told->user = &load->users[load->due % load->user_count];
    told->due_us = due_us;
    told->key = random_below(&load->random, load->keys);
    told->put = random_below(&load->random, 100) < load->put_percent;
    load->in_flight++;
    told->user->in_flight++;
    if (told->user->in_flight > IN_FLIGHT_MAX) {
        end(told, SHOAL_EOVERLOAD);
    } else {
        ask(told);
    }
}

static void on_tick(evutil_socket_t fd, short what, void *user)
{
    struct load *load = user;
    (void)fd;
    (void)what;
    if (load->begun_us == 0 || load->ending) {
        return;
    }
    uint64_t due = (now_us() - load->begun_us) * load->rate / 1000000;
    for (; load->due < due; load->due++) {
        begin_one(load, load->begun_us + load->due * 1000000 / load->rate);
    }
}

/* ---- the beginning and the end --------------------------------------------------------------- */

static void on_first(struct shoal_client *client, const struct shoal_result *result, void *user)
{
    struct load *load = user;
    (void)client;
    if (result->code != 0 && result->code != SHOAL_ENOTFOUND) {
        (void)fprintf(stderr, "timed-load: %s\n", result->text);
        exit(1);
    }
    load->ready_count++;
    if (load->ready_count == load->user_count) {
        load->begun_us = now_us();
        (void)printf("begun\n");
        (void)fflush(stdout);
    }
}

static void on_patience_up(evutil_socket_t fd, short what, void *user)
{
    struct load *load = user;
    (void)fd;
    (void)what;
    (void)event_base_loopbreak(load->base);
}

static void on_input(evutil_socket_t fd, short what, void *user)
{
    static const struct timeval patience = {.tv_sec = PATIENCE_S};
    struct load *load = user;
    char bytes[256];
    (void)what;
    if (read((int)fd, bytes, sizeof(bytes)) > 0 || load->ending) {
        return;
    }
    load->ending = true;
    if (load->in_flight == 0) {
        (void)event_base_loopbreak(load->base);
    }
    (void)event_base_once(load->base, -1, EV_TIMEOUT, on_patience_up, load, &patience);
}

/* The hosts beginning with the `first`-th. */
static void rotate_hosts(const char *hosts, uint32_t first, char *out)
{
    char copy[HOSTS_BYTES];
    const char *each[HOSTS_MAX];
    uint32_t count = 0;
    char *rest = NULL;
    (void)snprintf(copy, sizeof(copy), "%s", hosts);
    for (char *host = strtok_r(copy, ",", &rest); host != NULL && count < HOSTS_MAX;
         host = strtok_r(NULL, ",", &rest)) {
        each[count++] = host;
    }
    out[0] = '\0';
    for (uint32_t i = 0; i < count; i++) {
        size_t used = strlen(out);
        (void)snprintf(out + used, HOSTS_BYTES - used, "%s%s", i == 0 ? "" : ",",
                       each[(first + i) % count]);
    }
}

static int open_users(struct load *load, const char *hosts)
{
    for (uint32_t i = 0; i < load->user_count; i++) {
        char rotated[HOSTS_BYTES];
        struct user *user = &load->users[i];
        rotate_hosts(hosts, i, rotated);
        const struct shoal_config config = {.hosts = rotated, .name = "timed-load"};
        *user = (struct user){.load = load, .number = i};
        int result = shoal_client_new(&config, load->base, &user->client);
        if (result == 0) {
            result = shoal_get_start(user->client, shoal_text("key:0"), NULL, on_first, load);
        }
        if (result < 0) {
            return result;
        }
    }
    return 0;
}

static int write_told(struct load *load, const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        perror(path);
        return 1;
    }
    for (uint64_t i = 0; i < load->told_count; i++) {
        const struct told *told = told_at(load, i);
        (void)fprintf(file, "%u %c %llu %llu %u %d %d\n", told->user->number, told->put ? 'p' : 'g',
                      (unsigned long long)told->due_us, (unsigned long long)told->done_us,
                      told->attempts, told->first_code, told->code);
    }
    return fclose(file) == 0 ? 0 : 1;
}

static struct event_base *precise_base(void)
{
    struct event_config *precise = event_config_new();
    struct event_base *base = NULL;
    if (precise != NULL && event_config_set_flag(precise, EVENT_BASE_FLAG_PRECISE_TIMER) == 0) {
        base = event_base_new_with_config(precise);
    }
    if (precise != NULL) {
        event_config_free(precise);
    }
    return base;
}

static int run(struct load *load, const char *path, const char *hosts)
{
    static const struct timeval tick = {.tv_usec = TICK_US};
    load->base = precise_base();
    load->value = calloc(1, load->value_bytes + 1);
    if (load->base == NULL || load->value == NULL) {
        return 1;
    }
    for (size_t i = 0; i < load->value_bytes; i++) {
        load->value[i] = (char)random_below(&load->random, 256); /* nothing to compress */
    }
    struct event *ticks = event_new(load->base, -1, EV_PERSIST, on_tick, load);
    struct event *input = event_new(load->base, STDIN_FILENO, EV_READ | EV_PERSIST, on_input, load);
    if (ticks == NULL || input == NULL || event_add(ticks, &tick) < 0 ||
        event_add(input, NULL) < 0 || open_users(load, hosts) < 0) {
        return 1;
    }
    (void)event_base_dispatch(load->base);
    int result = write_told(load, path);
    for (uint32_t i = 0; i < load->user_count; i++) {
        shoal_client_free(load->users[i].client);
    }
    event_free(ticks);
    event_free(input);
    event_base_free(load->base);
    for (uint32_t i = 0; i < BLOCKS_MAX; i++) {
        free(load->blocks[i]);
    }
    free(load->value);
    return result;
}

int main(int argc, char **argv)
{
    static struct load load;
    if (argc != 9) {
        (void)fprintf(stderr,
                      "Usage: %s FILE HOSTS CLIENTS RATE KEYS VALUE_BYTES PUT_PERCENT SEED\n",
                      argv[0]);
        return 2;
    }
    load.user_count = (uint32_t)strtoul(argv[3], NULL, 10);
    load.rate = strtoull(argv[4], NULL, 10);
    load.keys = strtoull(argv[5], NULL, 10);
    load.value_bytes = strtoull(argv[6], NULL, 10);
    load.put_percent = strtoull(argv[7], NULL, 10);
    random_init(&load.random, strtoull(argv[8], NULL, 10));
    if (load.user_count == 0 || load.user_count > CLIENTS_MAX || load.rate == 0 || load.keys == 0 ||
        load.value_bytes > VALUE_BYTES_MAX || strlen(argv[2]) >= HOSTS_BYTES) {
        (void)fprintf(stderr, "timed-load: clients, a rate and keys are needed, within reason\n");
        return 2;
    }
    return run(&load, argv[1], argv[2]);
}
