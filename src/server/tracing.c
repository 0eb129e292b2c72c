/* The thread and its posts. libevent's HTTP client does the talking; names are looked up on this
 * thread, which nobody waits for. See tracing.h. */
#include "server/tracing.h"

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/http.h>
#include <event2/keyvalq_struct.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "base/memory.h"
#include "server/endpoint.h"
#include "server/otlp.h"
#include "shoal/error.h"

#define RING_SPANS 4096u /* of each worker */
#define BATCH_SPANS 512u
#define TICK_S 1        /* how long spans wait for others to go with them */
#define TIMEOUT_S 10    /* of one post */
#define ATTEMPTS_MAX 4u /* of a batch, 1, 2 and 4 seconds apart */
#define PAUSE_S_MAX 30  /* as a collector may ask for */
#define ANSWER_BYTES 65536
#define LAST_WORDS_S 1 /* at the end */
#define JOIN_PATIENCE_S 3
#define COMPLAINT_S 60 /* between lines about it */

struct tracing {
    struct config config; /* a copy: the thread may outlast its owner */
    struct endpoint endpoint;
    struct metrics *metrics;
    uint32_t shard;
    metric_id exported, failed;
    struct spans *spans[LIMIT_WORKERS];
    uint32_t workers;

    pthread_t thread;
    bool running;
    int stop_fd;
    struct event_base *base;
    struct event *stop_event;
    struct event *timer;
    struct evhttp_connection *connection;
    bool stopping;
    atomic_bool abandoned; /* its owner waits no longer, and has taken the metrics along */

    /* The batch that is being posted. */
    char *body; /* NULL: none */
    uint32_t count;
    uint32_t attempts;
    uint32_t next;     /* the ring to begin with, so that none is favoured */
    uint64_t lost;     /* since the last complaint ... */
    time_t complained; /* ... which was then */
    struct span batch[BATCH_SPANS];
};

/* ---- spans ----------------------------------------------------------------------------------- */

static uint64_t clock_ns(void *self)
{
    struct timespec now;
    (void)self;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

struct spans *tracing_spans(struct tracing *tracing, uint32_t worker)
{
    return tracing == NULL ? NULL : tracing->spans[worker];
}

/* ---- a batch --------------------------------------------------------------------------------- */

static void post(struct tracing *tracing);

static void count(struct tracing *tracing, metric_id id, uint64_t amount)
{
    if (!atomic_load(&tracing->abandoned)) {
        metrics_add(tracing->metrics, tracing->shard, id, amount);
    }
}

static time_t mono_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec;
}

/* So many spans are lost by it; 0: it will be tried again. */
static void complain(struct tracing *tracing, uint64_t lost, int status, const char *what)
{
    time_t now = mono_s();
    tracing->lost += lost;
    count(tracing, tracing->failed, lost);
    if (tracing->complained != 0 && now - tracing->complained < COMPLAINT_S) {
        return;
    }
    tracing->complained = now;
    log_warning("tracing: the collector did not take spans",
                LOG_TEXT("endpoint", tracing->config.trace_endpoint), LOG_TEXT("reason", what),
                LOG_I64("status", status), LOG_U64("lost", tracing->lost));
    tracing->lost = 0;
}

static void drop_batch(struct tracing *tracing)
{
    free(tracing->body);
    tracing->body = NULL;
    tracing->count = 0;
    tracing->attempts = 0;
}

static void wait_s(struct tracing *tracing, int seconds)
{
    struct timeval delay = {.tv_sec = seconds};
    event_add(tracing->timer, &delay);
}

/* Takes the next batch out of the rings and posts it; false when there is nothing. */
static bool post_next(struct tracing *tracing)
{
    for (uint32_t i = 0; i < tracing->workers && tracing->count < BATCH_SPANS; i++) {
        tracing->next = (tracing->next + 1) % tracing->workers;
        tracing->count += spans_take(tracing->spans[tracing->next], tracing->batch + tracing->count,
                                     BATCH_SPANS - tracing->count);
    }
    if (tracing->count == 0) {
        return false;
    }
    const struct otlp_resource resource = {
        .node = tracing->config.node_name,
        .cluster = tracing->config.cluster_name,
        .zone = tracing->config.node_zone,
    };
    tracing->body = otlp_render(&resource, tracing->batch, tracing->count);
    if (tracing->body == NULL) {
        complain(tracing, tracing->count, 0, "out of memory");
        drop_batch(tracing);
        return false;
    }
    post(tracing);
    return true;
}

static void go_on(struct tracing *tracing)
{
    if (!post_next(tracing)) {
        if (tracing->stopping) {
            event_base_loopbreak(tracing->base);
        } else {
            wait_s(tracing, TICK_S);
        }
    }
}

/* ---- posting --------------------------------------------------------------------------------- */

/* What may go better the next time. */
static bool is_passing(int status)
{
    return status == 0 || status == 429 || status == 502 || status == 503 || status == 504;
}

