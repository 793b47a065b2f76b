#pragma once

/*
 * The files of the AWS CLI: ~/.aws/config and ~/.aws/credentials. What works there works here:
 *
 *	[default]                       a profile; in config, any other is [profile NAME]
 *	region = eu-central-1           "key = value" or "key: value"; keys in any case
 *	s3 =
 *	  addressing_style = path       indented: the key "s3.addressing_style"
 *	[services NAME]                 endpoints, for a profile with "services = NAME"
 *	# or ; at the start of a line   a comment; behind a value it is a part of the value
 *
 * Values may be secret. None is ever put into a fault, and all are wiped when freed.
 */

#include <stdbool.h>
#include <stddef.h>

#include "common/base/fault.h"
#include "common/base/macro.h"

#define AWS_PROFILE_FILE_MAX (1024UL * 1024)
#define AWS_PROFILE_NAME_MAX 256
#define AWS_PROFILE_SECTIONS_MAX 4096
#define AWS_PROFILE_KEYS_MAX 256 /* of one section */

enum aws_file { AWS_FILE_CONFIG, AWS_FILE_CREDENTIALS, _AWS_FILE_MAX };
enum aws_section { AWS_SECTION_PROFILE, AWS_SECTION_SERVICES, AWS_SECTION_OTHER };

struct aws_profiles; /* opaque */

int aws_profiles_new(struct aws_profiles **ret) _must_check_;
void aws_profiles_free(struct aws_profiles *profiles);
DEFINE_CLEANUP(struct aws_profiles *, aws_profiles_free)

/* Adds the sections of a text; path is how faults call it ("PATH:LINE: …"). -EINVAL, -ENOMEM. A
 * section that comes again goes on, a key that comes again is replaced. */
int aws_profiles_parse(struct aws_profiles *profiles, enum aws_file file, const char *path,
		       const char *text, size_t size, struct fault *fault) _must_check_;

/* The same for a file; 0 also when it is not there. */
int aws_profiles_load(struct aws_profiles *profiles, enum aws_file file, const char *path,
		      struct fault *fault) _must_check_;

/* Whether a profile or another section is there, in either file. */
bool aws_profiles_has(const struct aws_profiles *profiles, enum aws_section section,
		      const char *name);

/* A value, NULL when it is not there or empty. For a profile the credentials file comes first.
 * Borrowed. Do not show it unless the key is known to be harmless. */
const char *aws_profiles_get(const struct aws_profiles *profiles, enum aws_section section,
			     const char *name, const char *key);
/* The same of one file only. */
const char *aws_profiles_get_from(const struct aws_profiles *profiles, enum aws_file file,
				  enum aws_section section, const char *name, const char *key);

/* A credentials file that other users can read, for a warning; NULL. */
const char *aws_profiles_exposed(const struct aws_profiles *profiles);
