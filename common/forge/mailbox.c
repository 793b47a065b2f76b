/*
 * JSON carries text, a process writes bytes. In a result, what is no UTF-8 becomes '?', byte for
 * byte: better a result with a blot than none. In a command the same would run something that
 * nobody asked for, so such a command is refused.
 *
 * The item has a ceiling, and JSON may need six bytes for one. So the command may take so much and
 * no more, and the streams share what is left: of each the end is kept, where errors stand.
 */

#include "common/forge/mailbox.h"

#include <errno.h>
#include <string.h>

#include "common/base/io.h"
#include "common/base/text.h"

#define COMMAND_JSON_MAX 163840 /* leaves each stream JOB_OUTPUT_MAX of plain text */
#define DETAIL_MAX 1024
#define JSON_ESCAPE_MAX 6 /* \u001b */

void mailbox_done(struct mailbox *mailbox)
{
	registration_done(&mailbox->registration);
	*mailbox = (struct mailbox){};
}

/* --- text ------------------------------------------------------------------------------------ */

/* What json-c makes of a byte, or more. */
static size_t escaped_size(char c)
{
	if (c == '"' || c == '\\' || c == '/' || c == '\n' || c == '\r' || c == '\t')
		return 2;
	return (unsigned char)c < ' ' ? JSON_ESCAPE_MAX : 1;
}

/* The end of a UTF-8 text that fits both limits, beginning with a whole character. */
static const char *fitting_end(const char *text, size_t bytes_max, size_t escaped_max)
{
	const char *from = text + strlen(text);
	size_t bytes = 0, escaped = 0;

	while (from > text) {
		escaped += escaped_size(from[-1]);
		if (++bytes > bytes_max || escaped > escaped_max)
			break;
		from--;
	}
	while ((*from & 0xc0) == 0x80)
		from++;
	return from;
}

static int add_result_text(struct json_object *object, const char *key, const char *text,
			   size_t bytes_max, size_t escaped_max)
{
	_cleanup_free_ char *copy = NULL;

	if (!text)
		return 0;
	copy = strdup(text);
	if (!copy)
		return -ENOMEM;
	text_make_utf8(copy);
	return json_set_text(object, key, fitting_end(copy, bytes_max, escaped_max));
}

/* --- writing --------------------------------------------------------------------------------- */

static int argv_to_json(const struct job *job, struct json_object **ret)
{
	_cleanup_json_ struct json_object *array = json_object_new_array();
	int r = 0;

	if (!array)
		return -ENOMEM;
	for (size_t i = 0; i < job->argc && r >= 0; i++) {
		if (!text_is_utf8(job->argv[i]))
			return -EILSEQ;
		r = json_append(array, json_object_new_string(job->argv[i]));
	}
	if (r < 0)
		return r;
	*ret = take_ptr(array);
	return 0;
}

/* All but the streams. */
static int job_to_json(const struct job *job, struct json_object **ret)
{
	_cleanup_json_ struct json_object *object = json_object_new_object();
	struct json_object *argv;
	int r;

	if (!object)
		return -ENOMEM;
	r = argv_to_json(job, &argv);
	if (r >= 0)
		r = json_set(object, "argv", argv);
	if (r >= 0)
		r = json_set_u64(object, "number", job->number);
	if (r >= 0)
		r = json_set_u64(object, "ticket", job->ticket);
	if (r >= 0)
		r = json_set_text(object, "state", job_state_names[job->state]);
	if (r >= 0)
		r = json_set_u64(object, "exit_code", (uint64_t)job->exit_code);
	if (r >= 0)
		r = json_set_u64(object, "queued_ms", job->queued_ms);
	if (r >= 0)
		r = json_set_u64(object, "started_ms", job->started_ms);
	if (r >= 0)
		r = json_set_u64(object, "ended_ms", job->ended_ms);
	if (r >= 0)
		r = add_result_text(object, "detail", job->detail, DETAIL_MAX,
				    (size_t)DETAIL_MAX * JSON_ESCAPE_MAX);
	if (r < 0)
		return r;
	*ret = take_ptr(object);
	return 0;
}

