#include "common/net/url.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "common/base/io.h"
#include "common/base/parse.h"
#include "common/base/text.h"

#define PORT_MAX 65535

static bool has_blank(const char *text)
{
	const unsigned char *c = (const unsigned char *)text;

	while (*c > ' ' && *c != 0x7f)
		c++;
	return *c != '\0';
}

/* "name", "name:port", "[v6]", "[v6]:port" */
static int split_authority(const char *text, size_t size, struct url *url)
{
	char authority[URL_HOST_MAX], *name = authority, *rest;
	uint64_t port = url->https ? 443 : 80;

	if (size == 0 || size >= sizeof(authority) || memchr(text, '@', size))
		return -EINVAL;
	memcpy(authority, text, size);
	authority[size] = '\0';

	if (authority[0] == '[') {
		name++;
		rest = strchr(name, ']');
		if (!rest)
			return -EINVAL;
		*rest++ = '\0';
	} else {
		rest = authority + strcspn(authority, ":");
	}
	if (*rest != '\0') {
		if (*rest != ':')
			return -EINVAL;
		*rest++ = '\0';
		if (parse_u64(rest, &port) < 0 || port == 0 || port > PORT_MAX)
			return -EINVAL;
	}
	if (*name == '\0')
		return -EINVAL;

	(void)snprintf(url->name, sizeof(url->name), "%s", name);
	(void)snprintf(url->host, sizeof(url->host), "%.*s", (int)size, text);
	if (port == (url->https ? 443 : 80))
		(void)snprintf(url->host, sizeof(url->host), name == authority ? "%s" : "[%s]",
			       name);
	return 0;
}

int url_split(const char *text, struct url *ret)
{
	struct url url = {};
	const char *authority;
	size_t size;
	int r;

	if (has_blank(text) || strchr(text, '#'))
		return -EINVAL;
	if (strncasecmp(text, "https://", 8) == 0)
		url.https = true;
	else if (strncasecmp(text, "http://", 7) != 0)
		return -EINVAL;

	authority = text + (url.https ? 8 : 7);
	size = strcspn(authority, "/?");
	r = split_authority(authority, size, &url);
	if (r < 0)
		return r;

	url.path = authority + size;
	url.path_size = (int)strcspn(url.path, "?");
	if (url.path[url.path_size] == '?')
		url.query = url.path + url.path_size + 1;
	*ret = url;
	return 0;
}

bool url_is_private(const struct url *url)
{
	struct in6_addr v6;
	struct in_addr v4;

	if (url->https || strcasecmp(url->name, "localhost") == 0)
		return true;
	if (inet_pton(AF_INET, url->name, &v4) == 1)
		return ntohl(v4.s_addr) >> 24 == IN_LOOPBACKNET;
	return inet_pton(AF_INET6, url->name, &v6) == 1 && IN6_IS_ADDR_LOOPBACK(&v6);
}

const char *url_shown(const char *text, char *to, size_t size)
{
	_cleanup_free_ char *shown = NULL;
	size_t end = strcspn(text, "?");
	const char *at = memrchr(text, '@', end);

	if (!at && text[end] == '\0')
		return text_shown(text, to, size);
	shown = str_format("%s%.*s%s", at ? "..." : "", (int)(end - (size_t)(at ? at - text : 0)),
			   at ? at : text, text[end] ? "?..." : "");
	return text_shown(shown ? shown : "...", to, size);
}