static int pause_of(const struct tracing *tracing, struct evhttp_request *request)
{
    int pause = 1 << (tracing->attempts - 1);
    const char *asked =
        request == NULL
            ? NULL
            : evhttp_find_header(evhttp_request_get_input_headers(request), "Retry-After");
    int seconds = asked == NULL ? 0 : atoi(asked);
    pause = seconds > pause ? seconds : pause;
    return pause < PAUSE_S_MAX ? pause : PAUSE_S_MAX;
}

static void note_taken(struct tracing *tracing, struct evhttp_request *request)
{
    struct evbuffer *input = evhttp_request_get_input_buffer(request);
    size_t len = evbuffer_get_length(input);
    uint64_t rejected = 0;
    if (len > 0) {
        rejected = otlp_rejected(bytes_make(evbuffer_pullup(input, -1), len));
        rejected = rejected < tracing->count ? rejected : tracing->count;
    }
    count(tracing, tracing->exported, tracing->count - rejected);
    if (rejected > 0) {
        complain(tracing, rejected, 200, "it says that it rejected some");
    }
}

static void on_answer(struct evhttp_request *request, void *self)
{
    struct tracing *tracing = self;
    int status = request == NULL ? 0 : evhttp_request_get_response_code(request);
    if (status >= 200 && status < 300) {
        note_taken(tracing, request);
        drop_batch(tracing);
        go_on(tracing);
        return;
    }
    bool again = is_passing(status) && tracing->attempts < ATTEMPTS_MAX && !tracing->stopping;
    complain(tracing, again ? 0 : tracing->count, status,
             status == 0 ? "it can't be reached, or doesn't answer" : "it refuses them");
    if (again) {
        wait_s(tracing, pause_of(tracing, request));
        return;
    }
    drop_batch(tracing);
    if (tracing->stopping) {
        event_base_loopbreak(tracing->base);
    } else {
        wait_s(tracing, TICK_S);
    }
}

static int make_request(struct tracing *tracing)
{
    struct evhttp_request *request = evhttp_request_new(on_answer, tracing);
    if (request == NULL) {
        return -1;
    }
    struct evkeyvalq *fields = evhttp_request_get_output_headers(request);
    struct evbuffer *output = evhttp_request_get_output_buffer(request);
    if (evhttp_add_header(fields, "Host", tracing->endpoint.authority) != 0 ||
        evhttp_add_header(fields, "Content-Type", "application/json") != 0 ||
        evhttp_add_header(fields, "User-Agent", "shoal/" SHOAL_VERSION) != 0 ||
        evbuffer_add(output, tracing->body, strlen(tracing->body)) != 0) {
        evhttp_request_free(request);
        return -1;
    }
    /* Takes the request, also when it fails. */
    return evhttp_make_request(tracing->connection, request, EVHTTP_REQ_POST,
                               tracing->endpoint.path);
}

static void post(struct tracing *tracing)
{
    tracing->attempts++;
    if (tracing->connection == NULL) {
        tracing->connection = evhttp_connection_base_new(
            tracing->base, NULL, tracing->endpoint.host, tracing->endpoint.port);
        if (tracing->connection != NULL) {
            evhttp_connection_set_timeout(tracing->connection, TIMEOUT_S);
            evhttp_connection_set_max_body_size(tracing->connection, ANSWER_BYTES);
            evhttp_connection_set_max_headers_size(tracing->connection, ANSWER_BYTES);
        }
    }
    if (tracing->connection == NULL || make_request(tracing) != 0) {
        complain(tracing, tracing->count, 0, "the post could not be begun");
        drop_batch(tracing);
        wait_s(tracing, TICK_S);
    }
}

/* ---- the thread ------------------------------------------------------------------------------ */

static void on_timer(evutil_socket_t fd, short what, void *self)
{
    struct tracing *tracing = self;
    (void)fd;
    (void)what;
    if (tracing->stopping) {
        event_base_loopbreak(tracing->base); /* the collector takes too long */
    } else if (tracing->body != NULL) {
        post(tracing);
    } else {
        go_on(tracing);
    }
}

/* What is there yet is posted, if that goes quickly. */
static void on_stop(evutil_socket_t fd, short what, void *self)
{
    struct tracing *tracing = self;
    uint64_t ignored;
    (void)what;
    (void)!read(fd, &ignored, sizeof(ignored));
    bool posting = tracing->body != NULL && event_pending(tracing->timer, EV_TIMEOUT, NULL) == 0;
    tracing->stopping = true;
    wait_s(tracing, LAST_WORDS_S);
    if (tracing->body != NULL && !posting) {
        post(tracing);
    } else if (!posting) {
        go_on(tracing);
    }
}

static void *run(void *self)
{
    struct tracing *tracing = self;
    wait_s(tracing, TICK_S);
    event_base_dispatch(tracing->base);
    return NULL;
}

