/* INFO: how the node is, in the fields that Redis's clients and tools look for. What Shoal has no
 * true value for is left out; what it is beside them is a section of its own. */
#include <malloc.h>
#include <stdarg.h>
#include <stdio.h>
#include <strings.h>
#include <sys/resource.h>
#include <sys/utsname.h>
#include <unistd.h>

#include "api/redis/connection.h"
#include "api/redis/server.h"
#include "api/redis/session.h"
#include "net/process.h"
#include "ring/view.h"

struct info {
    struct redis_session *session;
    const struct redis_shared *shared;
    const struct snapshot *snapshot; /* NULL: in no cluster yet */
    struct moment now;
    struct buffer text;
    bool failed; /* no memory */
};

__attribute__((format(printf, 2, 3))) static void say(struct info *info, const char *format, ...)
{
    char line[1024];
    va_list arguments;
    va_start(arguments, format);
    int len = vsnprintf(line, sizeof(line), format, arguments);
    va_end(arguments);
    size_t said = (size_t)len < sizeof(line) ? (size_t)len : sizeof(line) - 1;
    info->failed |=
        buffer_append(&info->text, line, said) != 0 || buffer_append(&info->text, "\r\n", 2) != 0;
}

static uint64_t metric(const struct info *info, const char *name)
{
    const struct metrics *metrics = info->shared->options.metrics;
    metric_id id;
    return metrics == NULL || metrics_find(metrics, name, NULL, &id) != 0
               ? 0
               : metrics_value(metrics, id);
}

/* What has been counted since CONFIG RESETSTAT. */
static uint64_t since(uint64_t value, const _Atomic uint64_t *before)
{
    uint64_t passed = atomic_load(before);
    return value > passed ? value - passed : 0;
}

/* ---- the sections ---------------------------------------------------------------------------- */

static void say_server(struct info *info)
{
    const struct redis_node *node = &info->shared->options.node;
    uint64_t up_s =
        info->now.wall_ms > node->started_ms ? (info->now.wall_ms - node->started_ms) / 1000 : 0;
    struct utsname system;
    uname(&system);
    say(info, "# Server");
    say(info, "redis_version:" REDIS_VERSION_EQUALLED);
    say(info, "redis_git_sha1:00000000");
    say(info, "redis_git_dirty:0");
    say(info, "redis_build_id:0");
    say(info, "redis_mode:standalone");
    say(info, "os:%s %s %s", system.sysname, system.release, system.machine);
    say(info, "arch_bits:%zu", sizeof(void *) * 8);
    say(info, "monotonic_clock:POSIX clock_gettime");
    say(info, "multiplexing_api:epoll");
    say(info, "process_id:%ld", (long)getpid());
    say(info, "process_supervised:no");
    say(info, "run_id:%016llx%016llx%08x",
        (unsigned long long)worker_node_id(info->session->loop->worker),
        (unsigned long long)node->started_ms, (unsigned)getpid());
    say(info, "tcp_port:%u", node->port);
    say(info, "server_time_usec:%llu", (unsigned long long)info->now.wall_ms * 1000);
    say(info, "uptime_in_seconds:%llu", (unsigned long long)up_s);
    say(info, "uptime_in_days:%llu", (unsigned long long)up_s / 86400);
    say(info, "config_file:%s", node->config_path == NULL ? "" : node->config_path);
    say(info, "io_threads_active:%d", info->shared->options.workers > 1);
}

static void say_clients(struct info *info)
{
    struct client_roll *roll = &info->session->shared->roll;
    say(info, "# Clients");
    say(info, "connected_clients:%u", client_roll_count(roll));
    say(info, "maxclients:%u", atomic_load(&info->shared->options.limits->connections));
    say(info, "blocked_clients:0");
    say(info, "tracking_clients:0");
}

static void human(uint64_t bytes, char out[32])
{
    static const char units[] = {'B', 'K', 'M', 'G', 'T', 'P'};
    double number = (double)bytes;
    size_t unit = 0;
    while (number >= 1024 && unit + 1 < sizeof(units)) {
        number /= 1024;
        unit++;
    }
    snprintf(out, 32, unit == 0 ? "%.0f%c" : "%.2f%c", number, units[unit]);
}

