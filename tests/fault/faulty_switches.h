/* What is wrong with the faulty disk at the moment. Switched by lines of text while it runs, asked
 * by every call that the file system passes on. It decides only; the file system does what it says.
 * Any thread may call anything here. */
#ifndef FAULT_FAULTY_SWITCHES_H
#define FAULT_FAULTY_SWITCHES_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

/* What is counted since the start, for those who want to see that a switch did something. */
enum faulty_count {
    FAULTY_READS,
    FAULTY_WRITES,
    FAULTY_SYNCS,
    FAULTY_FAILED,  /* calls that came to EIO */
    FAULTY_REFUSED, /* calls that came to ENOSPC */
    FAULTY_COUNTS,
};

void switches_seed(uint64_t seed);
/* The next number of its row. */
unsigned switches_number(void);

/* One line, changed in place:
 *
 *      full on [BYTES] | full off      no space left, or so much; what is freed meanwhile can be
 *                                      used again
 *      eio READS WRITES [SUFFIX]       shares from 0 to 1 of reads and writes that fail, of files
 *                                      whose names end so
 *      sync ok | fail | once           syncs fail from now on, or the next one does
 *      slow BYTES_A_SECOND LATENCY_MS  of reads, of writes, and of a sync; 0 0: as fast as it is
 *
 * False with the reason in `why` when it is none of these: nothing has changed then. */
bool switches_line(char *line, const char **why);
void switches_print(FILE *out);

void switches_counted(enum faulty_count what);

/* 0 or the errno that the call comes to. */
int switches_read_error(const char *name);
int switches_write_error(const char *name);
int switches_sync_error(void);

/* Takes so much space for a file: 0 or ENOSPC. */
int switches_take(uint64_t bytes);
void switches_give_back(uint64_t bytes);
/* Whether the disk is full, and then what may be taken yet. */
bool switches_full(uint64_t *bytes_left);

/* Sleep as long as a slow disk would take. Reads pay at once. Writes go to memory first, as in a
 * kernel, and are paid for by the file's sync, or at once when too much is waiting to be written.
 * `owed` is the file's own account. */
void switches_pay_read(uint64_t bytes);
void switches_pay_write(uint64_t *owed, uint64_t bytes);
void switches_pay_sync(uint64_t *owed);
/* The file is gone, and nothing will be paid. */
void switches_forgive(uint64_t *owed);

#endif
