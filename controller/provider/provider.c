#include "controller/provider/provider.h"

enum presence presence_settle(enum presence presence, uint64_t created_ms, uint64_t now_ms)
{
	if (presence != PRESENCE_ABSENT)
		return presence;
	return created_ms > 0 && created_ms + ABSENT_MEANS_GONE_MS < now_ms ? PRESENCE_GONE
									    : PRESENCE_UNKNOWN;
}
