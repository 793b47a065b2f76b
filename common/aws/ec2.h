#pragma once

/*
 * EC2: bodies of requests, and readers of answers. Pure. Requests are forms, answers XML; those
 * that can be long are read as they come.
 *
 * CreateFleet and the two that make templates take a client token: the same token with the same
 * body is the same request, however often it is sent. It must be written down before it is sent.
 */

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/aws/body.h"
#include "common/base/buf.h"
#include "common/base/fault.h"
#include "common/base/macro.h"

#define EC2_TOKEN_MAX 64       /* bytes of a client token */
#define EC2_FILTER_MAX 200     /* values of one filter */
#define EC2_TERMINATE_MAX 1000 /* instances in one TerminateInstances */
#define EC2_TAGS_MAX 50        /* of one resource */
#define EC2_FLEET_MAX 1000     /* instances in one CreateFleet of ours */
#define EC2_ID_MAX 32
#define EC2_TYPE_MAX 32
#define EC2_ZONE_MAX 32

/* --- fleets ---------------------------------------------------------------------------------- */

/* Where an instance may be: one pool of capacity. */
struct ec2_override {
	const char *type;
	const char *subnet;
	const char *image; /* NULL: the template's */
};

struct ec2_fleet {
	const char *client_token;
	const char *template_id;
	const char *template_version;
	const struct ec2_override *overrides;
	size_t n_overrides;
	uint64_t count;
	bool spot;
	const struct aws_tag *tags; /* of instances and their volumes, from the first moment on */
	size_t n_tags;
};

/* CreateFleet, type instant: it answers with the instances, and no fleet is left behind that would
 * care for them. -EINVAL without a token, overrides or a count. */
int ec2_create_fleet(const struct ec2_fleet *fleet, struct buf *ret) _must_check_;

struct ec2_launched {
	char id[EC2_ID_MAX];
	char type[EC2_TYPE_MAX];
	char zone[EC2_ZONE_MAX];
	char subnet[EC2_ID_MAX];
	char lifecycle[16]; /* "spot", "on-demand" */
};

/* Why a pool of capacity gave nothing, or less. */
struct ec2_launch_error {
	char code[64];
	char message[256]; /* cut */
	char type[EC2_TYPE_MAX];
	char zone[EC2_ZONE_MAX];
	char subnet[EC2_ID_MAX];
	char lifecycle[16];
	int error; /* aws_error_errno() of the code: -ENOSPC for no capacity */
};

/* Fewer instances than were asked for, or none, is an answer like any other: count them. */
struct ec2_fleet_answer {
	char fleet_id[64];
	struct ec2_launched *launched; /* owned */
	size_t n_launched;
	struct ec2_launch_error *errors; /* owned */
	size_t n_errors;
};
int ec2_fleet_read(const char *body, size_t size, struct ec2_fleet_answer *ret,
		   struct fault *fault) _must_check_;
void ec2_fleet_answer_done(struct ec2_fleet_answer *answer);
#define _cleanup_ec2_fleet_answer_ _cleanup_(ec2_fleet_answer_done)

/* --- instances ------------------------------------------------------------------------------- */

/* One filter: any of the values. A tag's name is "tag:NAME". */
struct ec2_filter {
	const char *name;
	const char *const *values;
	size_t n;
};

/* DescribeInstances, by filters only: ids go into the filter "instance-id", so that one that is
 * unknown is no error. next: "" for the first page. -EINVAL for a filter of no or too many values.
 */
int ec2_describe_instances(const struct ec2_filter *filters, size_t n_filters, uint64_t max_results,
			   const char *next, struct buf *ret) _must_check_;

/* TerminateInstances; -EINVAL for none or too many. One unknown id fails the whole call. */
int ec2_terminate_instances(const char *const *ids, size_t n, struct buf *ret) _must_check_;

/* CreateTags. */
int ec2_create_tags(const char *const *ids, size_t n, const struct aws_tag *tags, size_t n_tags,
		    struct buf *ret) _must_check_;

struct ec2_tag {
	char key[128];
	char value[257];
};
struct ec2_instance {
	char id[EC2_ID_MAX];
	char type[EC2_TYPE_MAX];
	char state[16]; /* "pending", "running", "shutting-down", "terminated", "stopping", … */
	char zone[EC2_ZONE_MAX];
	char subnet[EC2_ID_MAX];
	char image[EC2_ID_MAX];
	char private_ip[48];
	char lifecycle[16]; /* "spot"; "" for on-demand */
	char reason[64];    /* why it changed its state: "Server.SpotInstanceTermination" */
	uint64_t launched_ms;
	struct ec2_tag tags[EC2_TAGS_MAX];
	size_t n_tags;
};
/* NULL where it has no such tag. */
const char *ec2_instance_tag(const struct ec2_instance *instance, const char *key);

