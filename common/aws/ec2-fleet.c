/* The answer to CreateFleet. */

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "common/aws/ec2.h"
#include "common/aws/error.h"
#include "common/aws/xml-field.h"
#include "common/base/io.h"
#include "common/net/xml.h"

#define SET "CreateFleetResponse/fleetInstanceSet/item"
#define ERRORS "CreateFleetResponse/errorSet/item"
#define ERRORS_MAX 1024

/* An item has several instances, and what is true of all of them may stand behind their ids. */
struct reading {
	struct ec2_fleet_answer answer;
	size_t item; /* the first instance of the item that is being read */
	struct ec2_launched common;
	struct ec2_launch_error error;
};

static const struct xml_field fleet_fields[] = {
	XML_TEXT_FIELD("CreateFleetResponse/fleetId", ec2_fleet_answer, fleet_id),
	{ .path = NULL },
};

static const struct xml_field common_fields[] = {
	XML_TEXT_FIELD(SET "/instanceType", ec2_launched, type),
	XML_TEXT_FIELD(SET "/lifecycle", ec2_launched, lifecycle),
	XML_TEXT_FIELD(SET "/launchTemplateAndOverrides/overrides/subnetId", ec2_launched, subnet),
	XML_TEXT_FIELD(SET "/launchTemplateAndOverrides/overrides/availabilityZone", ec2_launched,
		       zone),
	{ .path = NULL },
};

static const struct xml_field error_fields[] = {
	XML_TEXT_FIELD(ERRORS "/errorCode", ec2_launch_error, code),
	XML_TEXT_FIELD(ERRORS "/lifecycle", ec2_launch_error, lifecycle),
	XML_TEXT_FIELD(ERRORS "/launchTemplateAndOverrides/overrides/instanceType",
		       ec2_launch_error, type),
	XML_TEXT_FIELD(ERRORS "/launchTemplateAndOverrides/overrides/subnetId", ec2_launch_error,
		       subnet),
	XML_TEXT_FIELD(ERRORS "/launchTemplateAndOverrides/overrides/availabilityZone",
		       ec2_launch_error, zone),
	{ .path = NULL },
};

static int add_instance(struct reading *reading, const char *id, struct fault *fault)
{
	struct ec2_fleet_answer *answer = &reading->answer;
	struct ec2_launched *launched;

	if (answer->n_launched == EC2_FLEET_MAX)
		return fault_set(fault, EBADMSG, "ec2 CreateFleet: more than %d instances",
				 EC2_FLEET_MAX);
	launched = reallocarray(answer->launched, answer->n_launched + 1, sizeof(*launched));
	if (!launched)
		return fault_set(fault, ENOMEM, "ec2 CreateFleet: out of memory");
	answer->launched = launched;
	launched[answer->n_launched] = (struct ec2_launched){};
	if (!id[0] || str_copy(launched[answer->n_launched].id, EC2_ID_MAX, id) < 0)
		return fault_set(fault, EBADMSG, "ec2 CreateFleet: '%.40s' is no id", id);
	answer->n_launched++;
	return 0;
}

static void end_item(struct reading *reading)
{
	for (size_t i = reading->item; i < reading->answer.n_launched; i++) {
		struct ec2_launched launched = reading->common;

		memcpy(launched.id, reading->answer.launched[i].id, sizeof(launched.id));
		reading->answer.launched[i] = launched;
	}
	reading->item = reading->answer.n_launched;
	reading->common = (struct ec2_launched){};
}

static int end_error(struct reading *reading, struct fault *fault)
{
	struct ec2_fleet_answer *answer = &reading->answer;
	struct ec2_launch_error *errors;

	if (answer->n_errors == ERRORS_MAX)
		return fault_set(fault, EBADMSG, "ec2 CreateFleet: more than %d errors",
				 ERRORS_MAX);
	errors = reallocarray(answer->errors, answer->n_errors + 1, sizeof(*errors));
	if (!errors)
		return fault_set(fault, ENOMEM, "ec2 CreateFleet: out of memory");
	answer->errors = errors;
	reading->error.error = aws_error_errno(reading->error.code, 0);
	errors[answer->n_errors++] = reading->error;
	reading->error = (struct ec2_launch_error){};
	return 0;
}

static int on_element(const char *path, const char *text, void *context, struct fault *fault)
{
	struct reading *reading = context;
	int r;

	if (strcmp(path, SET "/instanceIds/item") == 0)
		return add_instance(reading, text, fault);
	if (strcmp(path, ERRORS) == 0)
		return end_error(reading, fault);
	if (strcmp(path, SET) == 0)
		end_item(reading);
	if (strcmp(path, ERRORS "/errorMessage") == 0)
		(void)snprintf(reading->error.message, sizeof(reading->error.message), "%s", text);

	r = xml_field_read(fleet_fields, path, text, &reading->answer, fault);
	if (r == 0)
		r = xml_field_read(common_fields, path, text, &reading->common, fault);
	if (r == 0)
		r = xml_field_read(error_fields, path, text, &reading->error, fault);
	return r < 0 ? r : 0;
}

int ec2_fleet_read(const char *body, size_t size, struct ec2_fleet_answer *ret, struct fault *fault)
{
	struct reading reading = {};
	int r;

	r = xml_read(body, size, "ec2 CreateFleet", on_element, &reading, fault);
	if (r == 0 && !reading.answer.fleet_id[0])
		r = fault_set(fault, EBADMSG, "ec2 CreateFleet: the answer names no fleet");
	if (r < 0) {
		ec2_fleet_answer_done(&reading.answer);
		return r;
	}
	*ret = reading.answer;
	return 0;
}

void ec2_fleet_answer_done(struct ec2_fleet_answer *answer)
{
	free(answer->launched);
	free(answer->errors);
	*answer = (struct ec2_fleet_answer){};
}
