#include "controller/converge/user-data.h"

#include <assert.h>
#include <errno.h>
#include <openssl/evp.h>
#include <stdlib.h>
#include <string.h>

#include "common/base/parse.h"

#define PLACE "@SETTINGS@\n"
/* Neither a shell nor a settings' file sees anything but the character itself in these. */
#define SAFE                                                   \
	"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ" \
	"0123456789-_.:/=+@,%~"

/* boot[]: userdata/boot.sh. */
#include "controller/converge/boot.inc"

static int add_setting(struct buf *to, const char *name, const char *value, struct fault *fault)
{
	if (!value || !value[0] || value[strspn(value, SAFE)] != '\0')
		return fault_cure(
			fault,
			fault_set(fault, EINVAL,
				  "%s: '%.100s' cannot be handed to machines: only letters, digits "
				  "and -_.:/=+@,%%~ can",
				  name, value ? value : ""),
			"change the setting %s", name);
	if (buf_printf(to, "%s = %s\n", name, value) < 0)
		return fault_set(fault, E2BIG, "the user data are longer than %d bytes",
				 USER_DATA_MAX);
	return 0;
}

static int add_settings(struct buf *to, const struct user_data *data, struct fault *fault)
{
	char beat[DURATION_TEXT_MAX], boot_time[DURATION_TEXT_MAX];
	const struct {
		const char *name, *value;
	} rows[] = {
		{ "provider", "ec2" },
		{ "store", data->store },
		{ "forge", data->forge },
		{ "boot-time", format_duration(data->boot_usec, boot_time, sizeof(boot_time)) },
		{ "beat-period", format_duration(data->beat_usec, beat, sizeof(beat)) },
		/* Of use only where offers are messages. */
		{ "pool", data->pool },
		{ "aws-name", data->aws_name },
	};
	size_t n = ARRAY_SIZE(rows) - (strcmp(data->pool, "sqs") == 0 ? 0 : 2);
	int r = buf_add_text(to, "[agent]\n");

	for (size_t i = 0; r == 0 && i < n; i++)
		r = add_setting(to, rows[i].name, rows[i].value, fault);
	return r;
}

int user_data_render(const struct user_data *data, struct buf *ret, struct fault *fault)
{
	const char *place = strstr(boot, PLACE);
	_cleanup_buf_ struct buf text = {};
	int r;

	assert(place);
	buf_init(&text, USER_DATA_MAX);
	r = buf_add(&text, boot, (size_t)(place - boot));
	if (r == 0)
		r = add_settings(&text, data, fault);
	if (r < 0)
		return r;
	r = buf_add_text(&text, place + strlen(PLACE));
	if (r == 0)
		r = buf_add(ret, text.data, text.size);
	return r < 0 ? fault_set(fault, r, "cannot write the user data: %m") : 0;
}

int user_data_encode(const struct buf *text, char **ret)
{
	/* Four for every three that were begun, and the NUL. */
	char *encoded = calloc(text->size / 3 + 2, 4);

	if (!encoded)
		return -ENOMEM;
	(void)EVP_EncodeBlock((unsigned char *)encoded, (const unsigned char *)buf_text(text),
			      (int)text->size);
	*ret = encoded;
	return 0;
}
