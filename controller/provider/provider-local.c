/*
 * Machines that are agents on this host. That a machine lives is told by its lock alone
 * (local-machine.h); its agent is signalled only when it is provably the process that agent.json
 * names.
 *
 * A machine is started once: one that has run is never started again under the same id. One that
 * was made but never came so far as to say who it is (its launcher was killed in between) is
 * started by whoever asks for it again.
 */

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>
#include <sys/wait.h>

#include "common/base/io.h"
#include "common/base/process.h"
#include "common/domain/run.h"
#include "controller/provider/local-launch.h"
#include "controller/provider/local-logs.h"
#include "controller/provider/local-machine.h"
#include "controller/provider/provider.h"

#define LOCAL_TYPE "local"
#define FIND_TRIES_MAX 32 /* while others make and remove the same machine */

/* Waits of a teardown. */
#define STEP_USEC (5 * USEC_PER_MSEC)        /* between looks at a lock */
#define BIRTH_MAX_USEC (5 * USEC_PER_SEC)    /* for a starting agent to say who it is */
#define KILLED_MAX_USEC (5 * USEC_PER_SEC)   /* for an agent to go after SIGKILL */
#define RELEASE_MAX_USEC (10 * USEC_PER_SEC) /* for the supervisors it leaves to go */

struct local {
	struct provider provider;
	struct local_options options;
	char *agent_path; /* owned */
	int proc_fd;      /* owned */
	char arch[16];
	pid_t *launched; /* owned: our children, until they are reaped */
	size_t n_launched;
};

static struct local *local_of(struct provider *provider)
{
	return container_of(provider, struct local, provider);
}

static int open_root(const struct local *local, bool create, struct local_root *ret,
		     struct fault *fault)
{
	*ret = (struct local_root){
		.fd = -1,
		.proc_fd = local->proc_fd,
		.clock = local->options.clock,
	};
	return local_root_open(local->options.state_dir, create, ret, fault);
}

/* An agent outlives its launcher as a rule; one that does not is no zombie for long. */
static void reap_launched(struct local *local)
{
	size_t kept = 0;

	for (size_t i = 0; i < local->n_launched; i++)
		if (waitpid(local->launched[i], NULL, WNOHANG) == 0)
			local->launched[kept++] = local->launched[i];
	local->n_launched = kept;
}

static void note_launched(struct local *local, pid_t pid)
{
	pid_t *launched = reallocarray(local->launched, local->n_launched + 1, sizeof(*launched));

	/* Without memory it stays a zombie until we exit. */
	if (!launched)
		return;
	local->launched = launched;
	local->launched[local->n_launched++] = pid;
}

static int check_size(const struct resource_class *class_, struct fault *fault)
{
	long cpus = sysconf(_SC_NPROCESSORS_ONLN);
	struct sysinfo info;
	uint64_t memory_mib;

	if (sysinfo(&info) < 0 || cpus < 1)
		return fault_set(fault, errno, "cannot tell how large this host is: %m");

	memory_mib = (uint64_t)info.totalram * info.mem_unit / (1024 * 1024ULL);
	if (class_->cpu <= (uint64_t)cpus && class_->memory_mib <= memory_mib)
		return 0;
	return fault_set(
		fault, ENOSPC, "class %s wants %llu CPUs and %llu MiB; this host has %ld and %llu",
		class_->name, (unsigned long long)class_->cpu,
		(unsigned long long)class_->memory_mib, cpus, (unsigned long long)memory_mib);
}

static int check_blueprint(const struct local *local, const struct blueprint *blueprint,
			   struct fault *fault)
{
	const struct resource_class *class_ = blueprint->class_;
	bool type_fits = blueprint->n_types == 0;

	for (size_t i = 0; i < blueprint->n_types; i++)
		type_fits = type_fits || glob_matches(blueprint->types[i], LOCAL_TYPE);
	if (!type_fits)
		return fault_set(fault, ENOSPC,
				 "none of the allowed types is '" LOCAL_TYPE
				 "', which all machines of this provider are");
	if (class_->arch && strcmp(class_->arch, local->arch) != 0)
		return fault_set(fault, ENOSPC, "class %s is for %s; this host is %s", class_->name,
				 class_->arch, local->arch);
	return local->options.no_oversubscribe ? check_size(class_, fault) : 0;
}

static void make_handle(const struct local *local, const struct local_root *root, const char *id,
			const struct blueprint *blueprint, struct handle *ret)
{
	local_machine_handle(root, id, ret);
	if (blueprint->usage != USAGE_SPOT_THEN_ON_DEMAND)
		ret->usage = blueprint->usage;
	(void)!str_copy(ret->correlation, sizeof(ret->correlation), blueprint->correlation);
	(void)!str_copy(ret->type, sizeof(ret->type), LOCAL_TYPE);
	(void)!str_copy(ret->arch, sizeof(ret->arch), local->arch);
}

