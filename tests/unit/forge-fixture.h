#pragma once

/* A mailbox in a fresh store, and its verbs in short. */

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "common/forge/forge.h"
#include "common/forge/mailbox.h"
#include "tests/store-contract.h"
#include "tests/test.h"

#define BOOT "boot-1"

struct scene {
	struct tree *tree;
	char *address;
	struct fake_clock clock;
	struct store *store;
	struct forge *forge;
	const struct forge_ops *ops;
	struct fault fault;
	struct machine machine; /* the claim of seq 5 */
	struct job job;         /* echo hello */
};

static inline void scene_init(struct scene *scene)
{
	char *const argv[] = { "echo", "hello \"you\" \\ ü" };

	*scene = (struct scene){
		.tree = tree_new(),
		.clock = fake_clock_new(),
		.machine = { .id = "m-1", .seq = 5, .run_key = CONTRACT_RUN },
	};
	scene->address = str_format("sqlite:%s/paddock.db", scene->tree->path);
	ck_assert_int_eq(
		store_open(scene->address, true, &scene->clock.clock, &scene->store, &scene->fault),
		0);
	ck_assert_int_eq(forge_open("none", scene->store, &scene->forge, &scene->fault), 0);
	scene->ops = scene->forge->ops;
	ck_assert_int_eq(job_set_command(&scene->job, argv, 2), 0);
}

static inline void scene_done(struct scene *scene)
{
	job_done(&scene->job);
	forge_close(scene->forge);
	store_close(scene->store);
	free(scene->address);
	tree_free(scene->tree);
}
#define _cleanup_scene_ _cleanup_(scene_done)

static inline int offer(struct scene *scene, uint64_t seq, bool with_job)
{
	scene->machine.seq = seq;
	return scene->ops->offer(scene->forge, &scene->machine, with_job ? &scene->job : NULL,
				 &scene->fault);
}

static inline int take(struct scene *scene, uint64_t seq, const char *boot)
{
	_cleanup_registration_ struct registration registration = {};

	return scene->ops->take(scene->forge, "m-1", seq, boot, &registration, &scene->fault);
}

/* The number of the job in *ret_number. */
static inline int start(struct scene *scene, uint64_t seq, const char *boot, uint64_t *ret_number)
{
	_cleanup_job_ struct job job = {};
	int r = scene->ops->start_job(scene->forge, "m-1", seq, boot, &job, &scene->fault);

	if (ret_number)
		*ret_number = job.number;
	return r;
}

static inline int end(struct scene *scene, uint64_t seq, uint64_t number, int exit_code)
{
	const struct job job = {
		.number = number,
		.exit_code = exit_code,
		.output = "out",
		.errors = "err",
		.detail = "why",
	};

	return scene->ops->end_job(scene->forge, "m-1", seq, &job, &scene->fault);
}

static inline int withdraw(struct scene *scene, uint64_t seq, bool force)
{
	return scene->ops->withdraw(scene->forge, "m-1", seq, force, &scene->fault);
}

static inline int submit(struct scene *scene, uint64_t seq, uint64_t *ret_number)
{
	return scene->ops->submit(scene->forge, "m-1", seq, &scene->job, ret_number, &scene->fault);
}

/* Gives the registration; the caller's cleanup frees it. */
static inline struct registration look(struct scene *scene, uint64_t seq)
{
	struct registration registration = {};
	int r = scene->ops->look(scene->forge, "m-1", seq, &registration, &scene->fault);

	ck_assert_msg(r == 0, "%d: %s", r, scene->fault.text);
	return registration;
}

static inline enum job_state job_state(struct scene *scene, uint64_t seq)
{
	_cleanup_registration_ struct registration registration = look(scene, seq);

	return registration.job.state;
}

/* A claim whose job runs. */
static inline void run_job(struct scene *scene)
{
	ck_assert_int_eq(offer(scene, 5, true), 0);
	ck_assert_int_eq(take(scene, 5, BOOT), 0);
	ck_assert_int_eq(start(scene, 5, BOOT, NULL), 0);
}