static int open_loop(struct tracing *tracing)
{
    struct event_config *config = event_config_new();
    if (config == NULL) {
        return SHOAL_ENOMEM;
    }
    event_config_set_flag(config, EVENT_BASE_FLAG_NOLOCK);
    tracing->base = event_base_new_with_config(config);
    event_config_free(config);
    tracing->stop_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (tracing->base == NULL || tracing->stop_fd < 0) {
        return SHOAL_EIO;
    }
    tracing->stop_event = event_new(tracing->base, tracing->stop_fd, EV_READ, on_stop, tracing);
    tracing->timer = event_new(tracing->base, -1, 0, on_timer, tracing);
    return tracing->timer == NULL || tracing->stop_event == NULL ||
                   event_add(tracing->stop_event, NULL) != 0
               ? SHOAL_ENOMEM
               : 0;
}

int tracing_start(struct tracing *tracing)
{
    if (tracing == NULL) {
        return 0;
    }
    if (pthread_create(&tracing->thread, NULL, run, tracing) != 0) {
        return SHOAL_EIO;
    }
    tracing->running = true;
    pthread_setname_np(tracing->thread, "tracing");
    log_info("tracing: sampled requests are told to a collector",
             LOG_TEXT("endpoint", tracing->config.trace_endpoint));
    return 0;
}

/* ---- birth and end --------------------------------------------------------------------------- */

static int open_rings(struct tracing *tracing, metric_id dropped)
{
    struct spans_options options = {
        .capacity = RING_SPANS,
        .sample = tracing->config.trace_sample,
        .clock = clock_ns,
        .metrics = tracing->metrics,
        .dropped = dropped,
    };
    int code = 0;
    for (uint32_t i = 0; i < tracing->workers && code == 0; i++) {
        options.shard = i;
        code = random_from_kernel(&options.seed, sizeof(options.seed));
        if (code == 0) {
            code = spans_new(&options, &tracing->spans[i]);
        }
    }
    return code;
}

static int declare(struct metrics *metrics, metric_id ids[3])
{
    static const char *const labels[] = {"result=\"exported\"", "result=\"failed\"",
                                         "result=\"dropped\""};
    int code = 0;
    for (uint32_t i = 0; i < 3 && code == 0; i++) {
        code = metrics_declare(metrics, METRIC_COUNTER, "shoal_trace_spans_total", labels[i],
                               "Spans of traced requests: taken by the collector, not taken by it, "
                               "or dropped for lack of room before that.",
                               &ids[i]);
    }
    return code;
}

int tracing_new(const struct config *config, struct metrics *metrics, uint32_t workers,
                uint32_t shard, struct tracing **out)
{
    metric_id ids[3];
    *out = NULL;
    int code = declare(metrics, ids);
    if (code != 0 || config->trace_endpoint[0] == 0) {
        return code;
    }
    struct tracing *tracing = mem_alloc_zeroed(1, sizeof(*tracing));
    if (tracing == NULL) {
        return SHOAL_ENOMEM;
    }
    tracing->config = *config;
    tracing->metrics = metrics;
    tracing->shard = shard;
    tracing->exported = ids[0];
    tracing->failed = ids[1];
    tracing->workers = workers;
    tracing->stop_fd = -1;
    code = endpoint_parse(config->trace_endpoint, &tracing->endpoint);
    if (code == 0) {
        code = open_rings(tracing, ids[2]);
    }
    if (code == 0) {
        code = open_loop(tracing);
    }
    if (code != 0) {
        tracing_free(tracing);
        return code;
    }
    *out = tracing;
    return 0;
}

/* False when the thread hangs in a look-up of a name: then what it uses stays. */
static bool join(struct tracing *tracing)
{
    uint64_t one = 1;
    struct timespec until;
    if (!tracing->running) {
        return true;
    }
    (void)!write(tracing->stop_fd, &one, sizeof(one));
    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += JOIN_PATIENCE_S;
    bool joined = pthread_timedjoin_np(tracing->thread, NULL, &until) == 0;
    atomic_store(&tracing->abandoned, !joined);
    return joined;
}

void tracing_free(struct tracing *tracing)
{
    if (tracing == NULL || !join(tracing)) {
        return;
    }
    if (tracing->connection != NULL) {
        evhttp_connection_free(tracing->connection);
    }
    if (tracing->stop_event != NULL) {
        event_free(tracing->stop_event);
    }
    if (tracing->timer != NULL) {
        event_free(tracing->timer);
    }
    if (tracing->base != NULL) {
        event_base_free(tracing->base);
    }
    if (tracing->stop_fd >= 0) {
        close(tracing->stop_fd);
    }
    for (uint32_t i = 0; i < tracing->workers; i++) {
        spans_free(tracing->spans[i]);
    }
    free(tracing->body);
    mem_free(tracing);
}
