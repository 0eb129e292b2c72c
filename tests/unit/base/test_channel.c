/* The queue of many producers and one consumer. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <sched.h>
#include <semaphore.h>

#include "base/channel.h"

struct message {
    struct channel_link link; /* first, so that a link is its message */
    unsigned producer;
    unsigned number;
};

static struct message *message_of(struct channel_link *link)
{
    return (struct message *)(void *)link;
}

static void messages_come_out_in_order(void **state)
{
    (void)state;
    struct channel channel;
    struct message messages[5] = {
        {.number = 0}, {.number = 1}, {.number = 2}, {.number = 3}, {.number = 4}};
    channel_init(&channel);
    assert_null(channel_pop(&channel));
    for (size_t i = 0; i < 5; i++) {
        channel_push(&channel, &messages[i].link);
    }
    for (size_t i = 0; i < 5; i++) {
        assert_ptr_equal(channel_pop(&channel), &messages[i].link);
    }
    assert_null(channel_pop(&channel));
    assert_null(channel_pop(&channel));
}

static void a_message_can_be_pushed_again_once_popped(void **state)
{
    (void)state;
    struct channel channel;
    struct message a = {.number = 1};
    struct message b = {.number = 2};
    channel_init(&channel);
    for (size_t i = 0; i < 100; i++) {
        channel_push(&channel, &a.link);
        assert_ptr_equal(channel_pop(&channel), &a.link);
        channel_push(&channel, &b.link);
        channel_push(&channel, &a.link);
        assert_ptr_equal(channel_pop(&channel), &b.link);
        channel_push(&channel, &b.link);
        assert_ptr_equal(channel_pop(&channel), &a.link);
        assert_ptr_equal(channel_pop(&channel), &b.link);
        assert_null(channel_pop(&channel));
    }
}

static void a_producer_stopped_half_way_hides_what_follows_until_it_goes_on(void **state)
{
    (void)state;
    struct channel channel;
    struct message messages[3];
    channel_init(&channel);
    channel_push(&channel, &messages[0].link);
    channel_begin(&channel);
    /* What channel_push does first, by hand: the second message is not linked yet. */
    atomic_init(&messages[1].link.next, NULL);
    struct channel_link *previous = atomic_exchange(&channel.head, &messages[1].link);
    assert_null(channel_pop(&channel));
    assert_null(channel_pop(&channel));
    assert_true(channel_push(&channel, &messages[2].link));
    assert_null(channel_pop(&channel));
    atomic_store(&previous->next, &messages[1].link);
    for (size_t i = 0; i < 3; i++) {
        assert_ptr_equal(channel_pop(&channel), &messages[i].link);
    }
    assert_null(channel_pop(&channel));
}

static void one_wake_up_is_asked_for_between_drains(void **state)
{
    (void)state;
    struct channel channel;
    struct message messages[4];
    channel_init(&channel);
    assert_true(channel_push(&channel, &messages[0].link));
    assert_false(channel_push(&channel, &messages[1].link));
    channel_begin(&channel);
    assert_non_null(channel_pop(&channel));
    assert_true(channel_push(&channel, &messages[2].link));
    assert_false(channel_push(&channel, &messages[3].link));
    assert_non_null(channel_pop(&channel));
    assert_non_null(channel_pop(&channel));
    assert_non_null(channel_pop(&channel));
    assert_null(channel_pop(&channel));
    channel_begin(&channel);
}

/* A consumer that sleeps when it finds nothing, and is woken only when push says so: if a wake-up
 * were lost the test would not end. */
#define PRODUCERS 4u
#define MESSAGES 20000u

static struct {
    struct channel channel;
    sem_t wake_ups;
    struct message messages[PRODUCERS][MESSAGES];
} shared;

static void *produce(void *number)
{
    unsigned producer = *(unsigned *)number;
    for (unsigned i = 0; i < MESSAGES; i++) {
        struct message *message = &shared.messages[producer][i];
        message->producer = producer;
        message->number = i;
        if (channel_push(&shared.channel, &message->link)) {
            sem_post(&shared.wake_ups);
        }
        if (i % 64 == 0) {
            sched_yield();
        }
    }
    return NULL;
}

static void no_message_of_several_threads_is_lost_or_out_of_order(void **state)
{
    (void)state;
    pthread_t threads[PRODUCERS];
    unsigned producers[PRODUCERS];
    unsigned next[PRODUCERS] = {0};
    unsigned received = 0;
    channel_init(&shared.channel);
    assert_int_equal(sem_init(&shared.wake_ups, 0, 0), 0);
    for (unsigned i = 0; i < PRODUCERS; i++) {
        producers[i] = i;
        assert_int_equal(pthread_create(&threads[i], NULL, produce, &producers[i]), 0);
    }
    while (received < PRODUCERS * MESSAGES) {
        sem_wait(&shared.wake_ups);
        channel_begin(&shared.channel);
        struct channel_link *link;
        while ((link = channel_pop(&shared.channel)) != NULL) {
            struct message *message = message_of(link);
            assert_int_equal(message->number, next[message->producer]);
            next[message->producer]++;
            received++;
        }
    }
    for (size_t i = 0; i < PRODUCERS; i++) {
        pthread_join(threads[i], NULL);
    }
    channel_begin(&shared.channel);
    assert_null(channel_pop(&shared.channel));
    sem_destroy(&shared.wake_ups);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_out_in_order),
        cmocka_unit_test(a_message_can_be_pushed_again_once_popped),
        cmocka_unit_test(a_producer_stopped_half_way_hides_what_follows_until_it_goes_on),
        cmocka_unit_test(one_wake_up_is_asked_for_between_drains),
        cmocka_unit_test(no_message_of_several_threads_is_lost_or_out_of_order),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