/* Leaves nothing half-made. */
static int launch(struct local *local, const struct local_root *root, const char *id, int dir_fd,
		  int lock_fd, struct fault *fault)
{
	struct local_options options = local->options;
	_cleanup_free_ char *state_dir = strndup(root->path, strrchr(root->path, '/') - root->path);
	pid_t pid;
	int r;

	options.agent_path = local->agent_path;
	options.state_dir = state_dir;
	r = state_dir ? local_launch(&options, id, dir_fd, lock_fd, &pid, fault) : -ENOMEM;
	if (r < 0) {
		(void)!local_machine_remove(root, id, NULL);
		return r;
	}
	note_launched(local, pid);
	return 0;
}

/* A machine whose directory is there: it runs, has run, or is to be started now. */
static int find_or_launch(struct local *local, const struct local_root *root, const char *id,
			  int dir_fd, bool may_launch, struct fault *fault)
{
	_cleanup_close_ int lock_fd = local_machine_lock(root, id, dir_fd);

	if (lock_fd == -EWOULDBLOCK || (lock_fd != -ESTALE && local_machine_was_born(dir_fd)))
		return 0;
	if (lock_fd == -ENOENT)
		return fault_set(fault, EUCLEAN, "%s/%s has no lock file", root->path, id);
	if (lock_fd < 0)
		return lock_fd;
	return may_launch ? launch(local, root, id, dir_fd, lock_fd, fault) : -ENOSPC;
}

static int make_or_find(struct local *local, const struct local_root *root,
			const struct handle *handle, bool may_launch, struct fault *fault)
{
	_cleanup_close_ int dir_fd = local_machine_open(root, handle->id), lock_fd = -1;
	int r;

	if (dir_fd >= 0)
		return find_or_launch(local, root, handle->id, dir_fd, may_launch, fault);
	if (dir_fd != -ENOENT)
		return fault_set(fault, dir_fd, "cannot open %s/%s: %m", root->path, handle->id);
	if (!may_launch)
		return -ENOSPC;

	r = local_machine_create(root, handle, &dir_fd, &lock_fd, fault);
	if (r < 0)
		return r;
	return launch(local, root, handle->id, dir_fd, lock_fd, fault);
}

static int provision_one(struct local *local, const struct local_root *root,
			 const struct handle *handle, bool may_launch, struct fault *fault)
{
	int r;

	for (int tries = 0;; tries++) {
		r = make_or_find(local, root, handle, may_launch, fault);
		if (r != -ESTALE || tries == FIND_TRIES_MAX)
			return r;
	}
}

/* The first failure ends launching, but what an earlier call has made is found all the same. */
static int local_provision(struct provider *provider, const struct blueprint *blueprint,
			   const struct intent *intent, struct handle *ret, struct fault *fault)
{
	_cleanup_local_root_ struct local_root root = { .fd = -1 };
	struct local *local = local_of(provider);
	struct fault later = {}, *note = fault;
	char id[MACHINE_ID_MAX];
	int r, first = 0, n = 0;

	reap_launched(local);
	r = open_root(local, true, &root, fault);
	if (r < 0)
		return r;
	local_root_sweep(&root);

	first = check_blueprint(local, blueprint, fault);
	for (uint64_t i = 0; i < intent->count; i++) {
		note = first < 0 ? &later : fault;
		r = machine_id_for(intent->token, i, id, sizeof(id));
		if (r < 0)
			return fault_set(fault, r, "'%s' cannot be part of a machine's id",
					 intent->token);
		make_handle(local, &root, id, blueprint, &ret[n]);
		r = provision_one(local, &root, &ret[n], first >= 0, note);
		if (r >= 0)
			n++;
		else if (first >= 0)
			first = r;
	}
	return n > 0 ? n : first;
}

static int show_machine(const struct local_root *root, const char *id, handle_fn *each,
			void *context, struct fault *fault)
{
	struct handle handle;

	local_machine_handle(root, id, &handle);
	return each(&handle, local_machine_presence(root, id, fault), context);
}

static int local_made(struct provider *provider, const char *token, uint64_t count, handle_fn *each,
		      void *context, struct fault *fault)
{
	_cleanup_local_root_ struct local_root root = { .fd = -1 };
	struct local *local = local_of(provider);
	int r;

	r = open_root(local, false, &root, fault);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	for (uint64_t i = 0; r >= 0 && i < count; i++) {
		char id[MACHINE_ID_MAX];

		r = machine_id_for(token, i, id, sizeof(id));
		if (r == 0 && faccessat(root.fd, id, F_OK, AT_SYMLINK_NOFOLLOW) == 0)
			r = show_machine(&root, id, each, context, fault);
	}
	return r < 0 ? r : 0;
}

