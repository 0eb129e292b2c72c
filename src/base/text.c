/* Durations, numbers, addresses and near misses as people write them. Everything is read by hand:
 * strtoull and friends take signs, blanks and half a text. */
#include "base/text.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <stdio.h>
#include <time.h>

#include "shoal/error.h"

#define TIME_MS_MAX UINT64_C(253402300799999) /* the last of the year 9999 */
#define DURATION_MAX_US (UINT64_C(100) * 365 * 24 * 3600 * 1000000)

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* Reads the digits at the start: how many, 0 when there are none or the number is too large. */
static size_t digits_read(const char *text, size_t len, uint64_t *out)
{
    uint64_t value = 0;
    size_t at = 0;
    for (; at < len && is_digit(text[at]); at++) {
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, (uint64_t)(text[at] - '0'), &value)) {
            return 0;
        }
    }
    *out = value;
    return at;
}

int text_parse_duration_us(const char *text, uint64_t unit_us, uint64_t *out_us)
{
    static const struct {
        const char *name;
        uint64_t us;
    } units[] = {
        {"us", 1},
        {"ms", 1000},
        {"s", 1000000},
        {"m", UINT64_C(60) * 1000000},
        {"h", UINT64_C(3600) * 1000000},
        {"d", UINT64_C(86400) * 1000000},
    };
    uint64_t number = 0;
    size_t digits = digits_read(text, strlen(text), &number);
    if (digits == 0) {
        return SHOAL_EINVAL;
    }
    const char *name = text + digits;
    uint64_t factor = *name == '\0' ? unit_us : 0;
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
        if (strcmp(name, units[i].name) == 0) {
            factor = units[i].us;
        }
    }
    uint64_t us;
    if (factor == 0 || __builtin_mul_overflow(number, factor, &us) || us > DURATION_MAX_US) {
        return SHOAL_EINVAL;
    }
    *out_us = us;
    return 0;
}

static int parse_u64(const char *text, size_t len, uint64_t min, uint64_t max, uint64_t *out)
{
    uint64_t value = 0;
    if (len == 0 || digits_read(text, len, &value) != len || value < min || value > max) {
        return SHOAL_EINVAL;
    }
    *out = value;
    return 0;
}

int text_parse_u64(const char *text, uint64_t min, uint64_t max, uint64_t *out)
{
    return parse_u64(text, strlen(text), min, max, out);
}

static bool is_host_name(const char *host, size_t len)
{
    static const char allowed[] = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                  "0123456789.-_";
    for (size_t i = 0; i < len; i++) {
        if (host[i] == '\0' || strchr(allowed, host[i]) == NULL) {
            return false;
        }
    }
    return len > 0;
}

/* An IPv6 address, with a zone ("%eth0") if it needs one. */
static bool is_v6(const char *host, size_t len)
{
    const char *percent = memchr(host, '%', len);
    size_t address_len = percent == NULL ? len : (size_t)(percent - host);
    char address[INET6_ADDRSTRLEN];
    if (address_len >= sizeof(address)) {
        return false;
    }
    memcpy(address, host, address_len);
    address[address_len] = '\0';
    struct in6_addr parsed;
    if (inet_pton(AF_INET6, address, &parsed) != 1) {
        return false;
    }
    return percent == NULL || is_host_name(percent + 1, len - address_len - 1);
}

bool text_is_host(const char *text)
{
    size_t len = strlen(text);
    return len <= 255 && (is_host_name(text, len) || is_v6(text, len));
}

void text_address(const char *host, uint32_t port, char out[TEXT_ADDRESS_BYTES])
{
    bool v6 = strchr(host, ':') != NULL;
    (void)snprintf(out, TEXT_ADDRESS_BYTES, "%s%.255s%s:%u", v6 ? "[" : "", host, v6 ? "]" : "",
                   port);
}

int text_parse_address(const char *text, uint16_t port_default, char host[256], uint16_t *port)
{
    const char *start = text;
    const char *end;
    const char *rest;
    bool v6 = *text == '[';
    if (v6) {
        start++;
        end = strchr(start, ']');
        rest = end == NULL ? NULL : end + 1;
    } else if (port_default != 0 && is_v6(text, strlen(text))) {
        v6 = true;
        end = start + strlen(text);
        rest = end;
    } else {
        end = start + strcspn(start, ":");
        rest = end;
    }
    if (end == NULL) {
        return SHOAL_EINVAL;
    }
    size_t len = (size_t)(end - start);
    if (len > 255 || !(v6 ? is_v6(start, len) : is_host_name(start, len))) {
        return SHOAL_EINVAL;
    }
    uint64_t number = port_default;
    if (*rest == '\0') {
        if (port_default == 0) {
            return SHOAL_EINVAL;
        }
    } else if (*rest != ':' || text_parse_u64(rest + 1, 1, UINT16_MAX, &number) != 0) {
        return SHOAL_EINVAL;
    }
    memcpy(host, start, len);
    host[len] = '\0';
    *port = (uint16_t)number;
    return 0;
}

