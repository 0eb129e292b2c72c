/* See status_text.h. Nodes stand by name, as people look for them. */
#include "cli/status_text.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>

#include "base/memory.h"
#include "base/text.h"
#include "cli/table.h"
#include "report/quantity.h"
#include "report/situation.h"

#define WAITS_SHOWN 8u
#define CHANGES_SHOWN 16u

/* ---- the table ---- */

static int by_name(const void *a, const void *b)
{
    const struct shoal_node *const *left = a;
    const struct shoal_node *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

/* In the order of the answer (NULL) when there is no memory to sort. */
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

static void print_nodes(const struct shoal_status *status, FILE *out)
{
    static const char *const heads[] = {"NAME",   "STATE",   "STORAGE",    "ZONE",
                                        "WEIGHT", "ADDRESS", "PARTITIONS", "KEYS",
                                        "BYTES",  "HINTS",   "PENDING",    "RELEASING"};
    struct table_text table;
    table_begin(&table, out);
    table_head(&table, heads, sizeof(heads) / sizeof(heads[0]));
    const struct shoal_node **nodes = sorted(status);
    for (size_t i = 0; i < status->node_count; i++) {
        const struct shoal_node *node = nodes != NULL ? nodes[i] : &status->nodes[i];
        char address[TEXT_ADDRESS_BYTES];
        text_address(node->host, node->client_port, address);
        table_cell(&table, "%s%s", node->name, node->id == status->node ? " *" : "");
        table_cell(&table, "%s", node->state);
        table_cell(&table, "%s", node->storage);
        table_cell(&table, "%s", node->zone);
        table_cell(&table, "%" PRIu64, node->weight);
        table_cell(&table, "%s", address);
        table_cell(&table, "%" PRIu64, node->partitions);
        table_cell(&table, "%" PRIu64, node->keys);
        table_cell(&table, "%" PRIu64, node->bytes);
        table_cell(&table, "%" PRIu64, node->hints);
        table_cell(&table, "%" PRIu64, node->pending_sync);
        table_cell(&table, "%" PRIu64, node->releasing);
    }
    mem_free(nodes);
    table_end(&table);
}

/* ---- below it ---- */

static void print_waits(const struct situation *situation, FILE *out)
{
    for (uint32_t i = 0; i < situation->wait_count && i < WAITS_SHOWN; i++) {
        char text[SITUATION_TEXT_BYTES];
        wait_text(&situation->waits[i], text);
        (void)fprintf(out, "waiting for %s\n", text);
    }
    if (situation->wait_count > WAITS_SHOWN) {
        (void)fprintf(out, "waiting for %" PRIu32 " more (see --json)\n",
                      situation->wait_count - WAITS_SHOWN);
    }
}

static void print_change(const struct shoal_status *status, const struct situation *situation,
                         const uint64_t *seconds_left, FILE *out)
{
    char text[SITUATION_TEXT_BYTES];
    uint64_t seconds;
    if (seconds_left == NULL && situation_seconds_left(situation, &seconds)) {
        seconds_left = &seconds;
    }
    situation_text(situation, seconds_left, text);
    if (status->live_layouts > 1) {
        (void)fprintf(out, "layout %" PRIu64 " -> %" PRIu64 ": %s\n", status->oldest_version,
                      status->layout_version, text);
    } else {
        (void)fprintf(out, "layout %" PRIu64 ": %s\n", status->layout_version, text);
    }
    print_waits(situation, out);
}

static void print_staged(const struct shoal_status *status, FILE *out)
{
    uint32_t shown = 0;
    const struct shoal_node **nodes = sorted(status);
    (void)fputs("staged:", out);
    for (size_t i = 0; i < status->node_count && shown < CHANGES_SHOWN; i++) {
        const struct shoal_node *node = nodes != NULL ? nodes[i] : &status->nodes[i];
        if (node->staged) {
            (void)fprintf(out, "%s %s %s", shown == 0 ? "" : ",", node->name,
                          change_words(node->change));
            shown++;
        }
    }
    mem_free(nodes);
    if (shown < status->staged) {
        (void)fprintf(out, "%s %" PRIu32 " more", shown == 0 ? "" : " and", status->staged - shown);
    }
    (void)fputs(" (shoal cluster plan shows what moves, commit does it, cancel forgets it)\n", out);
}

static const char *standing(const struct situation *situation)
{
    return situation->settled    ? "settled"
           : situation->changing ? "a change of the layout is under way"
                                 : "data is on its way";
}

void status_print(const struct shoal_status *status, const uint64_t *seconds_left, FILE *out)
{
    struct situation situation;
    situation_read(status, NULL, &situation);
    print_nodes(status, out);
    (void)fprintf(out,
                  "cluster %s: layout %" PRIu64 ", %" PRIu32 " partitions, n=%" PRIu32 " r=%" PRIu32
                  " w=%" PRIu32 "; %s\n",
                  status->cluster_name, status->layout_version, status->partitions, status->n,
                  status->r, status->w, standing(&situation));
    if (!situation.settled) {
        print_change(status, &situation, seconds_left, out);
    }
    if (status->staged > 0) {
        print_staged(status, out);
    }
    if (status->may_lose > 0) {
        (void)fprintf(out,
                      "warning: acknowledged writes of %" PRIu32
                      " partition%s may have been lost: too many of their owners were removed\n",
                      status->may_lose, quantity_plural(status->may_lose));
    }
}

/* ---- in one line ---- */

struct line {
    char *text;
    size_t used;
};

__attribute__((format(printf, 2, 3))) static void line_add(struct line *line, const char *form, ...)
{
    va_list arguments;
    va_start(arguments, form);
    size_t room = STATUS_LINE_BYTES - line->used;
    int len = vsnprintf(line->text + line->used, room, form, arguments);
    va_end(arguments);
    if (len > 0) {
        line->used += (size_t)len < room ? (size_t)len : room - 1;
    }
}

static void line_add_nodes(struct line *line, const struct shoal_status *status)
{
    const struct shoal_node **nodes = sorted(status);
    uint32_t up = 0;
    for (size_t i = 0; i < status->node_count; i++) {
        up += strcmp(status->nodes[i].state, "up") == 0 ? 1 : 0;
    }
    line_add(line, "%" PRIu32 " node%s up", up, quantity_plural(up));
    for (size_t i = 0; i < status->node_count; i++) {
        const struct shoal_node *node = nodes != NULL ? nodes[i] : &status->nodes[i];
        if (strcmp(node->state, "up") != 0) {
            line_add(line, ", %s %s", node->name, node->state);
        }
        if (strcmp(node->storage, "ok") != 0) {
            line_add(line, ", storage of %s %s", node->name, node->storage);
        }
    }
    mem_free(nodes);
}

void status_line(const struct shoal_status *status, char out[STATUS_LINE_BYTES])
{
    struct situation situation;
    struct line line = {.text = out};
    situation_read(status, NULL, &situation);
    line_add(&line, "layout ");
    if (status->live_layouts > 1) {
        line_add(&line, "%" PRIu64 " -> ", status->oldest_version);
    }
    line_add(&line, "%" PRIu64 ": ", status->layout_version);
    line_add_nodes(&line, status);
    line_add(&line, "; %s", standing(&situation));
    if (situation.to_sync > 0) {
        line_add(&line, ", %" PRIu64 " of %" PRIu64 " copies to sync", situation.to_sync,
                 situation.copies);
    }
    if (situation.to_release > 0) {
        line_add(&line, ", %" PRIu64 " to let go", situation.to_release);
    }
    for (uint32_t i = 0; i < situation.wait_count && i < SITUATION_WAITS_MAX; i++) {
        if (wait_is_stuck(&situation.waits[i])) {
            char text[SITUATION_TEXT_BYTES];
            wait_text(&situation.waits[i], text);
            line_add(&line, "; waiting for %s", text);
        }
    }
    if (status->staged > 0) {
        line_add(&line, "; %" PRIu32 " change%s staged", status->staged,
                 quantity_plural(status->staged));
    }
    if (status->may_lose > 0) {
        line_add(&line, "; writes of %" PRIu32 " partition%s may have been lost", status->may_lose,
                 quantity_plural(status->may_lose));
    }
}
