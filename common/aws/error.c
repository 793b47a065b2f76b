#include "common/aws/error.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/json.h"
#include "common/net/xml.h"

#define MESSAGE_MAX 400

/* In the words of all the services; each means the same in whichever it occurs. */
static const struct {
	const char *code;
	int error;
} meanings[] = {
	{ "BandwidthLimitExceeded", EAGAIN },
	{ "EC2ThrottledException", EAGAIN },
	{ "InternalError", EAGAIN },
	{ "InternalFailure", EAGAIN },
	{ "InternalServerError", EAGAIN },
	{ "LimitExceededException", EAGAIN },
	{ "OverLimit", EAGAIN },
	{ "PriorRequestNotComplete", EAGAIN },
	{ "ProvisionedThroughputExceededException", EAGAIN },
	{ "QueueDeletedRecently", EAGAIN },
	{ "ReplicatedWriteConflictException", EAGAIN },
	{ "RequestLimitExceeded", EAGAIN },
	{ "RequestThrottled", EAGAIN },
	{ "RequestThrottledException", EAGAIN },
	{ "RequestTimeout", EAGAIN },
	{ "RequestTimeoutException", EAGAIN },
	{ "ServiceUnavailable", EAGAIN },
	{ "SlowDown", EAGAIN },
	{ "ThrottledException", EAGAIN },
	{ "Throttling", EAGAIN },
	{ "ThrottlingException", EAGAIN },
	{ "TooManyRequestsException", EAGAIN },
	{ "TransactionConflictException", EAGAIN },
	{ "TransactionInProgressException", EAGAIN },
	{ "Unavailable", EAGAIN },

	{ "InsufficientCapacityOnOutpost", ENOSPC },
	{ "InsufficientFreeAddressesInSubnet", ENOSPC },
	{ "InsufficientHostCapacity", ENOSPC },
	{ "InsufficientInstanceCapacity", ENOSPC },
	{ "InstanceLimitExceeded", ENOSPC },
	{ "MaxFleetCountExceeded", ENOSPC },
	{ "MaxSpotInstanceCountExceeded", ENOSPC },
	{ "ReservationCapacityExceeded", ENOSPC },
	{ "UnfulfillableCapacity", ENOSPC },
	{ "Unsupported", ENOSPC },
	{ "VcpuLimitExceeded", ENOSPC },

	{ "ExpiredToken", EKEYEXPIRED },
	{ "ExpiredTokenException", EKEYEXPIRED },

	{ "RequestExpired", ETIME },
	{ "RequestInTheFuture", ETIME },
	{ "RequestTimeTooSkewed", ETIME },

	{ "AccessDenied", EACCES },
	{ "AccessDeniedException", EACCES },
	{ "AuthFailure", EACCES },
	{ "IncompleteSignature", EACCES },
	{ "InvalidAccessKeyId", EACCES },
	{ "InvalidClientTokenId", EACCES },
	{ "InvalidSignatureException", EACCES },
	{ "MissingAuthenticationToken", EACCES },
	{ "MissingAuthenticationTokenException", EACCES },
	{ "OptInRequired", EACCES },
	{ "SignatureDoesNotMatch", EACCES },
	{ "UnauthorizedOperation", EACCES },
	{ "UnrecognizedClientException", EACCES },

	{ "AWS.SimpleQueueService.NonExistentQueue", ENOENT },
	{ "IdempotentParameterMismatch", EEXIST },
	{ "NoSuchBucket", ENOENT },
	{ "NoSuchKey", ENOENT },
	{ "ParameterNotFound", ENOENT },
	{ "QueueDoesNotExist", ENOENT },
	{ "ResourceNotFoundException", ENOENT },
	{ "TableNotFoundException", ENOENT },

	{ "IdempotentParameterMismatch", EEXIST },
	{ "ParameterAlreadyExists", EEXIST },
	{ "QueueAlreadyExists", EEXIST },
	{ "QueueNameExists", EEXIST },
	{ "ResourceInUseException", EEXIST },
	{ "TableAlreadyExistsException", EEXIST },

	{ "ConditionalCheckFailedException", ESTALE },

	{ "AWS.SimpleQueueService.BatchRequestTooLong", E2BIG },
	{ "BatchRequestTooLong", E2BIG },
	{ "EntityTooLarge", E2BIG },
	{ "RequestEntityTooLarge", E2BIG },
};

