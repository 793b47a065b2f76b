#pragma once

/* Where a service of AWS is: pure, from a region, settings, and what the environment overrides. */

#include <stdbool.h>

#include "common/base/fault.h"

enum aws_service {
	AWS_DYNAMODB,
	AWS_SQS,
	AWS_EC2,
	AWS_STS,
	AWS_SSM,
	AWS_S3,
	AWS_SECRETSMANAGER,
	AWS_MONITORING, /* CloudWatch */
	_AWS_SERVICE_MAX,
};

#define ENDPOINT_URL_MAX 1024
#define ENDPOINT_REGION_MAX 64

/* A NULL text, and an empty one, is one that is not there. */
struct endpoint_query {
	enum aws_service service;
	const char *region;
	const char *url; /* of a flag or a setting of ours: before all others */

	/* Of the environment; NULL when unset. */
	const char *(*get)(void *context, const char *name);
	void *context;

	/* Of the profile. The environment wins. */
	const char *profile_service_url; /* in its `services` section: see endpoint_key() */
	const char *profile_url;         /* endpoint_url */
	bool profile_ignores_urls;       /* ignore_configured_endpoint_urls */
	bool profile_fips;               /* use_fips_endpoint */
	bool profile_dualstack;          /* use_dualstack_endpoint */
};

struct endpoint {
	char url[ENDPOINT_URL_MAX]; /* "https://sqs.eu-west-1.amazonaws.com": no '/' at its end */
	char region[ENDPOINT_REGION_MAX]; /* what is signed */
	const char *service;              /* what is signed: "monitoring" */
	bool overridden;                  /* url is not AWS's own */
};

/* -EINVAL for a region, URL or switch that is none, and for FIPS or dual stack together with an
 * override, which cannot promise them; -EOPNOTSUPP for dual stack where there is none. */
int endpoint_resolve(const struct endpoint_query *query, struct endpoint *ret,
		     struct fault *fault) _must_check_;

/* "aws", "aws-cn", …: the second field of an ARN. A region that nobody knows is of "aws". */
const char *endpoint_partition(const char *region);

/* The service in a profile's `services` section: "secrets_manager". In capitals, behind
 * "AWS_ENDPOINT_URL_", it is the name of the variable. */
const char *endpoint_key(enum aws_service service);
