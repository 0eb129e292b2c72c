/* Now, as the world tells the deciding code with every event: monotonic time for deadlines, wall
 * time for what people and other machines see. Neither is ever read by the deciding code itself. */
#ifndef BASE_MOMENT_H
#define BASE_MOMENT_H

#include <stdint.h>

struct moment {
    uint64_t mono_us;
    uint64_t wall_ms; /* since 1970; may jump */
};

#endif
