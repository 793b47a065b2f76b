#!/bin/sh
# below-valgrind.sh PROGRAM ARGUMENT…: the program under valgrind's memcheck; what that finds is in
# $FOUND/NAME.PID. Wants pidfd-shim in $PIDFD_SHIM, and its broker's socket in $PIDFD_BROKER.
#
# A leak is what nothing points to. The C library's threads and SQLite keep pointers to the inside of
# a block, which valgrind counts as possibly lost.
set -eu

export LD_PRELOAD="${PIDFD_SHIM:?}" PIDFD_BROKER="${PIDFD_BROKER:?}"
exec valgrind --quiet --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite \
	--show-leak-kinds=definite --track-fds=yes --log-file="${FOUND:?}/${1##*/}.%p" "$@"