static void put_digits(char *at, uint32_t number, uint32_t count)
{
    while (count-- > 0) {
        at[count] = (char)('0' + number % 10);
        number /= 10;
    }
}

void text_time(uint64_t ms, char out[TEXT_TIME_BYTES])
{
    ms = ms < TIME_MS_MAX ? ms : TIME_MS_MAX;
    time_t seconds = (time_t)(ms / 1000);
    struct tm tm = {0};
    (void)gmtime_r(&seconds, &tm);
    memcpy(out, "0000-00-00T00:00:00.000Z", TEXT_TIME_BYTES);
    put_digits(out, (uint32_t)tm.tm_year + 1900, 4);
    put_digits(out + 5, (uint32_t)tm.tm_mon + 1, 2);
    put_digits(out + 8, (uint32_t)tm.tm_mday, 2);
    put_digits(out + 11, (uint32_t)tm.tm_hour, 2);
    put_digits(out + 14, (uint32_t)tm.tm_min, 2);
    put_digits(out + 17, (uint32_t)tm.tm_sec, 2);
    put_digits(out + 20, (uint32_t)(ms % 1000), 3);
}

void text_hex(const uint8_t *in, size_t len, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < len; i++) {
        out[2 * i] = digits[in[i] >> 4];
        out[2 * i + 1] = digits[in[i] & 15];
    }
    out[2 * len] = '\0';
}

#define NEAREST_LEN_MAX 64u

static size_t min2(size_t a, size_t b)
{
    return a < b ? a : b;
}

/* Names are the same to whoever reads them, in capitals or not. */
static bool same_letter(char a, char b)
{
    return tolower((unsigned char)a) == tolower((unsigned char)b);
}

/* Edit distance that counts two neighbours swapped as one edit (optimal string alignment), with the
 * last three rows of its matrix kept. Both texts are at most NEAREST_LEN_MAX long. */
static size_t edit_distance(const char *a, size_t a_len, const char *b, size_t b_len)
{
    size_t rows[3][NEAREST_LEN_MAX + 1] = {{0}};
    for (size_t j = 0; j <= b_len; j++) {
        rows[0][j] = j;
    }
    for (size_t i = 1; i <= a_len; i++) {
        size_t *row = rows[i % 3];
        const size_t *above = rows[(i - 1) % 3];
        const size_t *above2 = rows[(i + 1) % 3];
        row[0] = i;
        for (size_t j = 1; j <= b_len; j++) {
            size_t swapped = above[j - 1] + (same_letter(a[i - 1], b[j - 1]) ? 0 : 1);
            row[j] = min2(min2(above[j], row[j - 1]) + 1, swapped);
            if (i > 1 && j > 1 && same_letter(a[i - 1], b[j - 2]) &&
                same_letter(a[i - 2], b[j - 1])) {
                row[j] = min2(row[j], above2[j - 2] + 1);
            }
        }
    }
    return rows[a_len % 3][b_len];
}

const char *text_nearest(const char *text, const char *const *names)
{
    const char *nearest = NULL;
    size_t nearest_distance = SIZE_MAX;
    size_t text_len = strlen(text);
    if (text_len > NEAREST_LEN_MAX) {
        return NULL;
    }
    for (; *names != NULL; names++) {
        size_t len = strlen(*names);
        if (len > NEAREST_LEN_MAX) {
            continue;
        }
        /* A slip changes no more than a third, and something must be left to recognise. */
        size_t longest = len > text_len ? len : text_len;
        size_t distance_max = longest < 6 ? 1 : longest / 3;
        size_t distance = edit_distance(text, text_len, *names, len);
        if (distance <= distance_max && distance < longest && distance < nearest_distance) {
            nearest = *names;
            nearest_distance = distance;
        }
    }
    return nearest;
}

void text_list(const char *const *names, char *out, size_t room)
{
    size_t len = 0;
    out[0] = '\0';
    for (size_t i = 0; names[i] != NULL; i++) {
        const char *comma = i == 0 ? "" : ", ";
        size_t more = strlen(comma) + strlen(names[i]);
        if (more >= room - len) {
            return;
        }
        (void)snprintf(out + len, room - len, "%s%s", comma, names[i]);
        len += more;
    }
}