/* An absent directory proves nothing: the machine may live below another state directory that uses
 * the same store. That it was cleared away here, which nobody does before it is gone, is shown by
 * its logs, which were kept. */
static enum presence judge_absent(const struct local *local, const char *id)
{
	return machine_id_is_valid(id) && local_logs_are_kept(local->options.state_dir, id)
		       ? PRESENCE_GONE
		       : PRESENCE_UNKNOWN;
}

static enum presence poll_one(const struct local *local, const struct local_root *root,
			      const char *id, struct fault *fault)
{
	_cleanup_close_ int dir_fd = local_machine_open(root, id);

	/* It may be removed in between: then it was gone. */
	return dir_fd == -ENOENT ? judge_absent(local, id)
				 : local_machine_presence(root, id, fault);
}

static int local_poll(struct provider *provider, const char *const *ids, size_t n,
		      enum presence *ret, struct fault *fault)
{
	_cleanup_local_root_ struct local_root root = { .fd = -1 };
	struct local *local = local_of(provider);
	int r;

	reap_launched(local);
	r = open_root(local, false, &root, fault);
	for (size_t i = 0; i < n; i++) {
		if (r >= 0)
			ret[i] = poll_one(local, &root, ids[i], fault);
		else
			ret[i] = r == -ENOENT ? judge_absent(local, ids[i]) : PRESENCE_UNKNOWN;
	}
	return 0;
}

/* Its agent, once that has said who it is; -ESRCH: only what it left is there; -ENODATA: nothing
 * is. */
static int wait_for_agent(const struct local_root *root, const char *id, int dir_fd,
			  struct fault *fault)
{
	struct deadline deadline = deadline_in(root->clock, BIRTH_MAX_USEC);
	int r;

	for (;;) {
		if (local_machine_presence(root, id, fault) == PRESENCE_GONE)
			return -ENODATA;
		r = local_machine_agent(root, dir_fd, fault);
		if (r != -ENOENT)
			return r;
		if (deadline_passed(&deadline, root->clock))
			return fault_set(fault, EINPROGRESS,
					 "machine %s is starting and has not said which process "
					 "it is",
					 id);
		(void)clock_sleep(root->clock, STEP_USEC);
	}
}

static int end_agent(const struct local_root *root, int pidfd, uint64_t grace_usec)
{
	struct deadline grace = deadline_in(root->clock, grace_usec), killed;
	int r;

	r = process_signal(pidfd, SIGTERM);
	if (r >= 0)
		r = process_wait(pidfd, &grace, root->clock);
	if (r != 0)
		return r == -ESRCH ? 0 : r;

	r = process_signal(pidfd, SIGKILL);
	killed = deadline_in(root->clock, KILLED_MAX_USEC);
	if (r >= 0)
		r = process_wait(pidfd, &killed, root->clock);
	return r == -ESRCH ? 0 : r;
}

/* What the agent has left ends itself. */
static int wait_until_gone(const struct local_root *root, const char *id, struct fault *fault)
{
	struct deadline deadline = deadline_in(root->clock, RELEASE_MAX_USEC);

	while (local_machine_presence(root, id, fault) != PRESENCE_GONE) {
		if (deadline_passed(&deadline, root->clock))
			return fault_set(fault, EINPROGRESS,
					 "machine %s has been told to end, but something of it "
					 "still lives",
					 id);
		(void)clock_sleep(root->clock, STEP_USEC);
	}
	return 0;
}

static int teardown(struct local *local, const struct local_root *root, const char *id,
		    uint64_t grace_usec, struct fault *fault)
{
	_cleanup_close_ int dir_fd = local_machine_open(root, id), pidfd = -1;
	int r;

	if (dir_fd < 0)
		return dir_fd == -ENOENT ? 0 : dir_fd;

	pidfd = wait_for_agent(root, id, dir_fd, fault);
	if (pidfd == -ENODATA)
		return 0;
	if (pidfd < 0 && pidfd != -ESRCH)
		return pidfd;
	if (pidfd >= 0) {
		r = end_agent(root, pidfd, grace_usec);
		if (r < 0)
			return fault_set(fault, r, "cannot end the agent of machine %s: %m", id);
	}
	r = wait_until_gone(root, id, fault);
	reap_launched(local);
	return r;
}

static int local_teardown(struct provider *provider, const char *id, uint64_t grace_usec,
			  struct fault *fault)
{
	_cleanup_local_root_ struct local_root root = { .fd = -1 };
	struct local *local = local_of(provider);
	int r;

