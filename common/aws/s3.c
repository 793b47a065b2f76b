#include "common/aws/s3.h"

#include <errno.h>
#include <string.h>

#include "common/aws/form.h"

#define BUCKET_MIN 3
#define BUCKET_MAX 63

/* Clients and proxies may shorten a path that has such parts. */
static bool has_dots(const char *key)
{
	while (*key) {
		size_t n = strcspn(key, "/");

		if ((n == 1 && key[0] == '.') || (n == 2 && key[0] == '.' && key[1] == '.'))
			return true;
		key += n;
		key += *key == '/';
	}
	return false;
}

int s3_object_path(const char *bucket, const char *key, struct buf *ret)
{
	int r;

	if (!key[0] || key[0] == '/' || strlen(key) > S3_KEY_MAX || has_dots(key))
		return -EINVAL;
	r = buf_add_text(ret, "/");
	if (r == 0 && bucket)
		r = form_encode(ret, bucket, "");
	if (r == 0 && bucket)
		r = buf_add_text(ret, "/");
	if (r == 0)
		r = form_encode(ret, key, "/");
	return r;
}

bool s3_bucket_is_valid(const char *bucket)
{
	size_t length = strlen(bucket);

	if (length < BUCKET_MIN || length > BUCKET_MAX)
		return false;
	if (strspn(bucket, "abcdefghijklmnopqrstuvwxyz0123456789-") != length)
		return false;
	return bucket[0] != '-' && bucket[length - 1] != '-';
}