static void say_bytes(struct info *info, const char *name, uint64_t bytes)
{
    char text[32];
    human(bytes, text);
    say(info, "%s:%llu", name, (unsigned long long)bytes);
    say(info, "%s_human:%s", name, text);
}

static uint64_t allocated_bytes(void)
{
    struct mallinfo2 all = mallinfo2();
    return all.uordblks + all.hblkhd;
}

static void say_memory(struct info *info)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    uint64_t used = allocated_bytes();
    uint64_t engines = metric(info, "shoal_engine_memory_bytes");
    say(info, "# Memory");
    say_bytes(info, "used_memory", used);
    say_bytes(info, "used_memory_rss", process_resident_bytes());
    say_bytes(info, "used_memory_peak", (uint64_t)usage.ru_maxrss * 1024);
    say(info, "used_memory_dataset:%llu", (unsigned long long)engines);
    say(info, "used_memory_overhead:%llu",
        (unsigned long long)(used > engines ? used - engines : 0));
    say_bytes(info, "total_system_memory",
              (uint64_t)sysconf(_SC_PHYS_PAGES) * (uint64_t)sysconf(_SC_PAGESIZE));
    say(info, "used_memory_lua:0");
    say_bytes(info, "maxmemory", 0);
    say(info, "maxmemory_policy:noeviction");
    say(info, "mem_allocator:libc");
}

static void say_persistence(struct info *info)
{
    const char *engine = info->shared->options.node.engine;
    say(info, "# Persistence");
    say(info, "loading:0");
    say(info, "async_loading:0");
    say(info, "rdb_changes_since_last_save:0");
    say(info, "rdb_bgsave_in_progress:0");
    say(info, "rdb_last_bgsave_status:ok");
    say(info, "aof_enabled:%d", strcasecmp(engine == NULL ? "memory" : engine, "memory") != 0);
    say(info, "aof_rewrite_in_progress:0");
    say(info, "aof_last_write_status:%s", metric(info, "shoal_storage_failed") == 0 ? "ok" : "err");
}

static void say_stats(struct info *info)
{
    const struct redis_shared *shared = info->shared;
    const struct redis_metrics *ids = &shared->options.metric_ids;
    say(info, "# Stats");
    say(info, "total_connections_received:%llu",
        (unsigned long long)since(client_roll_accepted(&info->session->shared->roll),
                                  &shared->accepted_before));
    say(info, "total_commands_processed:%llu",
        (unsigned long long)since(redis_shared_count(shared, ids->commands),
                                  &shared->commands_before));
    say(info, "total_net_input_bytes:%llu",
        (unsigned long long)metric(info, "shoal_network_received_bytes_total"));
    say(info, "total_net_output_bytes:%llu",
        (unsigned long long)metric(info, "shoal_network_sent_bytes_total"));
    say(info, "rejected_connections:%llu",
        (unsigned long long)redis_shared_count(shared, ids->served.refused));
    say(info, "evicted_keys:0");
    say(info, "evicted_clients:0");
    say(info, "pubsub_channels:0");
    say(info, "pubsub_patterns:0");
    say(info, "total_error_replies:%llu",
        (unsigned long long)since(redis_shared_count(shared, ids->errors), &shared->errors_before));
}

static void say_replication(struct info *info)
{
    say(info, "# Replication");
    say(info, "role:master");
    say(info, "connected_slaves:0");
    say(info, "master_failover_state:no-failover");
    say(info, "master_replid:%040llx",
        (unsigned long long)worker_node_id(info->session->loop->worker));
    say(info, "master_replid2:%040d", 0);
    say(info, "master_repl_offset:0");
    say(info, "second_repl_offset:-1");
    say(info, "repl_backlog_active:0");
}

static void say_cpu(struct info *info)
{
    struct rusage self;
    struct rusage children;
    getrusage(RUSAGE_SELF, &self);
    getrusage(RUSAGE_CHILDREN, &children);
    say(info, "# CPU");
    say(info, "used_cpu_sys:%ld.%06ld", self.ru_stime.tv_sec, self.ru_stime.tv_usec);
    say(info, "used_cpu_user:%ld.%06ld", self.ru_utime.tv_sec, self.ru_utime.tv_usec);
    say(info, "used_cpu_sys_children:%ld.%06ld", children.ru_stime.tv_sec,
        children.ru_stime.tv_usec);
    say(info, "used_cpu_user_children:%ld.%06ld", children.ru_utime.tv_sec,
        children.ru_utime.tv_usec);
}

