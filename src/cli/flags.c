/* The table of all flags, and how each kind of value is read. */
#include "cli/flags.h"

#include <string.h>

#include "base/limits.h"
#include "base/text.h"
#include "shoal/client.h"

#define FIELD(name) offsetof(struct invocation, name)
#define MS UINT64_C(1000)
#define SECOND (MS * 1000)
#define QUORUM_NUMBER_MAX 64u

const struct flag flags[] = {
    {"host", 'H', FLAG_TEXT, FLAGS_COMMON, FIELD(hosts), 0, 0, 0, "HOST[,HOST...]",
     "nodes to ask, the first that answers (127.0.0.1, or SHOAL_HOSTS)"},
    {"port", 'p', FLAG_NUMBER, FLAGS_COMMON, FIELD(port), 1, 65535, 0, "PORT",
     "their client port, where HOST names none (3001)"},
    {"json", 0, FLAG_SWITCH, FLAGS_COMMON, FIELD(json), 0, 0, 0, NULL,
     "print one line of JSON, errors too (on stderr)"},
    {"timeout", 0, FLAG_DURATION, FLAGS_COMMON, FIELD(timeout_us), 0, 0, MS, "DURATION",
     "give up after that long (5s, if nothing else is said above): 250ms, 60s, 5m"},
    {"help", 'h', FLAG_SWITCH, FLAGS_COMMON, FIELD(help), 0, 0, 0, NULL, "this"},
    {"version", 0, FLAG_SWITCH, FLAGS_COMMON, FIELD(version), 0, 0, 0, NULL, "the version"},

    {"key", 'k', FLAG_TEXT, FLAGS_KEY, FIELD(key), 0, 0, 0, "KEY", "the key"},
    {"value", 'v', FLAG_TEXT, FLAGS_VALUE, FIELD(value), 0, 0, 0, "VALUE",
     "the value; - reads it from stdin"},
    {"context", 'c', FLAG_TEXT, FLAGS_CONTEXT, FIELD(context), 0, 0, 0, "CONTEXT",
     "replace exactly what this context of a get or put covers"},
    {"ttl", 0, FLAG_DURATION, FLAGS_TTL, FIELD(ttl_us), 0, 0, SECOND, "DURATION",
     "let the value expire after that long"},

    {"n", 0, FLAG_QUORUM, FLAGS_READ | FLAGS_WRITE, FIELD(n), 0, 0, 0, "N", "owners asked"},
    {"r", 0, FLAG_QUORUM, FLAGS_READ | FLAGS_WRITE, FIELD(r), 0, 0, 0, "R",
     "answers a read needs: a number, one, quorum or all"},
    {"w", 0, FLAG_QUORUM, FLAGS_READ | FLAGS_WRITE, FIELD(w), 0, 0, 0, "W",
     "confirmations a write needs"},
    {"pr", 0, FLAG_QUORUM, FLAGS_READ | FLAGS_WRITE, FIELD(pr), 0, 0, 0, "PR",
     "answers that must come from owners"},
    {"pw", 0, FLAG_QUORUM, FLAGS_READ | FLAGS_WRITE, FIELD(pw), 0, 0, 0, "PW",
     "confirmations that must come from owners"},
    {"dw", 0, FLAG_QUORUM, FLAGS_READ | FLAGS_WRITE, FIELD(dw), 0, 0, 0, "DW",
     "confirmations that must be durable"},

    {"raw", 0, FLAG_SWITCH, FLAGS_GET, FIELD(raw), 0, 0, 0, NULL,
     "the bytes alone, without a newline"},
    {"siblings", 0, FLAG_SWITCH, FLAGS_GET, FIELD(siblings), 0, 0, 0, NULL,
     "all values, the winner first"},
    {"prefix", 0, FLAG_TEXT, FLAGS_PREFIX, FIELD(prefix), 0, 0, 0, "PREFIX",
     "only keys that begin so"},
    {"limit", 0, FLAG_NUMBER, FLAGS_LIST, FIELD(limit), 1, UINT64_MAX, 0, "COUNT",
     "at most so many keys"},
    {"after", 0, FLAG_TEXT, FLAGS_LIST, FIELD(after), 0, 0, 0, "CURSOR",
     "go on where an earlier list ended"},
    {"ops", 0, FLAG_TEXT, FLAGS_FEED, FIELD(ops), 0, 0, 0, "OP[,OP...]",
     "of put, delete, expire, list, read (put,delete,expire)"},
    {"after", 0, FLAG_TEXT, FLAGS_FEED, FIELD(after), 0, 0, 0, "CURSOR",
     "go on behind the event that had this cursor, also at another node"},
    {"limit", 0, FLAG_NUMBER, FLAGS_FEED, FIELD(limit), 1, UINT64_MAX, 0, "COUNT",
     "end after so many events"},
    {"values", 0, FLAG_SWITCH, FLAGS_LIST, FIELD(values), 0, 0, 0, NULL, "the values, too"},
    {"values", 0, FLAG_SWITCH, FLAGS_VERIFY, FIELD(values), 0, 0, 0, NULL,
     "read and compare every byte, too"},
    {"known-cluster-node", 0, FLAG_TEXT, FLAGS_JOIN, FIELD(known_cluster_node), 0, 0, 0,
     "HOST:PEER_PORT", "a node of the cluster to join"},
    {"node", 0, FLAG_TEXT, FLAGS_NODE, FIELD(node), 0, 0, 0, "NAME", "the member, by its name"},
    {"with", 0, FLAG_TEXT, FLAGS_REPLACE, FIELD(with), 0, 0, 0, "HOST:PEER_PORT",
     "the empty node that takes its place"},
    {"weight", 0, FLAG_NUMBER, FLAGS_SET, FIELD(weight), 1, LIMIT_WEIGHT, 0, "WEIGHT",
     "its share of the data, relative to the others' weights"},
    {"zone", 0, FLAG_TEXT, FLAGS_SET, FIELD(zone), 0, 0, 0, "ZONE",
     "where it stands: copies of a partition go to different zones"},
    {"stage", 0, FLAG_SWITCH, FLAGS_STAGE, FIELD(stage), 0, 0, 0, NULL,
     "only note it, for shoal cluster commit"},
    {"force", 0, FLAG_SWITCH, FLAGS_FORCE, FIELD(force), 0, 0, 0, NULL,
     "do what is refused otherwise, see above"},
    {"nodes", 0, FLAG_NUMBER, FLAGS_PLAN, FIELD(nodes), 1, LIMIT_MEMBERS, 0, "COUNT",
     "plan: what if there were so many nodes"},
    {"watch", 0, FLAG_SWITCH, FLAGS_WATCH, FIELD(watch), 0, 0, 0, NULL,
     "go on showing it: in place on a terminal, else a line for each change"},
    {"output", 'o', FLAG_TEXT, FLAGS_OUTPUT, FIELD(output), 0, 0, 0, "FILE",
     "write there instead of to stdout"},

    {"connections", 0, FLAG_NUMBER, FLAGS_BENCH, FIELD(bench.connections), 1, 10000, 0, "COUNT",
     "connections, over all nodes (50)"},
    {"pipeline", 0, FLAG_NUMBER, FLAGS_BENCH, FIELD(bench.pipeline), 1, 4096, 0, "COUNT",
     "requests in flight on each (16)"},
    {"threads", 0, FLAG_NUMBER, FLAGS_BENCH, FIELD(bench.threads), 1, 256, 0, "COUNT",
     "threads of this client (1)"},
    {"keys", 0, FLAG_NUMBER, FLAGS_BENCH, FIELD(bench.keys), 1, UINT64_C(1) << 32, 0, "COUNT",
     "different keys (100000)"},
    {"value-size", 0, FLAG_NUMBER, FLAGS_BENCH, FIELD(bench.value_size), 1, 64u << 20, 0, "BYTES",
     "length of the values (100)"},
    {"mix", 0, FLAG_TEXT, FLAGS_BENCH, FIELD(bench.mix), 0, 0, 0, "PUTS:GETS",
     "how many puts to how many gets (1:1)"},
    {"duration", 0, FLAG_DURATION, FLAGS_BENCH, FIELD(bench.duration_us), 0, 0, SECOND, "DURATION",
     "how long (10s)"},
    {"requests", 0, FLAG_NUMBER, FLAGS_BENCH, FIELD(bench.requests), 1, UINT64_MAX, 0, "COUNT",
     "so many instead"},
    {"with-context", 0, FLAG_SWITCH, FLAGS_BENCH, FIELD(bench.with_context), 0, 0, 0, NULL,
     "keep the last context of each key and send it with the put"},
    {"lockstep", 0, FLAG_SWITCH, FLAGS_BENCH, FIELD(bench.lockstep), 0, 0, 0, NULL,
     "send the next --pipeline requests only when all of the last ones are answered"},
    {"prepared", 0, FLAG_SWITCH, FLAGS_BENCH, FIELD(bench.prepared), 0, 0, 0, NULL,
     "the keys are there from an earlier run: don't write them first"},
    {"direct", 0, FLAG_SWITCH, FLAGS_BENCH, FIELD(bench.direct), 0, 0, 0, NULL,
     "ask only the given nodes, not the owners of the keys"},
    {"server-pid", 0, FLAG_TEXT, FLAGS_BENCH, FIELD(bench.server_pid), 0, 0, 0, "PID[,PID...]",
     "report the CPU time of these processes, too"},
};