/* Shown one by one, as they come; gone afterwards. < 0 ends the reading with that error. */
typedef int ec2_instance_fn(const struct ec2_instance *instance, void *context,
			    struct fault *fault);

/* The answer to DescribeInstances, or to TerminateInstances, whose instances have an id and a state
 * and nothing else. */
struct ec2_instances;
int ec2_instances_open(ec2_instance_fn *each, void *context,
		       struct ec2_instances **ret) _must_check_;
void ec2_instances_close(struct ec2_instances *instances);
DEFINE_CLEANUP(struct ec2_instances *, ec2_instances_close)
#define _cleanup_ec2_instances_ _cleanup_(ec2_instances_closep)
int ec2_instances_feed(struct ec2_instances *instances, const char *data, size_t size,
		       struct fault *fault) _must_check_;
int ec2_instances_finish(struct ec2_instances *instances, struct fault *fault) _must_check_;
/* Where the next page starts; "": this was the last. Valid after ec2_instances_finish(). */
const char *ec2_instances_next(const struct ec2_instances *instances);

/* --- templates ------------------------------------------------------------------------------- */

struct ec2_template {
	const char *image;
	const char *instance_profile; /* its name; NULL: none */
	const char *const *security_groups;
	size_t n_security_groups;
	const char *user_data; /* in base 64; NULL: none */
	uint64_t hop_limit;    /* of the metadata service */
};

/* CreateLaunchTemplate, and a further version of one. Its instances power off for good, ask the
 * metadata service by token only, and find their tags there. */
int ec2_create_template(const char *name, const char *client_token, const char *description,
			const struct ec2_template *template, const struct aws_tag *tags,
			size_t n_tags, struct buf *ret) _must_check_;
int ec2_create_template_version(const char *id, const char *client_token, const char *description,
				const struct ec2_template *template, struct buf *ret) _must_check_;
/* ModifyLaunchTemplate: the version that is taken where none is named. */
int ec2_set_default_version(const char *id, uint64_t version, struct buf *ret) _must_check_;
/* DescribeLaunchTemplates by name: -ENOENT when there is none; and its default version. */
int ec2_describe_template(const char *name, struct buf *ret) _must_check_;
int ec2_describe_default_version(const char *id, struct buf *ret) _must_check_;

/* Of all of the above: what each of them tells; a number that it does not tell is 0. */
struct ec2_template_state {
	char id[EC2_ID_MAX];
	char name[129];
	uint64_t default_version;
	uint64_t latest_version;
	uint64_t version;      /* the one that is described, or was made */
	char description[256]; /* of that version */
	char image[EC2_ID_MAX];
};
int ec2_template_read(const char *body, size_t size, struct ec2_template_state *ret,
		      struct fault *fault) _must_check_;

/* --- what there is --------------------------------------------------------------------------- */

/* DescribeInstanceTypes by filters ("instance-type" takes wildcards), and DescribeSubnets by ids.
 */
int ec2_describe_types(const struct ec2_filter *filters, size_t n_filters, const char *next,
		       struct buf *ret) _must_check_;
int ec2_describe_subnets(const char *const *ids, size_t n, struct buf *ret) _must_check_;

struct ec2_type {
	char name[EC2_TYPE_MAX];
	char arch[16]; /* "x86_64", "arm64" */
	uint64_t cpu;
	uint64_t memory_mib;
	bool metal;
	bool burstable;
	bool spot;    /* may be had as spot */
	bool current; /* not of a former generation */
};
typedef int ec2_type_fn(const struct ec2_type *type, void *context, struct fault *fault);
/* next: at least EC2_NEXT_MAX bytes. */
#define EC2_NEXT_MAX 1024
int ec2_types_read(const char *body, size_t size, ec2_type_fn *each, void *context, char *ret_next,
		   size_t next_size, struct fault *fault) _must_check_;

struct ec2_subnet {
	char id[EC2_ID_MAX];
	char zone[EC2_ZONE_MAX];
	char vpc[EC2_ID_MAX];
	uint64_t free_addresses;
};
typedef int ec2_subnet_fn(const struct ec2_subnet *subnet, void *context, struct fault *fault);
int ec2_subnets_read(const char *body, size_t size, ec2_subnet_fn *each, void *context,
		     struct fault *fault) _must_check_;
