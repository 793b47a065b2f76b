#include "common/base/secret.h"

#include <errno.h>
#include <string.h>

int secret_set(struct secret *secret, const char *bytes, size_t size)
{
	char *copy = NULL;

	if (size > SECRET_MAX_BYTES)
		return -EFBIG;

	if (size > 0) {
		copy = malloc(size + 1);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, bytes, size);
		copy[size] = '\0';
	}

	/* Only now: bytes may be a part of the value that is replaced. */
	secret_done(secret);
	*secret = (struct secret){ .bytes = copy, .size = size };
	return 0;
}

void secret_done(struct secret *secret)
{
	if (secret->bytes)
		explicit_bzero(secret->bytes, secret->size);
	free(secret->bytes);
	*secret = (struct secret){};
}

const char *secret_reveal(const struct secret *secret)
{
	return secret->bytes ? secret->bytes : "";
}

const char *secret_redacted(const struct secret *secret)
{
	return secret->bytes ? "[secret]" : "[unset]";
}