	r = open_root(local, false, &root, fault);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	return teardown(local, &root, id, grace_usec, fault);
}

static int local_list(struct provider *provider, handle_fn *each, void *context,
		      struct fault *fault)
{
	_cleanup_local_root_ struct local_root root = { .fd = -1 };
	_cleanup_closedir_ DIR *dir = NULL;
	struct local *local = local_of(provider);
	struct dirent *entry;
	int r;

	reap_launched(local);
	r = open_root(local, false, &root, fault);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	r = open_dir_at(root.fd, ".", &dir);
	if (r < 0)
		return fault_set(fault, r, "cannot list %s: %m", root.path);

	for (;;) {
		errno = 0;
		entry = readdir(dir);
		if (!entry)
			return errno > 0 ? fault_set(fault, errno, "cannot list %s: %m", root.path)
					 : 0;
		if (!machine_id_is_valid(entry->d_name))
			continue;
		r = show_machine(&root, entry->d_name, each, context, fault);
		if (r < 0)
			return r;
	}
}

static int local_forget(struct provider *provider, const char *id, bool keep_logs,
			struct fault *fault)
{
	_cleanup_local_root_ struct local_root root = { .fd = -1 };
	_cleanup_close_ int dir_fd = -1, lock_fd = -1;
	struct local *local = local_of(provider);
	int r;

	reap_launched(local);
	r = open_root(local, false, &root, fault);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	dir_fd = local_machine_open(&root, id);
	if (dir_fd < 0)
		return dir_fd == -ENOENT ? 0 : dir_fd;

	lock_fd = local_machine_lock(&root, id, dir_fd);
	if (lock_fd == -ESTALE)
		return 0;
	if (lock_fd == -EWOULDBLOCK ||
	    (lock_fd == -ENOENT && local_machine_presence(&root, id, fault) == PRESENCE_THERE))
		return fault_set(fault, EBUSY, "machine %s still lives", id);
	if (lock_fd < 0 && lock_fd != -ENOENT)
		return fault_set(fault, lock_fd, "cannot lock machine %s: %m", id);

	r = keep_logs ? local_logs_keep(local->options.state_dir, id, dir_fd, fault) : 0;
	return r < 0 ? r : local_machine_remove(&root, id, fault);
}

static int local_open_log(struct provider *provider, const char *id, const char *log, int *ret_fd,
			  struct fault *fault)
{
	_cleanup_local_root_ struct local_root root = { .fd = -1 };
	_cleanup_close_ int dir_fd = -1;
	struct local *local = local_of(provider);
	char file[NAME_MAX + 1];
	int r;

	if (!machine_id_is_valid(id))
		return fault_set(fault, EINVAL, "'%s' is no machine's id", id);
	if (local_log_file(log, file, sizeof(file)) < 0)
		return fault_set(fault, EINVAL,
				 "'%s' is no log: there are agent, job-<seq>-<n>.out and .err",
				 log);

	if (open_root(local, false, &root, NULL) >= 0)
		dir_fd = local_machine_open(&root, id);
	r = local_logs_open(local->options.state_dir, id, dir_fd, file);
	if (r < 0)
		return fault_set(fault, r, "cannot open the log %s of machine %s: %m", log, id);
	*ret_fd = r;
	return 0;
}

static void local_close(struct provider *provider)
{
	struct local *local = local_of(provider);

	reap_launched(local);
	if (local->proc_fd >= 0)
		close(local->proc_fd);
	free(local->launched);
	free(local->agent_path);
	free(local);
}

static const struct provider_ops local_ops = {
	.name = "local",
	.provision = local_provision,
	.made = local_made,
	.poll = local_poll,
	.teardown = local_teardown,
	.list = local_list,
	.forget = local_forget,
	.open_log = local_open_log,
	.close = local_close,
};

int provider_local_new(const struct local_options *options, struct provider **ret,
		       struct fault *fault)
{
	_cleanup_(provider_closep) struct provider *provider = NULL;
	struct local *local = calloc(1, sizeof(*local));
	struct utsname host;

	if (!local)
		return -ENOMEM;
	*local = (struct local){ .provider.ops = &local_ops, .options = *options, .proc_fd = -1 };
	provider = &local->provider;

	/* The agents start elsewhere. One that does not exist is told when it is needed. */
	local->agent_path = realpath(options->agent_path, NULL) ?: strdup(options->agent_path);
	if (!local->agent_path)
		return -ENOMEM;
	local->proc_fd = open(PROCESS_PROC, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (local->proc_fd < 0 || uname(&host) < 0)
		return fault_set(fault, errno, "cannot look at this host: %m");
	(void)!str_copy(local->arch, sizeof(local->arch), host.machine);

	*ret = take_ptr(provider);
	return 0;
}
