#include "tests/test.h"

int test_main(const char *file, const TTest *const *tests, size_t n)
{
	TCase *tcase = tcase_create("all");
	Suite *suite = suite_create(file);
	SRunner *runner;
	int failed;

	for (size_t i = 0; i < n; i++)
		tcase_add_test(tcase, tests[i]);
	tcase_set_timeout(tcase, 30);
	suite_add_tcase(suite, tcase);

	runner = srunner_create(suite);
	srunner_run_all(runner, CK_ENV);
	failed = srunner_ntests_failed(runner);
	srunner_free(runner);
	return failed == 0 ? EXIT_SUCCESS : EXIT_FAILURE;
}

uint64_t test_patience_usec(uint64_t usec)
{
	return usec;
}
