/* claims STORE N: claims N idle machines in this store, one a call; then N others, 100 a call. */

#include <err.h>

#include "common/base/parse.h"
#include "tests/bench/bench-kit.h"

#define BATCH 100
#define IDLE_MS (3600 * MSEC_PER_SEC)

/* Claims/s. */
static double claim_all(struct store *store, const char *prefix, size_t n, size_t step)
{
	double start = bench_now_s();

	for (size_t i = 0; i < n; i += step) {
		struct change claims[BATCH];
		struct change_outcome outcomes[BATCH];
		struct fault fault = {};
		size_t batch = n - i < step ? n - i : step;

		for (size_t k = 0; k < batch; k++) {
			char id[MACHINE_ID_MAX];

			bench_name(id, prefix, i + k);
			claims[k] = bench_claim(id, "1-1-default");
		}
		bench_check(store->ops->change(store, claims, batch, outcomes, &fault), &fault);
		for (size_t k = 0; k < batch; k++)
			if (outcomes[k].result != CHANGE_DONE)
				errx(1, "%s was not claimed", claims[k].id);
	}
	return (double)n / (bench_now_s() - start);
}

int main(int argc, char **argv)
{
	struct bench bench = {};
	struct store *store;
	uint64_t n;

	if (argc != 3 || parse_u64(argv[2], &n) < 0 || n == 0)
		errx(2, "claims STORE N");
	bench.address = argv[1];
	store = bench_open(&bench);
	bench_make_idle(store, "one", n, IDLE_MS);
	bench_make_idle(store, "batch", n, IDLE_MS);
	bench_report("  one a call", claim_all(store, "one", n, 1), "claims/s", "");
	bench_report("  100 a call", claim_all(store, "batch", n, BATCH), "claims/s", "");
	store_close(store);
	return 0;
}
