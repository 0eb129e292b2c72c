/* net/resolver: names by a name server of the test's own, which answers as it is told to. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/resolver.h"
#include "shoal/error.h"

/* ---- a name server --------------------------------------------------------------------------- */

#define TYPE_A 1u
#define TYPE_AAAA 28u
#define RECORDS_MAX 8u

/* name, address; an address of "" is a name without any; of "-" a silence. */
struct record {
    const char *name;
    const char *address;
};

static struct {
    pthread_t thread;
    pthread_mutex_t lock;
    int fd;
    char address[32];
    struct record records[RECORDS_MAX];
    uint32_t asked;
} server;

static void set_records(const struct record *records, size_t count)
{
    pthread_mutex_lock(&server.lock);
    memset(server.records, 0, sizeof(server.records));
    memcpy(server.records, records, count * sizeof(*records));
    pthread_mutex_unlock(&server.lock);
}

/* "\3www\4test\0" -> "www.test": how many bytes it took. */
static size_t read_name(const uint8_t *at, char name[256])
{
    size_t taken = 0;
    size_t len = 0;
    while (at[taken] != 0) {
        memcpy(name + len, at + taken + 1, at[taken]);
        len += at[taken];
        name[len++] = '.';
        taken += 1u + at[taken];
    }
    name[len == 0 ? 0 : len - 1] = 0;
    return taken + 1;
}

/* Appends the address as an answer if it is of the type asked for: how many bytes. */
static size_t append_answer(uint8_t *out, unsigned type, const char *address)
{
    uint8_t packed[16];
    int family = type == TYPE_A ? AF_INET : AF_INET6;
    size_t len = type == TYPE_A ? 4 : 16;
    if (inet_pton(family, address, packed) != 1) {
        return 0;
    }
    const uint8_t head[] = {0xc0, 12, 0, (uint8_t)type, 0, 1, 0, 0, 0, 0, 0, (uint8_t)len};
    memcpy(out, head, sizeof(head));
    memcpy(out + sizeof(head), packed, len);
    return sizeof(head) + len;
}

/* The answer in place of the question: its length, 0 for a silence. */
static size_t answer(uint8_t message[1024])
{
    char name[256];
    size_t end = 12 + read_name(message + 12, name);
    unsigned type = (unsigned)(message[end] << 8 | message[end + 1]);
    size_t len = end + 4;
    bool known = false;
    uint8_t count = 0;
    for (size_t i = 0; i < RECORDS_MAX && server.records[i].name != NULL; i++) {
        const struct record *record = &server.records[i];
        if (strcasecmp(record->name, name) != 0) {
            continue;
        }
        if (strcmp(record->address, "-") == 0) {
            return 0;
        }
        known = true;
        size_t more = append_answer(message + len, type, record->address);
        len += more;
        count = (uint8_t)(count + (more > 0));
    }
    message[2] = 0x85;
    message[3] = known ? 0x80 : 0x83;
    message[7] = count;
    message[9] = message[11] = 0;
    return len;
}

static void *serve(void *self)
{
    (void)self;
    uint8_t message[1024];
    struct sockaddr_in asker;
    for (;;) {
        socklen_t asker_len = sizeof(asker);
        ssize_t got = recvfrom(server.fd, message, 512, 0, (struct sockaddr *)&asker, &asker_len);
        if (got < 12) {
            return NULL;
        }
        pthread_mutex_lock(&server.lock);
        server.asked++;
        size_t len = answer(message);
        pthread_mutex_unlock(&server.lock);
        if (len > 0) {
            sendto(server.fd, message, len, 0, (struct sockaddr *)&asker, asker_len);
        }
    }
}

/* ---- somebody who asks ----------------------------------------------------------------------- */

static struct loop loop;
static struct resolver *resolver;
static uint32_t done;
static uint32_t dropped_count;

static void on_done(struct lookup *lookup, bool dropped)
{
    (void)lookup;
    done++;
    dropped_count += dropped;
}

static struct lookup ask_for(const char *host)
{
    return (struct lookup){.loop = &loop, .host = host, .port = 4001, .done = on_done};
}

static void wait_for(uint32_t count)
{
    while (done < count) {
        loop_turn(&loop, true);
    }
}

static struct lookup ask(const char *host)
{
    struct lookup lookup = ask_for(host);
    uint32_t before = done;
    resolver_look_up(resolver, &lookup);
    wait_for(before + 1);
    return lookup;
}

static bool has(const struct lookup *lookup, const char *address)
{
    for (uint32_t i = 0; i < lookup->addresses.count; i++) {
        char text[64];
        address_text(&lookup->addresses.items[i], text, sizeof(text));
        if (strcmp(text, address) == 0) {
            return true;
        }
    }
    return false;
}

static int set_up(void **state)
{
    (void)state;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t len = sizeof(address);
    pthread_mutex_init(&server.lock, NULL);
    memset(server.records, 0, sizeof(server.records));
    server.fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(server.fd, (struct sockaddr *)&address, len), 0);
    assert_int_equal(getsockname(server.fd, (struct sockaddr *)&address, &len), 0);
    snprintf(server.address, sizeof(server.address), "127.0.0.1:%u", ntohs(address.sin_port));
    server.asked = 0;
    assert_int_equal(pthread_create(&server.thread, NULL, serve, NULL), 0);
    done = dropped_count = 0;
    assert_int_equal(loop_init(&loop, NULL, 0), 0);
    return resolver_start(server.address, &resolver);
}

