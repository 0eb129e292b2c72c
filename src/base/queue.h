/* An intrusive doubly linked list with a head: the links live in the elements, so joining and
 * leaving allocate nothing and cannot fail.
 *
 *      head <-> a.link <-> b.link <-> head          (a circle; an empty head points to itself)
 */
#ifndef BASE_QUEUE_H
#define BASE_QUEUE_H

#include <stdbool.h>
#include <stddef.h>

struct queue {
    struct queue *next;
    struct queue *previous;
};

static inline void queue_init(struct queue *head)
{
    head->next = head;
    head->previous = head;
}

static inline bool queue_empty(const struct queue *head)
{
    return head->next == head;
}

static inline void queue_push(struct queue *head, struct queue *link)
{
    link->previous = head->previous;
    link->next = head;
    head->previous->next = link;
    head->previous = link;
}

/* Leaves whatever queue it is in; harmless on a link that was initialised and is in none. */
static inline void queue_remove(struct queue *link)
{
    link->previous->next = link->next;
    link->next->previous = link->previous;
    queue_init(link);
}

/* The first link, taken out; NULL when empty. */
static inline struct queue *queue_pop(struct queue *head)
{
    struct queue *first = head->next;
    if (first == head) {
        return NULL;
    }
    queue_remove(first);
    return first;
}

/* The element that holds `link` as its member `member`. */
#define QUEUE_ITEM(link, type, member) ((type *)(void *)((char *)(link)-offsetof(type, member)))

#endif
