/* xoshiro256** 1.0 (Blackman and Vigna), seeded through splitmix64 as its authors advise: fast, and
 * the same on every machine, which the simulator needs. It is not for secrets. */
#include "base/random.h"

#include <errno.h>
#include <sys/random.h>

#include "shoal/error.h"

__extension__ typedef unsigned __int128 uint128;

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t x = (*state += UINT64_C(0x9e3779b97f4a7c15));
    x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
    return x ^ (x >> 31);
}

void random_init(struct random *random, uint64_t seed)
{
    for (size_t i = 0; i < 4; i++) {
        random->state[i] = splitmix64(&seed);
    }
}

static uint64_t rotate_left(uint64_t x, unsigned by)
{
    return (x << by) | (x >> (64 - by));
}

uint64_t random_u64(struct random *random)
{
    uint64_t *s = random->state;
    uint64_t result = rotate_left(s[1] * 5, 7) * 9;
    uint64_t shifted = s[1] << 17;
    s[2] ^= s[0];
    s[3] ^= s[1];
    s[1] ^= s[2];
    s[0] ^= s[3];
    s[2] ^= shifted;
    s[3] = rotate_left(s[3], 45);
    return result;
}

/* Lemire's multiplication instead of a remainder: the few products that would favour some numbers
 * are drawn again. */
uint64_t random_below(struct random *random, uint64_t bound)
{
    if (bound == 0) {
        return 0;
    }
    uint128 product = (uint128)random_u64(random) * bound;
    if ((uint64_t)product < bound) {
        uint64_t threshold = (UINT64_MAX - bound + 1) % bound;
        while ((uint64_t)product < threshold) {
            product = (uint128)random_u64(random) * bound;
        }
    }
    return (uint64_t)(product >> 64);
}

double random_unit(struct random *random)
{
    return (double)(random_u64(random) >> 11) * 0x1p-53;
}

bool random_chance(struct random *random, double probability)
{
    return random_unit(random) < probability;
}

uint64_t random_id(struct random *random)
{
    uint64_t id;
    do {
        id = random_u64(random);
    } while (id == 0);
    return id;
}

int random_from_kernel(void *out, size_t len)
{
    uint8_t *at = out;
    while (len > 0) {
        ssize_t got = getrandom(at, len, 0);
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            return SHOAL_EIO;
        }
        at += got;
        len -= (size_t)got;
    }
    return 0;
}
