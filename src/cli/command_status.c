/* shoal status: the nodes as one of them sees them. --watch shows them again every second. */
#include <stdlib.h>
#include <time.h>

#include "base/memory.h"
#include "cli/cluster_json.h"
#include "cli/session.h"
#include "cli/table.h"

static int print_json(struct terminal *terminal, const struct shoal_status *status)
{
    return terminal_print_json(terminal, terminal->out, json_of_status(status));
}

static int by_name(const void *a, const void *b)
{
    const struct shoal_node *const *left = a;
    const struct shoal_node *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

/* The nodes as people look for them; in the order of the answer when there is no memory to sort. */
static const struct shoal_node **sorted(const struct shoal_status *status)
{
    const struct shoal_node **nodes = mem_alloc(status->node_count * sizeof(struct shoal_node *));
    for (size_t i = 0; i < status->node_count && nodes != NULL; i++) {
        nodes[i] = &status->nodes[i];
    }
    if (nodes != NULL && status->node_count > 0) {
        qsort(nodes, status->node_count, sizeof(struct shoal_node *), by_name);
    }
    return nodes;
}

static void print_plain(struct terminal *terminal, const struct shoal_status *status)
{
    struct table_text table;
    table_begin(&table, terminal->out);
    static const char *const heads[] = {"NAME",       "STATE", "STORAGE", "ZONE",  "ADDRESS",
                                        "PARTITIONS", "KEYS",  "BYTES",   "HINTS", "PENDING"};
    table_head(&table, heads, sizeof(heads) / sizeof(heads[0]));
    const struct shoal_node **nodes = sorted(status);
    for (size_t i = 0; i < status->node_count; i++) {
        const struct shoal_node *node = nodes != NULL ? nodes[i] : &status->nodes[i];
        table_cell(&table, "%s%s", node->name, node->id == status->node ? " *" : "");
        table_cell(&table, "%s", node->state);
        table_cell(&table, "%s", node->storage);
        table_cell(&table, "%s", node->zone);
        table_cell(&table, "%s:%u", node->host, (unsigned)node->client_port);
        table_cell(&table, "%llu", (unsigned long long)node->partitions);
        table_cell(&table, "%llu", (unsigned long long)node->keys);
        table_cell(&table, "%llu", (unsigned long long)node->bytes);
        table_cell(&table, "%llu", (unsigned long long)node->hints);
        table_cell(&table, "%llu", (unsigned long long)node->pending_sync);
    }
    mem_free(nodes);
    table_end(&table);
    (void)fprintf(terminal->out, "cluster %s: layout %llu, %u partitions, n=%u r=%u w=%u; %s\n",
                  status->cluster_name, (unsigned long long)status->layout_version,
                  status->partitions, status->n, status->r, status->w,
                  status->live_layouts > 1 ? "a change of the layout is under way" : "settled");
}

static int show(struct session *session)
{
    struct shoal_status *status = NULL;
    int code = shoal_status(session->client, &session->options, &status);
    if (code != 0) {
        return session_fail(session, code);
    }
    int exit_status = 0;
    if (session->terminal->json) {
        exit_status = print_json(session->terminal, status);
    } else {
        print_plain(session->terminal, status);
    }
    shoal_status_free(status);
    return exit_status;
}

/* Until the user interrupts it or nobody reads it any more; a node that is away for a while doesn't
 * end it. */
static int watch(struct session *session)
{
    struct terminal *terminal = session->terminal;
    for (;;) {
        if (terminal->out_is_screen && !terminal->json) {
            (void)fprintf(terminal->out, "\033[H\033[2J");
        }
        (void)show(session);
        if (fflush(terminal->out) != 0) {
            return 0;
        }
        const struct timespec pause = {.tv_sec = 1};
        (void)nanosleep(&pause, NULL);
    }
}

int command_status(struct terminal *terminal, const struct invocation *invocation)
{
    struct session session;
    int status = session_open(&session, terminal, invocation, TIMEOUT_MS_DEFAULT);
    if (status != 0) {
        return status;
    }
    status = invocation->watch ? watch(&session) : show(&session);
    session_close(&session);
    return status;
}
