# shellcheck shell=sh
# ./dev sim: runs the simulator, for as long as one likes, or without one of the guards of
# docs/protocol/guards.md.

verb_sim() {
	sim_without=
	sim_limited=false
	sim_seconds=
	while [ "$#" -gt 0 ]; do
		case $1 in
		--minutes)
			[ "$#" -gt 1 ] || usage_error "sim: --minutes needs a number"
			case $2 in
			'' | *[!0-9]* | 0* | ?????*) usage_error "sim: '$2' is no number of minutes" ;;
			esac
			sim_seconds=$(($2 * 60))
			sim_limited=true
			shift 2
			;;
		--without)
			[ "$#" -gt 1 ] || usage_error "sim: --without needs the name of a guard"
			sim_without=$2
			shift 2
			;;
		--guards) sim_without='?' && shift ;;
		--schedules | --seconds | --one | --replay) sim_limited=true && break ;;
		*) break ;;
		esac
	done

	need test
	configure_clang
	say "building build-clang/tests/sim/sim"
	run_quietly ninja -C build-clang tests/sim/sim
	sim_program=build-clang/tests/sim/sim
	case $sim_without in
	'?')
		exec tests/sim/guards.py build-clang --list
		;;
	?*)
		tests/sim/guards.py build-clang --make-only "$sim_without" >/dev/null
		sim_program=build-clang/tests/sim/without/$sim_without
		;;
	esac
	set -- --keep build-clang/sim-failure.tape "$@"
	[ -z "$sim_seconds" ] || set -- --seconds "$sim_seconds" "$@"
	"$sim_limited" || set -- --seconds 60 "$@"
	# In place of this shell, so that signals and the exit code are the simulator's own.
	exec "$sim_program" "$@"
}
