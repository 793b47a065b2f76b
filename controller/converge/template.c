/* The launch template: what every machine is made from. Its default version bears a mark of all of
 * its content, so that a look tells whether it is today's. */

#include <errno.h>
#include <inttypes.h>
#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/io.h"
#include "controller/converge/converge.h"
#include "controller/converge/user-data.h"

#define GROUPS_MAX 64
#define CONTENT_MAX (128UL * 1024)
#define DIGEST_TEXT_MAX 65 /* SHA-256 in hexadecimal */

_Static_assert(DIGEST_TEXT_MAX - 1 <= EC2_TOKEN_MAX, "a digest is a client token");

/* Borrows from the settings; done with content_done(). */
struct content {
	struct ec2_template template;
	char *groups;    /* owned: the words of the list */
	char *user_data; /* owned: base 64 */
	const char *list[GROUPS_MAX];
	char mark[TEMPLATE_MARK_MAX];
};

static void content_done(struct content *content)
{
	free(content->groups);
	free(content->user_data);
}
#define _cleanup_content_ _cleanup_(content_done)

static size_t count(const struct converge *converge)
{
	return strcmp(converge->config->provider, "ec2") == 0 ? 1 : 0;
}

static int name_of(const struct converge *converge, _unused_ size_t i, char *text, size_t size,
		   struct fault *fault)
{
	if (str_copy(text, size, converge->config->ec2.name) < 0)
		return fault_set(fault, EINVAL, "aws-name is too long");
	return 0;
}

static int digest(const void *data, size_t size, char text[DIGEST_TEXT_MAX])
{
	unsigned char bytes[EVP_MAX_MD_SIZE];
	unsigned n = 0;

	if (EVP_Digest(data, size, bytes, &n, EVP_sha256(), NULL) != 1)
		return -ENOMEM;
	for (size_t i = 0; i < n && 2 * i + 2 < DIGEST_TEXT_MAX; i++)
		(void)snprintf(text + 2 * i, 3, "%02x", bytes[i]);
	return 0;
}

/* Of the request that would make it, so that nothing of it can be forgotten here. */
int template_mark(const struct ec2_template *template, char *text, size_t size)
{
	_cleanup_buf_ struct buf body = {};
	char hex[DIGEST_TEXT_MAX];
	int r;

	buf_init(&body, CONTENT_MAX);
	r = ec2_create_template_version("lt", "token", NULL, template, &body);
	if (r == 0)
		r = digest(buf_text(&body), body.size, hex);
	if (r == 0 && (size_t)snprintf(text, size, "paddock sha256:%s", hex) >= size)
		r = -ENAMETOOLONG;
	return r;
}

/* The same words give the same token: a request that is sent again after its answer was lost is
 * the same request. */
static int token_of(char text[DIGEST_TEXT_MAX], const char *template, uint64_t number,
		    const char *mark)
{
	_cleanup_free_ char *words = str_format("%s %" PRIu64 " %s", template, number, mark);

	return words ? digest(words, strlen(words), text) : -ENOMEM;
}

static int set_groups(struct content *content, const char *groups)
{
	char *rest;

	if (!groups)
		return 0;
	content->groups = rest = strdup(groups);
	if (!content->groups)
		return -ENOMEM;
	for (char *word; (word = strsep(&rest, " \t,"));) {
		if (!word[0])
			continue;
		if (content->template.n_security_groups == GROUPS_MAX)
			return -E2BIG;
		content->list[content->template.n_security_groups++] = word;
	}
	content->template.security_groups = content->list;
	return 0;
}

static int set_user_data(struct content *content, const struct converge *converge,
			 struct fault *fault)
{
	const struct config *config = converge->config;
	const char *table = converge_dynamodb(converge->store_address);
	_cleanup_free_ char *store = NULL;
	_cleanup_buf_ struct buf text = {};
	struct user_data data = {
		.pool = config->pool,
		.aws_name = config->ec2.name,
		.forge = config->forge,
		.boot_usec = config->boot_usec,
		.beat_usec = config->beat_usec,
	};
	int r;

	if (!table)
		return fault_cure(fault,
				  fault_set(fault, EINVAL,
					    "machines in EC2 cannot reach the store %.100s",
					    converge->store_address),
				  "store = dynamodb:TABLE");
	/* What fails here, failed at the table. */
	if (!converge->store_region[0])
		return fault_set(fault, EAGAIN, "it is not known where the store's table is");
	store = strchr(table, '/') ? strdup(converge->store_address)
				   : str_format("dynamodb:%s/%s", converge->store_region, table);
	if (!store)
		return fault_set(fault, ENOMEM, "%m");
	data.store = store;
	buf_init(&text, USER_DATA_MAX);
	r = user_data_render(&data, &text, fault);
	return r < 0 ? r : user_data_encode(&text, &content->user_data);
}

/* image: that of the present version, where the settings name none. */
static int fill_content(const struct converge *converge, const char *image, struct content *content,
			struct fault *fault)
{
	const struct ec2_config *ec2 = &converge->config->ec2;
	int r;

	content->template = (struct ec2_template){
		.image = ec2->ami_id ? ec2->ami_id : image,
		.instance_profile = ec2->instance_profile,
		.hop_limit = ec2->hop_limit,
		.root_device = ec2->root_device,
	};
	if (!content->template.image[0])
		return fault_cure(fault,
				  fault_set(fault, EINVAL,
					    "there is no image to make machines from: neither "
					    "ami-id nor launch template %s names one",
					    ec2->name),
				  "bake an image and set ami-id below [ec2]");
	r = set_groups(content, ec2->security_groups);
	if (r < 0)
		return fault_set(fault, r, "security-groups: %m");
	r = set_user_data(content, converge, fault);
	if (r < 0)
		return r;
	content->template.user_data = content->user_data;
	r = template_mark(&content->template, content->mark, sizeof(content->mark));
	return r < 0 ? fault_set(fault, r, "cannot write the launch template: %m") : 0;
}