static int add_job(struct json_object *object, const struct job *job)
{
	struct json_object *json;
	const char *text;
	size_t left;
	int r;

	if (job->number == 0)
		return 0;
	r = job_to_json(job, &json);
	if (r < 0)
		return r;
	r = json_set(object, "job", json);
	if (r < 0)
		return r;

	text = json_text(object);
	if (!text)
		return -ENOMEM;
	if (strlen(text) > COMMAND_JSON_MAX)
		return -E2BIG;
	left = STORE_ITEM_BODY_MAX - COMMAND_JSON_MAX - 64; /* their keys and quotes */
	r = add_result_text(json, "output", job->output, JOB_OUTPUT_MAX, left / 2);
	if (r >= 0)
		r = add_result_text(json, "errors", job->errors, JOB_OUTPUT_MAX, left / 2);
	return r;
}

_Static_assert((STORE_ITEM_BODY_MAX - COMMAND_JSON_MAX - 64) / 2 >= JOB_OUTPUT_MAX,
	       "plain text of both streams fits beside the largest command");

static int to_json(const struct mailbox *mailbox, struct json_object **ret)
{
	const struct registration *registration = &mailbox->registration;
	_cleanup_json_ struct json_object *object = json_object_new_object();
	int r;

	if (!object)
		return -ENOMEM;
	r = json_set_u64(object, "seq", registration->seq);
	if (r >= 0)
		r = json_set_text(object, "run_key", registration->run_key);
	if (r >= 0)
		r = json_set_text(object, "taken_by", registration->taken_by);
	if (r >= 0)
		r = json_set_bool(object, "closed", registration->closed);
	if (r >= 0)
		r = json_set_u64(object, "keep_ms", mailbox->keep_ms);
	if (r >= 0)
		r = add_job(object, &registration->job);
	if (r < 0)
		return r;
	*ret = take_ptr(object);
	return 0;
}

static int fault_unwritable(int r, const struct mailbox *mailbox, struct fault *fault)
{
	const char *machine = mailbox->registration.machine;

	switch (r) {
	case -EILSEQ:
		r = fault_set(fault, EILSEQ, "the command for %s is no UTF-8 text", machine);
		return fault_cure(fault, r, "put what is not into a file that the command reads");
	case -E2BIG:
		r = fault_set(fault, E2BIG, "the command for %s is too large", machine);
		return fault_cure(fault, r, "put it into a script");
	default:
		return fault_set(fault, -r, "cannot write the registration of %s", machine);
	}
}

int mailbox_save(struct store *store, struct mailbox *mailbox, uint64_t now_ms, struct fault *fault)
{
	struct registration *registration = &mailbox->registration;
	_cleanup_json_ struct json_object *object = NULL;
	_cleanup_item_ struct item item = {
		.revision = registration->revision,
		.expires_ms = now_ms + mailbox->keep_ms,
		.kind = MAILBOX_KIND,
	};
	const char *text;
	int r;

	r = to_json(mailbox, &object);
	if (r < 0)
		return fault_unwritable(r, mailbox, fault);
	r = str_copy(item.partition, sizeof(item.partition), registration->machine);
	text = json_text(object);
	item.body = text ? strdup(text) : NULL;
	if (r < 0 || !item.body)
		return fault_unwritable(-ENOMEM, mailbox, fault);

	r = store->ops->item_put(store, &item, NULL, fault);
	if (r == 0)
		registration->revision = item.revision;
	return r;
}

/* --- reading --------------------------------------------------------------------------------- */

static int read_argv(struct json_object *object, struct job *job, struct fault *fault)
{
	char *argv[JOB_ARGS_MAX];
	struct json_object *array;
	size_t n;
	int r;

	r = json_get_array(object, "argv", &array, fault);
	if (r < 0)
		return r;
	n = r > 0 ? json_object_array_length(array) : 0;
	if (n == 0 || n > JOB_ARGS_MAX)
		return fault_set(fault, EBADMSG, "a job with %zu arguments", n);

	for (size_t i = 0; i < n; i++) {
		struct json_object *word = json_object_array_get_idx(array, i);

		if (!json_object_is_type(word, json_type_string))
			return fault_set(fault, EBADMSG, "a job whose argument is no text");
		argv[i] = (char *)json_object_get_string(word);
	}
	r = job_set_command(job, argv, n);
	return r < 0 ? fault_set(fault, -r, "a job with a bad command") : 0;
}