const size_t flag_count = sizeof(flags) / sizeof(flags[0]);

static int refuse(char why[INVOCATION_WHY_BYTES], const struct flag *flag, const char *text,
                  const char *wanted)
{
    (void)snprintf(why, INVOCATION_WHY_BYTES, "--%s: \"%s\" is not %s", flag->name, text, wanted);
    return SHOAL_EINVAL;
}

static int set_number(const struct flag *flag, const char *text, uint64_t *field,
                      char why[INVOCATION_WHY_BYTES])
{
    if (text_parse_u64(text, flag->min, flag->max, field) == 0) {
        return 0;
    }
    char wanted[96];
    if (flag->max == UINT64_MAX) {
        (void)snprintf(wanted, sizeof(wanted), "a number from %llu on",
                       (unsigned long long)flag->min);
    } else {
        (void)snprintf(wanted, sizeof(wanted), "a number from %llu to %llu",
                       (unsigned long long)flag->min, (unsigned long long)flag->max);
    }
    return refuse(why, flag, text, wanted);
}

static int set_quorum(const struct flag *flag, const char *text, int32_t *field,
                      char why[INVOCATION_WHY_BYTES])
{
    static const struct {
        const char *name;
        int32_t number;
    } names[] = {{"one", SHOAL_ONE}, {"quorum", SHOAL_QUORUM}, {"all", SHOAL_ALL}};
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (strcmp(text, names[i].name) == 0) {
            *field = names[i].number;
            return 0;
        }
    }
    uint64_t number;
    if (text_parse_u64(text, 1, QUORUM_NUMBER_MAX, &number) != 0) {
        return refuse(why, flag, text, "a number from 1 on, one, quorum or all");
    }
    *field = (int32_t)number;
    return 0;
}

static int set_duration(const struct flag *flag, const char *text, uint64_t *field,
                        char why[INVOCATION_WHY_BYTES])
{
    uint64_t us;
    if (text_parse_duration_us(text, flag->unit_us, &us) != 0 || us == 0) {
        return refuse(why, flag, text, "a duration such as 250ms, 60s or 5m");
    }
    *field = us;
    return 0;
}

int flag_set(const struct flag *flag, const char *text, struct invocation *invocation,
             char why[INVOCATION_WHY_BYTES])
{
    void *field = (char *)invocation + flag->offset;
    switch (flag->kind) {
    case FLAG_SWITCH:
        *(bool *)field = true;
        return 0;
    case FLAG_TEXT:
        *(const char **)field = text;
        return 0;
    case FLAG_NUMBER:
        return set_number(flag, text, field, why);
    case FLAG_DURATION:
        return set_duration(flag, text, field, why);
    case FLAG_QUORUM:
        break;
    }
    return set_quorum(flag, text, field, why);
}
