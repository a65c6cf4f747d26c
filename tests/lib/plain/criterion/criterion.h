/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stands in for Criterion under ThreadSanitizer, which has another idea of the address space than
 * Criterion's runner. The part of its macros that the tests with threads use, one process per test,
 * results as TAP. Included by one file per program; brings main().
 */
#ifndef TALLYWIRE_TESTS_LIB_PLAIN_CRITERION_H
#define TALLYWIRE_TESTS_LIB_PLAIN_CRITERION_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct plain_test {
	const char *suite;
	const char *name; /* NULL: what all tests of the suite begin and end with */
	void (*run)(void);
	void (*init)(void);
	void (*fini)(void);
	struct plain_test *next;
};

static struct plain_test *plain_tests;
static bool plain_failed;

static inline void plain_register(struct plain_test *test)
{
	struct plain_test **end = &plain_tests;
	while (*end)
		end = &(*end)->next;
	*end = test;
}

#define PLAIN_REGISTER(id, ...)                                                                    \
	static struct plain_test id = {__VA_ARGS__};                                               \
	__attribute__((constructor)) static void id##_register(void)                               \
	{                                                                                          \
		plain_register(&id);                                                               \
	}

#define Test(suite_, name_, ...)                                                                   \
	static void plain_##suite_##_##name_##_run(void);                                          \
	PLAIN_REGISTER(plain_##suite_##_##name_, .suite = #suite_, .name = #name_,                 \
		       .run = plain_##suite_##_##name_##_run, ##__VA_ARGS__)                       \
	static void plain_##suite_##_##name_##_run(void)

#define TestSuite(suite_, ...)                                                                     \
	PLAIN_REGISTER(plain_suite_##suite_, .suite = #suite_, ##__VA_ARGS__)                      \
	struct plain_test

__attribute__((format(printf, 5, 6))) static inline void
plain_fail(const char *file, int line, const char *what, bool fatal, const char *format, ...)
{
	va_list args;
	va_start(args, format);
	printf("# %s:%d: not so: %s", file, line, what);
	vprintf(format, args);
	printf("\n");
	va_end(args);
	fflush(stdout);
	plain_failed = true;
	if (fatal)
		_exit(1);
}

#define PLAIN_CHECK(condition, what, fatal, ...)                                                   \
	do {                                                                                       \
		if (!(condition))                                                                  \
			plain_fail(__FILE__, __LINE__, what, fatal, " " __VA_ARGS__);              \
	} while (0)
#define PLAIN_EXPECT(condition, ...) PLAIN_CHECK(condition, #condition, false, __VA_ARGS__)
#define PLAIN_ASSERT(condition, ...) PLAIN_CHECK(condition, #condition, true, __VA_ARGS__)

#define cr_expect(condition, ...)          PLAIN_EXPECT(condition, __VA_ARGS__)
#define cr_expect_not(condition, ...)      PLAIN_EXPECT(!(condition), __VA_ARGS__)
#define cr_expect_eq(a, b, ...)            PLAIN_EXPECT((a) == (b), __VA_ARGS__)
#define cr_expect_leq(a, b, ...)           PLAIN_EXPECT((a) <= (b), __VA_ARGS__)
#define cr_expect_gt(a, b, ...)            PLAIN_EXPECT((a) > (b), __VA_ARGS__)
#define cr_expect_null(a, ...)             PLAIN_EXPECT((a) == NULL, __VA_ARGS__)
#define cr_expect_not_null(a, ...)         PLAIN_EXPECT((a) != NULL, __VA_ARGS__)
#define cr_expect_str_eq(a, b, ...)        PLAIN_EXPECT(strcmp(a, b) == 0, __VA_ARGS__)
#define cr_expect_arr_eq(a, b, bytes, ...) PLAIN_EXPECT(memcmp(a, b, bytes) == 0, __VA_ARGS__)
#define cr_assert(condition, ...)          PLAIN_ASSERT(condition, __VA_ARGS__)
#define cr_assert_eq(a, b, ...)            PLAIN_ASSERT((a) == (b), __VA_ARGS__)
#define cr_assert_null(a, ...)             PLAIN_ASSERT((a) == NULL, __VA_ARGS__)
#define cr_assert_not_null(a, ...)         PLAIN_ASSERT((a) != NULL, __VA_ARGS__)
#define cr_assert_arr_eq(a, b, bytes, ...) PLAIN_ASSERT(memcmp(a, b, bytes) == 0, __VA_ARGS__)

#define cr_skip_test(...)                                                                          \
	do {                                                                                       \
		printf("# SKIP: " __VA_ARGS__);                                                    \
		printf("\n");                                                                      \
		exit(0);                                                                           \
	} while (0)

static inline void plain_surround(const struct plain_test *test, bool before)
{
	for (const struct plain_test *suite = plain_tests; suite; suite = suite->next) {
		void (*step)(void) = before ? suite->init : suite->fini;
		bool applies =
			suite == test || (!suite->name && !strcmp(suite->suite, test->suite));
		if (applies && step)
			step();
	}
}

static inline bool plain_run(const struct plain_test *test)
{
	int status = -1;
	fflush(stdout);
	pid_t child = fork();
	if (child == 0) {
		plain_surround(test, true);
		test->run();
		plain_surround(test, false);
		/* Not _exit(): the sanitizer has its say on the way out. */
		exit(plain_failed);
	}
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

int main(void)
{
	int number = 0, failed = 0;
	for (const struct plain_test *test = plain_tests; test; test = test->next) {
		if (!test->name)
			continue;
		bool right = plain_run(test);
		failed += !right;
		printf("%s %d - %s::%s\n", right ? "ok" : "not ok", ++number, test->suite,
		       test->name);
	}
	printf("1..%d\n", number);
	return failed != 0;
}

#endif