static bool ends_with(const char *text, const char *end)
{
	size_t length = strlen(text), n = strlen(end);

	return length >= n && strcmp(text + length - n, end) == 0;
}

int aws_error_errno(const char *code, int status)
{
	for (size_t i = 0; i < ARRAY_SIZE(meanings); i++)
		if (strcmp(code, meanings[i].code) == 0)
			return -meanings[i].error;

	/* EC2 has a word of its own for each kind of thing: "InvalidInstanceID.NotFound". */
	if (ends_with(code, ".NotFound") || ends_with(code, ".NotFoundException"))
		return -ENOENT;
	if (ends_with(code, ".AlreadyExistsException") || ends_with(code, ".Duplicate"))
		return -EEXIST;

	if (status >= 500 || status == 429)
		return -EAGAIN;
	if (status == 401 || status == 403)
		return -EACCES;
	if (status == 404)
		return -ENOENT;
	if (status == 413)
		return -E2BIG;
	return status >= 400 ? -EINVAL : -EIO;
}

struct words {
	char code[sizeof(((struct fault *)0)->code)];
	char message[MESSAGE_MAX];
};

static void copy(char *to, size_t size, const char *from)
{
	(void)snprintf(to, size, "%s", from);
	str_clean(to);
}

/* "com.amazonaws.sqs#QueueDoesNotExist", "ValidationException:http://…": the word alone. */
static void copy_code(struct words *words, const char *type)
{
	const char *hash = strchr(type, '#');

	copy(words->code, sizeof(words->code), hash ? hash + 1 : type);
	words->code[strcspn(words->code, ": ")] = '\0';
}

static int on_element(const char *path, const char *text, void *context,
		      _unused_ struct fault *fault)
{
	struct words *words = context;

	if (ends_with(path, "Error/Code") && !words->code[0])
		copy(words->code, sizeof(words->code), text);
	if (ends_with(path, "Error/Message") && !words->message[0])
		copy(words->message, sizeof(words->message), text);
	return 0;
}

/* What was read before the XML broke off is worth having. */
static void read_xml(const char *body, size_t size, struct words *words)
{
	if (xml_read(body, size, "error", on_element, words, NULL) < 0)
		return;
}

static void read_json(const char *body, size_t size, struct words *words)
{
	_cleanup_json_ struct json_object *object = NULL;
	const char *text = NULL;

	if (json_parse(body, size, "error", &object, NULL) < 0)
		return;
	if (!json_object_is_type(object, json_type_object))
		return;

	if (json_get_text(object, "__type", &text, NULL) > 0 ||
	    json_get_text(object, "code", &text, NULL) > 0)
		copy_code(words, text);
	/* Which of the two depends on the operation, and on who imitates the service. */
	if (json_get_text(object, "message", &text, NULL) > 0 ||
	    json_get_text(object, "Message", &text, NULL) > 0)
		copy(words->message, sizeof(words->message), text);
}

int aws_error(const char *what, int status, const char *type, const char *body, size_t size,
	      struct fault *fault)
{
	struct words words = {};
	int r;

	if (size > 0 && body[0] == '<')
		read_xml(body, size, &words);
	else
		read_json(body, size, &words);
	if (type && !words.code[0])
		copy_code(&words, type);

	r = aws_error_errno(words.code, status);
	if (words.code[0])
		r = fault_set(fault, r, "%s: %s%s%s", what, words.code,
			      words.message[0] ? ": " : "", words.message);
	else
		r = fault_set(fault, r, "%s: HTTP status %d%s%s", what, status,
			      words.message[0] ? ": " : ", and no word why", words.message);
	if (fault) {
		fault->status = status;
		memcpy(fault->code, words.code, sizeof(fault->code));
	}
	return r;
}