static int read_text(struct json_object *object, const char *key, char **ret, struct fault *fault)
{
	const char *text;
	int r;

	r = json_get_text(object, key, &text, fault);
	if (r <= 0)
		return r;
	*ret = strdup(text);
	return *ret ? 0 : fault_set(fault, ENOMEM, "out of memory");
}

static int read_state(struct json_object *object, struct job *job, struct fault *fault)
{
	const char *name = "";
	uint64_t code = 0;
	int r;

	r = json_get_text(object, "state", &name, fault);
	if (r >= 0)
		r = json_get_u64(object, "exit_code", &code, fault);
	if (r < 0)
		return r;
	r = name_lookup(job_state_names, name);
	if (r < 0 || code > UINT8_MAX)
		return fault_set(fault, EBADMSG, "a job in the state '%.16s'", name);
	job->state = r;
	job->exit_code = (int)code;
	return 0;
}

static int read_job(struct json_object *object, struct job *job, struct fault *fault)
{
	int r;

	r = read_argv(object, job, fault);
	if (r >= 0)
		r = read_state(object, job, fault);
	if (r >= 0)
		r = json_get_u64(object, "number", &job->number, fault);
	if (r >= 0)
		r = json_get_u64(object, "ticket", &job->ticket, fault);
	if (r >= 0)
		r = json_get_u64(object, "queued_ms", &job->queued_ms, fault);
	if (r >= 0)
		r = json_get_u64(object, "started_ms", &job->started_ms, fault);
	if (r >= 0)
		r = json_get_u64(object, "ended_ms", &job->ended_ms, fault);
	if (r >= 0)
		r = read_text(object, "detail", &job->detail, fault);
	if (r >= 0)
		r = read_text(object, "output", &job->output, fault);
	if (r >= 0)
		r = read_text(object, "errors", &job->errors, fault);
	return r;
}

static int read_array(struct json_object *object, const char *key, char *to, size_t size,
		      struct fault *fault)
{
	const char *text = "";
	int r;

	r = json_get_text(object, key, &text, fault);
	if (r < 0)
		return r;
	r = str_copy(to, size, text);
	return r < 0 ? fault_set(fault, EBADMSG, "key '%s' is too long", key) : 0;
}

static int from_json(struct json_object *object, struct mailbox *mailbox, struct fault *fault)
{
	struct registration *registration = &mailbox->registration;
	struct json_object *job;
	int r;

	r = json_get_u64(object, "seq", &registration->seq, fault);
	if (r >= 0)
		r = read_array(object, "run_key", registration->run_key,
			       sizeof(registration->run_key), fault);
	if (r >= 0)
		r = read_array(object, "taken_by", registration->taken_by,
			       sizeof(registration->taken_by), fault);
	if (r >= 0)
		r = json_get_bool(object, "closed", &registration->closed, fault);
	if (r >= 0)
		r = json_get_u64(object, "keep_ms", &mailbox->keep_ms, fault);
	if (r >= 0)
		r = json_get_object(object, "job", &job, fault);
	return r > 0 ? read_job(job, &registration->job, fault) : r;
}

int mailbox_load(struct store *store, const char *machine, struct mailbox *ret, struct fault *fault)
{
	_cleanup_mailbox_ struct mailbox mailbox = {};
	_cleanup_json_ struct json_object *object = NULL;
	_cleanup_item_ struct item item = {};
	int r;

	r = str_copy(mailbox.registration.machine, sizeof(mailbox.registration.machine), machine);
	if (r < 0)
		return fault_set(fault, EINVAL, "'%.64s…' is no machine id", machine);
	r = store->ops->item_get(store, machine, MAILBOX_KIND, &item, fault);
	if (r < 0)
		return r;
	if (r == 0) {
		r = json_parse(item.body, strlen(item.body), "registration", &object, fault);
		if (r >= 0)
			r = from_json(object, &mailbox, fault);
		if (r < 0)
			return fault_wrap(fault, r, "the registration of %s: ", machine);
		mailbox.registration.revision = item.revision;
	}

	*ret = mailbox;
	mailbox = (struct mailbox){};
	return 0;
}