static void say_modules(struct info *info)
{
    say(info, "# Modules");
}

static void say_cluster(struct info *info)
{
    say(info, "# Cluster");
    say(info, "cluster_enabled:0");
}

/* What this node holds; where there are several, that isn't all there is. */
static void say_keyspace(struct info *info)
{
    uint64_t keys = metric(info, "shoal_engine_keys");
    say(info, "# Keyspace");
    if (keys > 0) {
        say(info, "db0:keys=%llu,expires=0,avg_ttl=0", (unsigned long long)keys);
    }
}

static void say_shoal(struct info *info)
{
    const struct redis_node *node = &info->shared->options.node;
    say(info, "# Shoal");
    say(info, "shoal_version:" SHOAL_VERSION);
    say(info, "workers:%u", info->shared->options.workers);
    say(info, "engine:%s", node->engine == NULL ? "memory" : node->engine);
    say(info, "durability:%s", node->durability == NULL ? "" : node->durability);
    say(info, "alone:%d", worker_alone(info->session->loop->worker));
    if (info->snapshot == NULL) {
        return;
    }
    const struct layout *layout = view_newest(info->snapshot->view);
    const struct snapshot_node *self = snapshot_find(info->snapshot, info->snapshot->self);
    const struct cluster_facts *facts = view_facts(info->snapshot->view);
    say(info, "node_id:%016llx", (unsigned long long)info->snapshot->self);
    say(info, "node_name:%s", self == NULL ? "" : self->record.name);
    say(info, "cluster_name:%s", facts->name);
    say(info, "n:%u", facts->n);
    say(info, "r:%u", facts->r);
    say(info, "w:%u", facts->w);
    say(info, "partitions:%u", facts->partitions);
    say(info, "layout_version:%llu", (unsigned long long)layout->key.version);
    say(info, "members:%u", layout->member_count);
}

/* ---- which are asked for --------------------------------------------------------------------- */

static const struct {
    const char *name;
    void (*say)(struct info *info);
} sections[] = {
    {"server", say_server},   {"clients", say_clients},
    {"memory", say_memory},   {"persistence", say_persistence},
    {"stats", say_stats},     {"replication", say_replication},
    {"cpu", say_cpu},         {"modules", say_modules},
    {"cluster", say_cluster}, {"keyspace", say_keyspace},
    {"shoal", say_shoal},
};

#define SECTIONS (sizeof(sections) / sizeof(sections[0]))
#define EVERY_SECTION ((1u << SECTIONS) - 1)

static uint32_t section_of(struct bytes name)
{
    if (redis_is(name, "all") || redis_is(name, "default") || redis_is(name, "everything")) {
        return EVERY_SECTION;
    }
    for (uint32_t i = 0; i < SECTIONS; i++) {
        if (redis_is(name, sections[i].name)) {
            return 1u << i;
        }
    }
    return 0;
}

void redis_run_info(struct redis_call *call)
{
    struct redis_session *session = call->session;
    struct info info = {
        .session = session,
        .shared = session->shared,
        .snapshot = worker_snapshot(session->loop->worker),
        .now = loop_now(session->loop),
    };
    uint32_t wanted = call->argc == 1 ? EVERY_SECTION : 0;
    for (uint32_t i = 1; i < call->argc; i++) {
        wanted |= section_of(call->argv[i]);
    }
    buffer_init(&info.text, 0);
    for (uint32_t i = 0; i < SECTIONS; i++) {
        if ((wanted & (1u << i)) == 0) {
            continue;
        }
        if (info.text.len > 0) {
            say(&info, "%s", "");
        }
        sections[i].say(&info);
    }
    if (info.failed) {
        reply_error(call->reply, "OOM out of memory");
    } else {
        reply_verbatim(call->reply, "txt", buffer_bytes(&info.text));
    }
    buffer_deinit(&info.text);
}
