/* What a service refuses with: the status in two bytes, the header's line, the body. */

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/aws/error.h"
#include "tests/fuzz/fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct fuzz_input input = { .data = data, .size = size };
	int status = 256 * fuzz_take_byte(&input) + fuzz_take_byte(&input);
	_cleanup_free_ char *type = fuzz_take_line(&input);
	struct fault fault = {};
	int r;

	r = aws_error("service", status, type[0] ? type : NULL, (const char *)input.data,
		      input.size, &fault);
	FUZZ_CHECK_ERROR(r, EAGAIN, ENOSPC, EKEYEXPIRED, ETIME, EACCES, ENOENT, EEXIST, ESTALE,
			 E2BIG, EINVAL, EIO);
	FUZZ_CHECK(fault.status == status);
	FUZZ_CHECK(strncmp(fault.text, "service: ", strlen("service: ")) == 0);
	FUZZ_CHECK(r == aws_error_errno(fault.code, status));
	fuzz_check_harmless(fault.text);
	fuzz_check_harmless(fault.code);
	return 0;
}
