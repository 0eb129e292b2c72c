/* See page_guard.h. The handler runs on the thread that has touched the page, in the middle of
 * whatever that was doing, so it takes no lock and asks for no memory: the guards stand in a table
 * of fixed size, each in one word that is read whole. */
#include "storage/page_guard.h"

#include <errno.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/limits.h"
#include "shoal/error.h"

/* A range in one word: where it begins, and in the bits that are free there, because pages are as
 * long as that at least, how many units of 4 KiB it has. 0: the guard is free. */
#define UNIT_BYTES 4096u
#define RANGE_UNITS ((uintptr_t)UNIT_BYTES - 1)
#define RANGE_TAKEN ((uintptr_t)1 << 12) /* of no length: it is being given out */

struct page_guard {
    _Atomic uintptr_t range;
    atomic_bool lost;
};

static struct page_guard guards[LIMIT_MAPPINGS];
static uintptr_t page_bytes;
static struct sigaction before; /* what was done about SIGBUS */
static pthread_once_t handler_once = PTHREAD_ONCE_INIT;
static bool handler_set;

static bool guard_has(const struct page_guard *guard, uintptr_t address)
{
    uintptr_t range = atomic_load_explicit(&guard->range, memory_order_acquire);
    return address - (range & ~RANGE_UNITS) < (range & RANGE_UNITS) * UNIT_BYTES;
}

static struct page_guard *guard_of(uintptr_t address)
{
    for (uint32_t i = 0; i < LIMIT_MAPPINGS; i++) {
        if (guard_has(&guards[i], address)) {
            return &guards[i];
        }
    }
    return NULL;
}

/* The system call itself: what sanitizers put around it is not made for handlers. */
static bool page_replace(uintptr_t address)
{
    long result = syscall(SYS_mmap, address & ~(page_bytes - 1), page_bytes, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
    return result != -1;
}

/* Not sent by somebody, and not a warning about memory that nobody has touched: those don't come
 * again by themselves. */
static bool is_access(const siginfo_t *info)
{
    return info->si_code == BUS_ADRALN || info->si_code == BUS_ADRERR ||
           info->si_code == BUS_OBJERR || info->si_code == BUS_MCEERR_AR;
}

/* Where nothing is replaced, what was there before decides: the access is made again. */
static void on_bus(int number, siginfo_t *info, void *context)
{
    int error = errno;
    uintptr_t address = (uintptr_t)info->si_addr;
    struct page_guard *guard = is_access(info) ? guard_of(address) : NULL;
    (void)context;
    if (guard != NULL && page_replace(address)) {
        atomic_store_explicit(&guard->lost, true, memory_order_relaxed);
    } else {
        (void)sigaction(number, &before, NULL);
        if (!is_access(info)) {
            (void)raise(number);
        }
    }
    errno = error;
}

static void handler_begin(void)
{
    struct sigaction action = {.sa_sigaction = on_bus, .sa_flags = SA_SIGINFO | SA_ONSTACK};
    page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);
    (void)sigemptyset(&action.sa_mask);
    handler_set = sigaction(SIGBUS, &action, &before) == 0;
}

int page_guard_add(void *memory, size_t bytes, struct page_guard **out)
{
    uintptr_t begin = (uintptr_t)memory;
    uintptr_t units = (bytes + UNIT_BYTES - 1) / UNIT_BYTES;
    ASSERT((begin & RANGE_UNITS) == 0 && bytes > 0 && bytes <= PAGE_GUARD_BYTES_MAX);
    (void)pthread_once(&handler_once, handler_begin);
    for (uint32_t i = 0; i < LIMIT_MAPPINGS && handler_set; i++) {
        struct page_guard *guard = &guards[i];
        uintptr_t free = 0;
        if (atomic_compare_exchange_strong(&guard->range, &free, RANGE_TAKEN)) {
            atomic_store_explicit(&guard->lost, false, memory_order_relaxed);
            atomic_store_explicit(&guard->range, begin | units, memory_order_release);
            *out = guard;
            return 0;
        }
    }
    return SHOAL_ENOMEM;
}

void page_guard_remove(struct page_guard *guard)
{
    ASSERT(atomic_load_explicit(&guard->range, memory_order_relaxed) != 0);
    atomic_store_explicit(&guard->range, 0, memory_order_release);
}

const atomic_bool *page_guard_lost(const struct page_guard *guard)
{
    return &guard->lost;
}
