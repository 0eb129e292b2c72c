/* See change.h. */
#include "cli/change.h"

#include "base/memory.h"
#include "cli/plan_text.h"
#include "cli/settle.h"
#include "report/plan_json.h"

int change_session_open(struct session *session, struct terminal *terminal,
                        const struct invocation *invocation)
{
    int status = session_open(session, terminal, invocation, CHANGE_TIMEOUT_MS);
    if (status == 0 && session->options.timeout_ms > CHANGE_TIMEOUT_MS) {
        session->options.timeout_ms = CHANGE_TIMEOUT_MS;
    }
    return status;
}

/* ---- what is said ---- */

static void tell_plan(struct terminal *terminal, const struct shoal_change *change,
                      const struct shoal_plan *plan)
{
    char text[PLAN_SUMMARY_BYTES];
    if (plan->text[0] != '\0') {
        terminal_remark(terminal, "%s", plan->text);
    }
    if (!plan->changes) {
        if (plan->text[0] == '\0' && change->op == SHOAL_CHANGE_COMMIT) {
            terminal_remark(terminal, "nothing is staged");
        }
        return;
    }
    if (change->op == SHOAL_CHANGE_CANCEL) {
        return;
    }
    plan_summary(plan, text);
    if (change->stage) {
        terminal_remark(terminal,
                        "staged, with all that is: %s; nothing moves before shoal cluster commit",
                        text);
    } else {
        terminal_remark(terminal, "%s", text);
    }
    if (plan->reason[0] != '\0') {
        terminal_remark(terminal, "note: %s", plan->reason);
    }
    if (plan->may_lose > 0) {
        terminal_remark(terminal,
                        "warning: acknowledged writes of %u partitions may be lost: too many of "
                        "their owners are removed",
                        (unsigned)plan->may_lose);
    }
}

static int tell_ok(struct terminal *terminal, const struct shoal_plan *plan)
{
    if (!terminal->json) {
        return terminal_print_ok(terminal, (struct shoal_bytes){0});
    }
    json_t *object = json_pack("{s:s}", "message", "Ok");
    json_t *fields = json_of_plan(plan);
    if (object == NULL || fields == NULL || json_object_update(object, fields) != 0) {
        json_decref(object);
        object = NULL;
    }
    json_decref(fields);
    return terminal_print_json(terminal, terminal->out, object);
}

/* ---- following it ---- */

static bool is_going(const struct shoal_plan_node *node)
{
    return strcmp(node->change, "leaves") == 0 || strcmp(node->change, "removed") == 0;
}

static bool is_coming(const struct shoal_plan_node *node)
{
    return node->id != 0 && strcmp(node->change, "joins") == 0;
}

static size_t collect(const struct shoal_plan *plan, bool (*wanted)(const struct shoal_plan_node *),
                      uint64_t *ids)
{
    size_t count = 0;
    for (size_t i = 0; i < plan->node_count; i++) {
        if (wanted(&plan->nodes[i])) {
            ids[count++] = plan->nodes[i].id;
        }
    }
    return count;
}

static int follow(struct settle *settle, const struct shoal_plan *plan)
{
    uint64_t *ids = mem_alloc_zeroed(2 * plan->node_count, sizeof(uint64_t));
    if (ids == NULL) {
        return terminal_fail(settle->terminal, SHOAL_ENOMEM, shoal_error_text(SHOAL_ENOMEM));
    }
    struct expectation expected = {.gone = ids, .come = ids + plan->node_count};
    expected.gone_count = collect(plan, is_going, ids);
    expected.come_count = collect(plan, is_coming, ids + plan->node_count);
    int status = settle_wait(settle, &expected);
    mem_free(ids);
    return status;
}

/* What needs no watching: nothing that was asked for can be on its way. */
static bool is_done(const struct shoal_change *change, const struct shoal_plan *plan)
{
    return change->stage || change->op == SHOAL_CHANGE_CANCEL ||
           (change->op == SHOAL_CHANGE_COMMIT && !plan->changes);
}

static int run(struct session *session, const struct shoal_change *change)
{
    struct settle settle;
    settle_begin(&settle, session);
    settle_learn(&settle);
    struct shoal_plan *plan = NULL;
    int code = shoal_change(session->client, change, &session->options, &plan);
    int status = 0;
    if (code != 0) {
        status = session_fail(session, code);
    } else {
        settle_arm(&settle);
        tell_plan(session->terminal, change, plan);
        status = is_done(change, plan) ? 0 : follow(&settle, plan);
    }
    settle_end(&settle);
    if (status == 0) {
        status = tell_ok(session->terminal, plan);
    }
    shoal_plan_free(plan);
    return status;
}

int change_carry_out(struct terminal *terminal, const struct invocation *invocation,
                     const struct shoal_change *change)
{
    struct session session;
    int status = change_session_open(&session, terminal, invocation);
    if (status != 0) {
        return status;
    }
    status = run(&session, change);
    session_close(&session);
    return status;
}
