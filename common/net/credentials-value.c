/* Credentials as a value. */

#include <string.h>

#include "common/net/credentials.h"

void credentials_done(struct credentials *credentials)
{
	secret_done(&credentials->secret_key);
	secret_done(&credentials->session_token);
	*credentials = (struct credentials){};
}

int credentials_copy(struct credentials *to, const struct credentials *from)
{
	_cleanup_credentials_ struct credentials copy = {};
	int r;

	r = secret_set(&copy.secret_key, secret_reveal(&from->secret_key), from->secret_key.size);
	if (r >= 0)
		r = secret_set(&copy.session_token, secret_reveal(&from->session_token),
			       from->session_token.size);
	if (r < 0)
		return r;
	memcpy(copy.key_id, from->key_id, sizeof(copy.key_id));
	copy.expires_ms = from->expires_ms;

	credentials_move(to, &copy);
	return 0;
}

void credentials_move(struct credentials *to, struct credentials *from)
{
	credentials_done(to);
	*to = *from;
	*from = (struct credentials){};
}
