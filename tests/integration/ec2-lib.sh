# shellcheck shell=sh
# The provider ec2 against the fake: sourced behind peers.sh.

readonly EC2_SUBNETS='subnet-0000000000000000a subnet-0000000000000000b subnet-0000000000000000c'

# begin_ec2: the fake with a launch template; its instances run real agents.
begin_ec2() {
	export PADDOCK_PROVIDER=ec2 PADDOCK_SUBNETS="$EC2_SUBNETS"
	export PADDOCK_STORE="${PADDOCK_STORE-sqlite:$T/store.db}"
	# shellcheck disable=SC2154 # of lib.sh
	start_aws --boot-command "exec $paddock_agent run --machine \$INSTANCE_ID --provider local \
		--store $PADDOCK_STORE --state-dir $T/state --boot-time 60s --beat-period 1s \
		--log-level debug"
	make_template
}

make_template() {
	# shellcheck disable=SC2154 # of lib.sh
	"$python" -B - <<'END'
import botocore.session, os
ec2 = botocore.session.Session().create_client("ec2", endpoint_url=os.environ["AWS_ENDPOINT_URL_EC2"])
ec2.create_launch_template(
    LaunchTemplateName="paddock",
    LaunchTemplateData={"ImageId": "ami-00000000000000001",
                        "InstanceInitiatedShutdownBehavior": "terminate"})
END
}

# instances [STATE]: their ids.
instances() {
	aws_fake GET instances | "$python" -c '
import json, sys
for instance in json.load(sys.stdin):
    if not sys.argv[1:] or instance["state"] in sys.argv[1:]:
        print(instance["id"])' "$@"
}

count_instances() {
	instances "$@" | wc -l
}

# has_instances N [STATE…]
has_instances() {
	has_n=$1
	shift
	[ "$(count_instances "$@")" -eq "$has_n" ]
}