/* Makes the call whose body was built with the result r, and reads what template it is about. */
static int ask(struct converge *converge, struct aws_call *call, int r,
	       struct ec2_template_state *ret, struct fault *fault)
{
	if (r < 0)
		return fault_set(fault, r, "cannot ask for the launch template: %m");
	r = aws_call(converge->aws, call, fault);
	return r < 0 || !ret ? r
			     : ec2_template_read(buf_text(&call->answer.body),
						 call->answer.body.size, ret, fault);
}

static int describe(struct converge *converge, struct ec2_template_state *ret, struct fault *fault)
{
	_cleanup_aws_call_ struct aws_call by_name, by_version;
	int r;

	thing_call_init(&by_name, AWS_EC2, "DescribeLaunchTemplates");
	thing_call_init(&by_version, AWS_EC2, "DescribeLaunchTemplateVersions");
	r = ask(converge, &by_name,
		ec2_describe_template(converge->config->ec2.name, &by_name.body), ret, fault);
	if (r < 0 || converge->removing)
		return r;
	return ask(converge, &by_version, ec2_describe_default_version(ret->id, &by_version.body),
		   ret, fault);
}

static int look(struct converge *converge, _unused_ size_t i, enum thing_state *ret, char *why,
		size_t size, struct fault *fault)
{
	_cleanup_content_ struct content content = {};
	struct ec2_template_state state = {};
	int r;

	converge->template = state;
	r = describe(converge, &state, fault);
	*ret = r == -ENOENT ? THING_ABSENT : THING_RIGHT;
	if (r == 0)
		converge->template = state;
	if (converge->removing)
		return r == -ENOENT ? 0 : r;
	if (r == 0 || r == -ENOENT)
		r = fill_content(converge, state.image, &content, fault);
	if (r < 0 || *ret == THING_ABSENT)
		return r;
	if (strcmp(state.description, content.mark) == 0)
		return 0;
	*ret = THING_WRONG;
	converge->template.version = 0;
	(void)snprintf(why, size, "version %" PRIu64 " is not what the settings ask for",
		       state.version);
	return 0;
}

static int create(struct converge *converge, const struct content *content, struct fault *fault)
{
	static const struct aws_tag tags[] = { { "paddock", "template" } };
	const char *name = converge->config->ec2.name;
	_cleanup_aws_call_ struct aws_call call;
	struct ec2_template_state made = {};
	char token[DIGEST_TEXT_MAX];
	int r;

	thing_call_init(&call, AWS_EC2, "CreateLaunchTemplate");
	/* Its name lets it be made once only. A token that comes again after the template was
	 * deleted would be answered with the deleted one. */
	r = token_of(token, name, converge->nonce, content->mark);
	if (r == 0)
		r = ec2_create_template(name, token, content->mark, &content->template, tags,
					ARRAY_SIZE(tags), &call.body);
	r = ask(converge, &call, r, &made, fault);
	if (r == -EEXIST)
		return fault_set(fault, EAGAIN, "somebody else made it at the same time");
	if (r < 0)
		return r;
	converge->template = made;
	converge->template.version = made.default_version;
	return str_copy(converge->template.image, sizeof(converge->template.image),
			content->template.image);
}

static int add_version(struct converge *converge, const struct content *content,
		       struct fault *fault)
{
	const struct ec2_template_state *old = &converge->template;
	_cleanup_aws_call_ struct aws_call add, choose;
	struct ec2_template_state made = {};
	char token[DIGEST_TEXT_MAX];
	int r;

	thing_call_init(&add, AWS_EC2, "CreateLaunchTemplateVersion");
	thing_call_init(&choose, AWS_EC2, "ModifyLaunchTemplate");
	/* Of the step from this default version to that content: made, and never chosen because
	 * somebody pulled the plug, it is found by the same step once more. */
	r = token_of(token, old->id, old->default_version, content->mark);
	if (r == 0)
		r = ec2_create_template_version(old->id, token, content->mark, &content->template,
						&add.body);
	r = ask(converge, &add, r, &made, fault);
	if (r == 0)
		r = ask(converge, &choose,
			ec2_set_default_version(old->id, made.version, &choose.body), NULL, fault);
	if (r < 0)
		return r;
	converge->template.version = converge->template.default_version = made.version;
	return str_copy(converge->template.image, sizeof(converge->template.image),
			content->template.image);
}

static int mend(struct converge *converge, _unused_ size_t i, enum thing_state found,
		struct fault *fault)
{
	_cleanup_content_ struct content content = {};
	int r;

	r = fill_content(converge, converge->template.image, &content, fault);
	if (r < 0)
		return r;
	return found == THING_ABSENT ? create(converge, &content, fault)
				     : add_version(converge, &content, fault);
}

static int remove_template(struct converge *converge, _unused_ size_t i, struct fault *fault)
{
	_cleanup_aws_call_ struct aws_call call;
	int r;

	thing_call_init(&call, AWS_EC2, "DeleteLaunchTemplate");
	r = ask(converge, &call, ec2_delete_template(converge->template.id, &call.body), NULL,
		fault);
	return r == -ENOENT ? 0 : r;
}

const struct thing_ops thing_template = {
	.name = "template",
	.count = count,
	.name_of = name_of,
	.look = look,
	.mend = mend,
	.remove = remove_template,
	.rights = "ec2:DescribeLaunchTemplates, DescribeLaunchTemplateVersions, "
		  "CreateLaunchTemplate, CreateLaunchTemplateVersion, ModifyLaunchTemplate, "
		  "DeleteLaunchTemplate, CreateTags",
};
