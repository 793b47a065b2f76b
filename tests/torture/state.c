#include "tests/torture/torture.h"

#include <check.h>
#include <link.h>
#include <sanitizer/common_interface_defs.h>
#include <sanitizer/lsan_interface.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>

const char *const torture_kind_names[_TORTURE_KIND_MAX] = {
	[TORTURE_NONE] = "none",
	[TORTURE_MEMORY] = "memory",
	[TORTURE_CALL] = "call",
	[TORTURE_SQLITE_MEMORY] = "sqlite-memory",
	[TORTURE_SQLITE_CALL] = "sqlite-call",
	[TORTURE_INTERRUPT] = "interrupt",
};

struct torture_state *torture_state;

static void on_death(void)
{
	torture_state->died = 1;
}

/* What the leak check takes for reachable. It would itself look at all variables of all libraries:
 * most of them, by far, are libasan's own. */
static int add_roots(struct dl_phdr_info *info, _unused_ size_t size, _unused_ void *context)
{
	if (strstr(info->dlpi_name, "libasan.") || strstr(info->dlpi_name, "libubsan."))
		return 0;
	for (size_t i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *header = &info->dlpi_phdr[i];

		if (header->p_type == PT_LOAD && header->p_flags & PF_W)
			__lsan_register_root_region(
				(const void *)(info->dlpi_addr + header->p_vaddr), header->p_memsz);
	}
	return 0;
}

const char *__lsan_default_options(void);
const char *__lsan_default_options(void)
{
	return "use_globals=0";
}

int torture_init(void)
{
	void *page = mmap(NULL, sizeof(*torture_state), PROT_READ | PROT_WRITE,
			  MAP_SHARED | MAP_ANONYMOUS, -1, 0);

	if (page == MAP_FAILED)
		return -1;
	torture_state = page;
	__sanitizer_set_death_callback(on_death);
	(void)dl_iterate_phdr(add_roots, NULL);
	return 0;
}

void torture_pause(void)
{
	ck_assert(!torture_state->paused);
	torture_state->paused = true;
}

void torture_resume(void)
{
	ck_assert(torture_state->paused);
	torture_state->paused = false;
}

bool torture_is_about_memory(void)
{
	return torture_state->point.kind == TORTURE_MEMORY ||
	       torture_state->point.kind == TORTURE_SQLITE_MEMORY;
}

bool torture_strikes(enum torture_kind kind, const char *what)
{
	struct torture_state *state = torture_state;
	long n;

	/* Also before main(), from what the libraries set up. */
	if (!state || state->paused)
		return false;

	n = atomic_fetch_add(&state->counts[kind], 1) + 1;
	if (state->point.kind != kind || state->point.at == 0 || n < state->point.at ||
	    (n > state->point.at && !state->point.lasting))
		return false;

	if (atomic_fetch_add(&state->struck, 1) == 0) {
		(void)snprintf(state->what, sizeof(state->what), "%s", what);
		if (state->trace) {
			(void)fprintf(stderr, "torture: %s() fails here:\n", what);
			__sanitizer_print_stack_trace();
		}
	}
	return true;
}

/* Dead stack frames stay readable, because what the leak check looks for may be there. */
const char *__asan_default_options(void);
const char *__asan_default_options(void)
{
	return "detect_stack_use_after_return=0:exitcode=99:handle_abort=1:"
	       "allocator_may_return_null=1";
}

const char *__ubsan_default_options(void);
const char *__ubsan_default_options(void)
{
	return "halt_on_error=1:exitcode=99:print_stacktrace=1";
}
