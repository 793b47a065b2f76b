#!/bin/sh
# What a new machine is given to do: writes down the settings of its agent and starts the agent that
# its image holds. Nothing in here is secret: whatever runs on the machine can read it.
set -eu
umask 022

settings=${PADDOCK_ROOT-}/etc/paddock/agent.conf
mkdir -p "${settings%/*}"

# cloud-init, which runs this, has written down which machine it is.
machine=${INSTANCE_ID-}
known=${PADDOCK_ROOT-}/var/lib/cloud/data/instance-id
if [ -z "$machine" ] && [ -r "$known" ]; then
	machine=$(cat "$known")
fi

{
	cat <<'END_OF_SETTINGS'
@SETTINGS@
END_OF_SETTINGS
	if [ -n "$machine" ]; then
		echo "machine = $machine"
	fi
} >"$settings.new"
mv "$settings.new" "$settings"

if [ -d /run/systemd/system ]; then
	exec systemctl --no-block start paddock-agent
fi
exec paddock-agent run
