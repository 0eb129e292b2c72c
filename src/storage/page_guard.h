/* Memory that is a file, and stays memory when the file's pages are gone. Touching such a page
 * (somebody has cut the file short, or the disk can't give it back) raises SIGBUS, which ends the
 * process. Of guarded memory the page is replaced by one of zeros that is nobody's file: the access
 * goes on, and whoever owns the memory finds the guard's flag set. After systemd's journal, whose
 * mapped files are as exposed. Rejected: leaving the access by siglongjmp (each one would have to
 * prepare for it, for more than an append costs), asking the file for its size before each (a
 * system call, and no answer to a disk that fails).
 *
 * SIGBUS for anything else ends the process as it would have without this. The handler takes the
 * place of the one before with the first guard, and stays. */
#ifndef STORAGE_PAGE_GUARD_H
#define STORAGE_PAGE_GUARD_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

/* A guard is for no more bytes than that. */
#define PAGE_GUARD_BYTES_MAX (((size_t)16 << 20) - 4096)

struct page_guard;

/* Guards memory that was mapped just now, in pages of the system. 0, or SHOAL_ENOMEM: there are
 * LIMIT_MAPPINGS already, or no handler can be set. Any thread. */
int page_guard_add(void *memory, size_t bytes, struct page_guard **out);
/* Before it is unmapped, when nobody touches it any more. Any thread. */
void page_guard_remove(struct page_guard *guard);
/* Set once a page is lost: what was in it is gone, and what is written to it reaches no file.
 * Stands until the guard is removed. */
const atomic_bool *page_guard_lost(const struct page_guard *guard);

#endif
