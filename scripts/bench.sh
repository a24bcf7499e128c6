#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Measures how fast everything is, each figure beside a raw reference that does the minimum with the same result: C
# programs in Bench/reference, on the same cores, in the same minute. Prints a table; docs/performance.md explains it.
#
# Usage: scripts/bench.sh [OPTION]... [TOOLCHAIN-OPTION]...
#
#   --quick             fewer rounds, and no guests: about two minutes
#   --only GROUP[,...]  some rows only: register, bar, dma, interrupt, lookup, allocation, functions, process, guests
#   --rounds N          rounds of each row, default 11, with --quick 5; rows with guests have one
#   --json FILE         write the rows here, with the figures of each round; default bench.json in the cache
#   --help
#
# and the options of scripts/toolchain.sh, for the rows with guests. Each figure is the median of its rounds, each ratio
# the median of the rounds' ratios. The EP side has the first core, the host side the second, as in scripts/run-pair.sh.
#
# Exits with 0 if every row meets its goal, else 1: the last lines name those that do not; 2 if something could not be
# measured. Other load on the machine moves figures more than ratios, but both.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/toolchain.sh
. "$REPO_ROOT/scripts/lib/toolchain.sh"
# shellcheck source-path=SCRIPTDIR source=lib/dotnet.sh
. "$REPO_ROOT/scripts/lib/dotnet.sh"
# shellcheck source-path=SCRIPTDIR source=lib/driver.sh
. "$REPO_ROOT/scripts/lib/driver.sh"

GROUPS_ALONE=register,bar,dma,interrupt,lookup,allocation,functions,process

groups='' rounds='' json=$CACHE_DIR/bench.json quick=no guest_options=()
while [ $# -gt 0 ]; do
	case $1 in
	--help) print_help && exit ;;
	--quick) quick=yes && shift && continue ;;
	--only | --rounds | --json) [ $# -ge 2 ] || usage_error "$1 needs a value" ;;
	*)
		toolchain_option "$@" || usage_error "$1: unknown option"
		guest_options+=("$1" "$2")
		;;
	esac
	case $1 in
	--only)
		[[ ,$2, =~ ^(,(${GROUPS_ALONE//,/|}|guests))+,$ ]] || usage_error "--only $2: not some of $GROUPS_ALONE,guests"
		groups=$2
		;;
	--rounds)
		[[ $2 =~ ^[1-9][0-9]?$ ]] || usage_error "--rounds $2: not a number from 1 to 99"
		rounds=$2
		;;
	--json) json=$(realpath -m -- "$2") ;;
	esac
	shift 2
done
if [ "$quick" = yes ]; then
	: "${groups:=$GROUPS_ALONE}" "${rounds:=5}"
else
	: "${groups:=$GROUPS_ALONE,guests}" "${rounds:=11}"
fi

need_tools cc gcc taskset util-linux
need_headers stdio.h libc6-dev
build_solution
dir=$(mktemp -d)
on_exit rm -rf "$dir"
cc -O2 -Wall -Wextra -o "$dir/responder" "$REPO_ROOT/Bench/reference/responder.c"
cc -O2 -Wall -Wextra -shared -fPIC -pthread -o "$dir/libclient.so" "$REPO_ROOT/Bench/reference/client.c"
cc -O2 -Wall -Wextra -static -o "$dir/bar-read" "$REPO_ROOT/Bench/guest/bar-read.c"
mkdir -p "$dir/sockets" "$(dirname "$json")"

if [[ ,$groups, == *,guests,* ]]; then
	# A pair's first run would build these, and its time would count.
	prepare_toolchain
	build_driver
	build_module "$REPO_ROOT/Bench/guest/epf-bench" epf-bench
	cp "$MODULE" "$dir"
	build_programs
fi
say "load before: $(cut -d' ' -f1-3 /proc/loadavg)"
status=0
start_group "$(program Bench)" --repository "$REPO_ROOT" --reference "$dir" --sockets "$dir/sockets" --json "$json" \
	--rounds "$rounds" --groups "$groups" --guest-options "${guest_options[*]}"
wait_group "$GROUP" || status=$?
say "load after: $(cut -d' ' -f1-3 /proc/loadavg); all rounds: $json"
exit "$status"
