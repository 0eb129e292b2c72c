/* Assertions that stay on in release builds. For facts about our own code only; input from
 * clients, peers, disks and config is refused with an error instead. */
#ifndef BASE_ASSERT_H
#define BASE_ASSERT_H

_Noreturn void assert_failed(const char *file, int line, const char *fact);

#define ASSERT(fact) ((fact) ? (void)0 : assert_failed(__FILE__, __LINE__, #fact))

#endif
