/* Between the oracle's two files. */
#ifndef SIM_JUDGE_H
#define SIM_JUDGE_H

#include "sim_oracle.h"

#include <stdio.h>

#define SIM_TEXT_MAX 96u

/* "put #17 (a3f0,4)" */
const char *sim_dot_text(const struct sim_key *key, uint32_t index, char out[SIM_TEXT_MAX]);

/* One context with what is live under it; `excused` need not be shown (an answer's tombstones).
 * `before` is the same holding's last state, or NULL. */
void sim_judge_object(struct sim_oracle *oracle, const struct sim_key *key,
                      const struct sim_set *covered, const struct sim_set *live,
                      const struct sim_set *excused, const struct sim_held *before,
                      const char *where);

/* The quorum of owners that an answer stands on. */
uint32_t sim_judge_effective(const struct sim_oracle *oracle, const struct sim_reply *reply);

/* A dot has just become known as its put's. */
void sim_judge_issue(struct sim_oracle *oracle, const struct sim_key *key, uint32_t index);

#endif
