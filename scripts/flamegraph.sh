#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Writes collapsed stacks of the processor time of EpcDevice and EpfBridge, from samples that perf takes while the
# harness of scripts/bench.sh measures. Viewers of flame graphs read them: speedscope, inferno-flamegraph, FlameGraph's
# flamegraph.pl --color=java. For docs/performance.md.
#
# Usage: scripts/flamegraph.sh register|tlp FILE
#
#   register      EpcDevice, while its registers are read
#   tlp           both processes, while the host reads a BAR on the TLP path
#   FILE          the stacks
#   --seconds N   time of sampling, default 5
#   --help
#
# perf (Debian's package linux-perf) samples by the clock, which works in virtual machines, too. Kernel functions have
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

# The processes, the group of rows that keeps them busy, and a mark on the command lines of the right ones
case $what in
register) names=(EpcDevice) group=register mark=--poll-us ;;
tlp) names=(EpcDevice EpfBridge) group=bar mark="--datapath tlp" ;;
*) usage_error "$what: not one of register, tlp" ;;
esac

need_tools cc gcc taskset util-linux perf linux-perf
build_solution
dir=$(mktemp -d)
on_exit rm -rf "$dir"
cc -O2 -o "$dir/responder" "$REPO_ROOT/Bench/reference/responder.c"
cc -O2 -shared -fPIC -pthread -o "$dir/libclient.so" "$REPO_ROOT/Bench/reference/client.c"
mkdir "$dir/sockets"

# The first variable makes the runtime write the names of compiled methods to /tmp, where perf looks for them; the
# second makes it compile to memory for which perf finds names.
DOTNET_PerfMapEnabled=1 DOTNET_EnableWriteXorExecute=0 start_group "$(program Bench)" --repository "$REPO_ROOT" \
	--reference "$dir" --sockets "$dir/sockets" --json "$dir/rows.json" --rounds 30 --groups "$group" >"$dir/table"
harness=$GROUP

# remove_maps: removes those files of the harness and its children.
remove_maps() {
	local pid
	for pid in "$harness" "${!children[@]}"; do
		rm -f "/tmp/perf-$pid.map"
	done
}
declare -A children=()
on_exit remove_maps

# find_process NAME: sets FOUND to the id of the harness's child with that name and the mark on its command line.
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
		[ "$tries" -lt 1200 ] || die "timeout: the harness did not start $name within two minutes"
		tries=$((tries + 1))
		sleep 0.1
	done
	pids+=("$FOUND")
	found+=("$FOUND:$name")
done

# In the first seconds the runtime compiles hot methods again.
sleep 4
step "taking samples for $seconds s" perf record -q -e cpu-clock -F 1999 -g -o "$dir/perf.data" \
	-p "$(IFS=, && echo "${pids[*]}")" -- sleep "$seconds"
perf script -i "$dir/perf.data" -F comm,pid,ip,sym,dso 2>/dev/null |
	"$(program Bench)" stacks "${found[@]}" >"$file"
say "$file"