static int tear_down(void **state)
{
    (void)state;
    struct sockaddr_in address;
    socklen_t len = sizeof(address);
    resolver_stop(resolver);
    loop_deinit(&loop);
    assert_int_equal(getsockname(server.fd, (struct sockaddr *)&address, &len), 0);
    sendto(server.fd, "", 0, 0, (struct sockaddr *)&address, len); /* its end */
    pthread_join(server.thread, NULL);
    pthread_mutex_destroy(&server.lock);
    return close(server.fd);
}

/* ---- tests ----------------------------------------------------------------------------------- */

static void a_name_has_all_its_addresses_of_both_kinds(void **state)
{
    (void)state;
    set_records((const struct record[]){{"a.test", "10.0.0.1"},
                                        {"a.test", "fd00::1"},
                                        {"a.test", "10.0.0.2"},
                                        {"b.test", "10.0.0.3"}},
                4);
    struct lookup lookup = ask("a.test");
    assert_int_equal(lookup.code, 0);
    assert_int_equal(lookup.addresses.count, 3);
    assert_true(has(&lookup, "10.0.0.1:4001"));
    assert_true(has(&lookup, "10.0.0.2:4001"));
    assert_true(has(&lookup, "[fd00::1]:4001"));
    lookup = ask("b.test");
    assert_int_equal(lookup.addresses.count, 1);
    assert_true(has(&lookup, "10.0.0.3:4001"));
}

static void a_name_is_asked_for_anew_each_time(void **state)
{
    (void)state;
    struct lookup lookup = ask("a.test");
    assert_int_equal(lookup.code, SHOAL_ECONNECT);
    assert_non_null(lookup.why);
    set_records((const struct record[]){{"a.test", "10.0.0.1"}}, 1);
    lookup = ask("a.test");
    assert_true(has(&lookup, "10.0.0.1:4001"));
    set_records((const struct record[]){{"a.test", "10.0.0.9"}}, 1);
    lookup = ask("a.test");
    assert_int_equal(lookup.addresses.count, 1);
    assert_true(has(&lookup, "10.0.0.9:4001"));
}

static void a_name_without_an_address_is_a_failure(void **state)
{
    (void)state;
    set_records((const struct record[]){{"a.test", ""}}, 1);
    assert_int_equal(ask("a.test").code, SHOAL_ECONNECT);
    assert_int_equal(ask("no such host").code, SHOAL_ECONNECT);
    assert_int_equal(ask("").code, SHOAL_ECONNECT);
}

static void the_hosts_file_and_numbers_need_no_server(void **state)
{
    (void)state;
    struct lookup lookup = ask("localhost");
    assert_int_equal(lookup.code, 0);
    assert_true(has(&lookup, "127.0.0.1:4001") || has(&lookup, "[::1]:4001"));
    lookup = ask("10.1.2.3");
    assert_true(has(&lookup, "10.1.2.3:4001"));
    pthread_mutex_lock(&server.lock);
    assert_int_equal(server.asked, 0);
    pthread_mutex_unlock(&server.lock);
}

static void a_name_that_nobody_answers_for_holds_up_no_other(void **state)
{
    (void)state;
    set_records((const struct record[]){{"never.test", "-"}, {"a.test", "10.0.0.1"}}, 2);
    struct lookup never = ask_for("never.test");
    resolver_look_up(resolver, &never);
    struct lookup lookup = ask("a.test");
    assert_int_equal(lookup.code, 0);
    assert_int_equal(done, 1);
    wait_for(2); /* it gives up by itself */
    assert_int_equal(never.code, SHOAL_ECONNECT);
}

static void askers_of_the_same_moment_share_an_answer(void **state)
{
    (void)state;
    set_records((const struct record[]){{"never.test", "-"}}, 1);
    struct lookup lookups[10];
    for (size_t i = 0; i < 10; i++) {
        lookups[i] = ask_for("never.test");
        resolver_look_up(resolver, &lookups[i]);
    }
    wait_for(10);
    for (size_t i = 0; i < 10; i++) {
        assert_int_equal(lookups[i].code, SHOAL_ECONNECT);
    }
    pthread_mutex_lock(&server.lock);
    assert_true(server.asked <= 8); /* two kinds, some attempts each */
    pthread_mutex_unlock(&server.lock);
}

static void the_end_brings_all_lookups_back(void **state)
{
    (void)state;
    set_records((const struct record[]){{"never.test", "-"}, {"other.test", "-"}}, 2);
    struct lookup lookups[3] = {ask_for("never.test"), ask_for("never.test"),
                                ask_for("other.test")};
    for (size_t i = 0; i < 3; i++) {
        resolver_look_up(resolver, &lookups[i]);
    }
    resolver_stop(resolver);
    resolver = NULL;
    wait_for(3);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(lookups[i].code, SHOAL_ECONNECT);
    }
    assert_int_equal(dropped_count, 0);
}

static void what_comes_back_to_a_loop_that_is_over_is_dropped(void **state)
{
    (void)state;
    set_records((const struct record[]){{"never.test", "-"}}, 1);
    struct lookup lookup = ask_for("never.test");
    resolver_look_up(resolver, &lookup);
    resolver_stop(resolver);
    resolver = NULL;
    loop_deinit(&loop);
    assert_int_equal(done, 1);
    assert_int_equal(dropped_count, 1);
    assert_int_equal(loop_init(&loop, NULL, 0), 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_name_has_all_its_addresses_of_both_kinds),
        TEST(a_name_is_asked_for_anew_each_time),
        TEST(a_name_without_an_address_is_a_failure),
        TEST(the_hosts_file_and_numbers_need_no_server),
        TEST(a_name_that_nobody_answers_for_holds_up_no_other),
        TEST(askers_of_the_same_moment_share_an_answer),
        TEST(the_end_brings_all_lookups_back),
        TEST(what_comes_back_to_a_loop_that_is_over_is_dropped),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
