#pragma once

/* A registration as a side item of the store: kind "registration" in the partition of its machine,
 * JSON. */

#include "common/forge/forge.h"

#define MAILBOX_KIND "registration"

struct mailbox {
	struct registration registration; /* revision 0: there is none */
	uint64_t keep_ms;                 /* so long after its last change it expires */
};
void mailbox_done(struct mailbox *mailbox);
#define _cleanup_mailbox_ _cleanup_(mailbox_done)

/* 0 also when there is none. */
int mailbox_load(struct store *store, const char *machine, struct mailbox *ret,
		 struct fault *fault) _must_check_;

/* STORE_REFUSED when it was changed since it was loaded. -E2BIG when the command leaves no room;
 * -EILSEQ when it is no UTF-8. Results are made to fit. */
int mailbox_save(struct store *store, struct mailbox *mailbox, uint64_t now_ms,
		 struct fault *fault) _must_check_;
