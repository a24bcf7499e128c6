#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Starts EpcDevice and boots a guest on stock QEMU with it: the EP side alone, to explore or to develop against.
#
# Usage: scripts/run-epc.sh [OPTION]... [-- RUN-GUEST-OPTION...]
#
#   --pci-id VVVV:DDDD   another PCI ID for the controller, default 1234:e9c0
#   --log-level LEVEL    what EpcDevice logs to stderr, default Warning
#   --help
#
# Arguments after -- go to scripts/run-guest.sh, for example --script FILE. Without a script the guest's console is on
# the terminal; Ctrl-A X ends it.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/dotnet.sh
. "$REPO_ROOT/scripts/lib/dotnet.sh"

options=()
while [ $# -gt 0 ]; do
	case $1 in
	--help) print_help && exit ;;
	--)
		shift
		break
		;;
	--pci-id | --log-level)
		[ $# -ge 2 ] || usage_error "$1 needs a value"
		options+=("$1" "$2")
		shift 2
		;;
	*) usage_error "$1: unknown option" ;;
	esac
done

build_solution
dir=$(mktemp -d)
on_exit rm -rf "$dir"
start_group "$(program EpcDevice)" --socket "$dir/epc.sock" --link "$dir/link.sock" "${options[@]}" \
	2> >(tee "$dir/epc.log" >&2)
wait_for_socket "$dir/epc.sock" "$GROUP" "$dir/epc.log"

status=0
"$REPO_ROOT/scripts/run-guest.sh" \
	--device "{\"driver\":\"vfio-user-pci\",\"socket\":{\"type\":\"unix\",\"path\":\"$dir/epc.sock\"}}" "$@" || status=$?
exit "$status"
