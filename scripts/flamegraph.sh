#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Draws where EpcDevice's and EpfBridge's processor time goes, as an SVG file: a flame graph of what perf samples while
# scripts/bench.sh's own harness measures. For docs/performance.md.
#
# Usage: scripts/flamegraph.sh register|tlp FILE
#
#   register   EpcDevice, while its registers are read
#   tlp        both processes, while the host reads a BAR on the TLP path
#   FILE       the picture
#   --seconds N   how long samples are taken, default 5
#   --help
#
# perf (Debian's package linux-perf) samples by the clock, so that it works in virtual machines too; kernel functions have
# names only for root, or with kernel.kptr_restrict=0 and kernel.perf_event_paranoid=1.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/dotnet.sh
. "$REPO_ROOT/scripts/lib/dotnet.sh"

seconds=5 words=()
while [ $# -gt 0 ]; do
	case $1 in
	--help) print_help && exit ;;
	--seconds)
		[[ ${2:-} =~ ^[1-9][0-9]?$ ]] || usage_error "--seconds ${2:-}: not a number from 1 to 99"
		seconds=$2
		shift 2
		;;
	-*) usage_error "$1: unknown option" ;;
	*)
		words+=("$1")
		shift
		;;
	esac
done
[ ${#words[@]} -eq 2 ] || usage_error "two arguments are needed: register or tlp, and a file"
what=${words[0]} file=$(realpath -m -- "${words[1]}")

# Processes to look at, the group of rows that keeps them busy, and what tells the right ones by their command line
case $what in
register) names=(EpcDevice) group=register mark=--poll-us title="Register reads, one core" ;;
tlp) names=(EpcDevice EpfBridge) group=bar mark="--datapath tlp" title="Host BAR reads, TLP path" ;;
*) usage_error "$what: not one of register, tlp" ;;
esac

need_tools cc gcc taskset util-linux perf linux-perf
build_solution
dir=$(mktemp -d)
on_exit rm -rf "$dir"
cc -O2 -o "$dir/responder" "$REPO_ROOT/Bench/reference/responder.c"
cc -O2 -shared -fPIC -pthread -o "$dir/libclient.so" "$REPO_ROOT/Bench/reference/client.c"
mkdir "$dir/sockets"

# The runtime writes the names of what it compiles to /tmp, where perf looks for them; the second variable has it compile to
# memory that perf finds names for.
DOTNET_PerfMapEnabled=1 DOTNET_EnableWriteXorExecute=0 start_group "$(program Bench)" --repository "$REPO_ROOT" \
	--reference "$dir" --sockets "$dir/sockets" --json "$dir/rows.json" --rounds 30 --groups "$group" >"$dir/table"
harness=$GROUP

# remove_maps: of the harness and of all that it has started.
remove_maps() {
	local pid
	for pid in "$harness" "${!children[@]}"; do
		rm -f "/tmp/perf-$pid.map"
	done
}
declare -A children=()
on_exit remove_maps

# find_process NAME: sets FOUND to the id of the harness's child of that name with the mark on its command line.
find_process() {
	local pid
	FOUND=
	for pid in $(pgrep -P "$harness"); do
		children[$pid]=
		if [ "$(cat "/proc/$pid/comm")" = "$1" ] && tr '\0' ' ' <"/proc/$pid/cmdline" | grep -qiwe "$mark"; then
			FOUND=$pid
		fi
	done 2>/dev/null
	[ -n "$FOUND" ]
}

pids=() found=()
for name in "${names[@]}"; do
	tries=0
	until find_process "$name"; do
		kill -0 "$harness" 2>/dev/null || die "the harness ended before it started $name: $(cat "$dir/table")"
		[ "$tries" -lt 1200 ] || die "the harness has not started $name within two minutes"
		tries=$((tries + 1))
		sleep 0.1
	done
	pids+=("$FOUND")
	found+=("$FOUND:$name")
done

# What is called often is compiled once more in the first seconds.
sleep 4
step "taking samples for $seconds s" perf record -q -e cpu-clock -F 1999 -g -o "$dir/perf.data" \
	-p "$(IFS=, && echo "${pids[*]}")" -- sleep "$seconds"
perf script -i "$dir/perf.data" -F comm,pid,ip,sym,dso 2>/dev/null |
	"$(program Bench)" flamegraph "$file" "$title" "${found[@]}"
say "$file"
