/* shoal cluster plan, commit and cancel: changes that were staged, seen before they are made, made
 * together or forgotten. */
#include "base/text.h"
#include "cli/change.h"
#include "cli/plan_text.h"
#include "report/plan_json.h"

static void print_plain(struct terminal *terminal, const struct shoal_plan *plan, uint32_t nodes)
{
    FILE *out = terminal->out;
    if (plan->text[0] != '\0') {
        (void)fprintf(out, "%s\n", plan->text);
    }
    if (!plan->changes) {
        if (plan->text[0] == '\0') {
            (void)fprintf(out, nodes == 0 ? "nothing is staged\n" : "nothing would change\n");
        }
        return;
    }
    if (nodes > 0) {
        (void)fprintf(out, nodes == 1 ? "if there were %u node:\n" : "if there were %u nodes:\n",
                      (unsigned)nodes);
    }
    plan_print(plan, out);
}

static int plan(struct terminal *terminal, const struct invocation *invocation)
{
    struct session session;
    int status = session_open(&session, terminal, invocation, TIMEOUT_MS_DEFAULT);
    if (status != 0) {
        return status;
    }
    struct shoal_change change = {
        .op = SHOAL_CHANGE_PLAN,
        .nodes = (uint32_t)invocation->nodes,
    };
    struct shoal_plan *found = NULL;
    int code = shoal_change(session.client, &change, &session.options, &found);
    if (code != 0) {
        status = session_fail(&session, code);
    } else if (terminal->json) {
        status = terminal_print_json(terminal, terminal->out, json_of_plan(found));
    } else {
        print_plain(terminal, found, change.nodes);
    }
    shoal_plan_free(found);
    session_close(&session);
    return status;
}

static int commit(struct terminal *terminal, const struct invocation *invocation)
{
    struct shoal_change change = {.op = SHOAL_CHANGE_COMMIT, .force = invocation->force};
    return change_carry_out(terminal, invocation, &change);
}

static int cancel(struct terminal *terminal, const struct invocation *invocation)
{
    struct shoal_change change = {.op = SHOAL_CHANGE_CANCEL};
    return change_carry_out(terminal, invocation, &change);
}

int command_cluster(struct terminal *terminal, const struct invocation *invocation)
{
    static const char *const names[] = {"plan", "commit", "cancel", NULL};
    static int (*const runs[])(struct terminal *, const struct invocation *) = {plan, commit,
                                                                                cancel};
    const char *given = invocation->arguments[0];
    for (size_t i = 0; names[i] != NULL; i++) {
        if (strcmp(given, names[i]) != 0) {
            continue;
        }
        if (invocation->nodes > 0 && i != 0) {
            return terminal_fail_form(terminal, SHOAL_EINVAL,
                                      "cluster %s: --nodes goes with cluster plan only", names[i]);
        }
        if (invocation->force && i != 1) {
            return terminal_fail_form(terminal, SHOAL_EINVAL,
                                      "cluster %s: --force goes with cluster commit only",
                                      names[i]);
        }
        return runs[i](terminal, invocation);
    }
    const char *nearest = text_nearest(given, names);
    return terminal_fail_form(terminal, SHOAL_EINVAL,
                              "cluster: \"%.64s\" is none of plan, commit, "
                              "cancel%s%s%s",
                              given, nearest != NULL ? ": did you mean " : "",
                              nearest != NULL ? nearest : "", nearest != NULL ? "?" : "");
}
