#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Keeps one pair of guests busy. A cycle has cases of the kernel's self-test (a BAR, DMA, memcpy, INTx, MSI; a plugged
# endpoint has no MSI-X), which compare every byte by checksum or one by one, then takes the link down and up, which
# unplugs the endpoint from the running host and plugs it in again. Memory, descriptors and threads of both processes
# are compared between the 2nd minute and the last of these cycles. After two fifths of the time it injects faults
# instead, in turn, with cases after each: EpcDevice, EpfBridge, the EP guest's QEMU and the host's are killed and
# started again, and each guest reboots and panics.
#
# Usage: scripts/soak.sh [--minutes N] [OPTION]...
#
#   --minutes N     duration, at least 4; default 30. Each fault comes at least 2 times in 3 minutes, so 20 times in 30;
#                   a machine that is too slow for that takes longer
#   --out DIR       keep consoles, logs and samples here; default ~/.cache/epftest/runs
#   --help
#
# and the options of scripts/run-pair.sh that do not choose what runs, such as --datapath, --host-memory or --kernel.
#
# Exits with 0 if nothing was lost: no case failed, no step took three minutes, no process ended by itself, and nothing
# grew by 5 % or more. Else with 1, and the last lines say why. 64: invalid option.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

# Limit for a step. The longest is a case of the self-test, which has a minute; the machine may be slow
STEP_SECONDS=180
# Limit for building and booting
START_SECONDS=1200
# Least time between two samples
SAMPLE_SECONDS=5
GROWTH_PERCENT=5
PROCESSES=(EpcDevice EpfBridge)
# Undoes every guest's -no-reboot
REBOOTS='-action reboot=reset'
# Only MSI-X would need more, and a guest with fewer processors boots faster
HOST_PROCESSORS=2

# Bytes that a case of the self-test moves: READ, WRITE and COPY 1 + 1024 + 1025 + 1024000 + 1024001, once each way; a
# BAR of pci-epf-test is written and read
TRANSFER_BYTES=2050051
BAR_BYTES=131072

minutes=30 out='' options=()
while [ $# -gt 0 ]; do
	case $1 in
	--help) print_help && exit ;;
	--no-pin | --posted-writes | --strict-order) options+=("$1") && shift && continue ;;
	--ep-script | --host-script | --shell | --hotplug | --cases | --timeout | --map-bars)
		usage_error "$1: the soak chooses what runs"
		;;
	esac
	[ $# -ge 2 ] || usage_error "$1 needs a value"
	case $1 in
	--minutes)
		[[ $2 =~ ^([4-9]|[1-9][0-9]+)$ ]] || usage_error "$1 $2: not a number of minutes from 4"
		minutes=$2
		;;
	--out) out=$(realpath -m -- "$2") ;;
	*) options+=("$1" "$2") ;;
	esac
	shift 2
done

RUN_DIR=$out
mkdir -p "$CACHE_DIR/runs"
[ -n "$out" ] || RUN_DIR=$(mktemp -d "$CACHE_DIR/runs/$(date +%Y%m%d-%H%M%S).XXXX")
mkdir -p "$RUN_DIR"
rm -f "$RUN_DIR"/{samples,lines,soak-times,*.pid}

# --- The pair. run-pair.sh ends its children, if it is given the time.

PAIR=''
end_pair() {
	local waited=0
	[ -n "$PAIR" ] || return 0
	kill -TERM "$PAIR" 2>/dev/null || true
	while kill -0 "$PAIR" 2>/dev/null && [ "$waited" -lt 300 ]; do
		waited=$((waited + 1))
		sleep 0.1
	done
	PAIR=''
}
leave_soak() {
	local status=$?
	trap '' INT TERM HUP
	end_pair
	leave "$status"
}
trap leave_soak EXIT

# Growth needs at least three minutes.
flaps=$((minutes * 24)) rounds=$(((minutes * 2 + 2) / 3))
[ "$flaps" -ge 180 ] || flaps=180
faults=$((minutes * 60 - flaps))
echo "$flaps $faults $rounds" >"$RUN_DIR/soak-times"
mkfifo "$RUN_DIR/lines"
# Open for reading and writing: opening a FIFO for one of them blocks.
exec {LINES}<>"$RUN_DIR/lines"
start_group "$REPO_ROOT/scripts/run-pair.sh" --hotplug --ep-script "$REPO_ROOT/guest/soak-endpoint" \
	--host-script "$REPO_ROOT/guest/soak-host" --add "$RUN_DIR/soak-times" --timeout 0 --out "$RUN_DIR" \
	--ep-qemu "$REBOOTS" --host-qemu "$REBOOTS" --host-smp "$HOST_PROCESSORS" "${options[@]}" \
	</dev/null >"$RUN_DIR/lines" 2>"$RUN_DIR/run-pair.log"
PAIR=$GROUP

# --- Results

cycles=0 bytes=0 wrong=0 raised=0 lost=0 passed=0 failed=0 downs=0 reason='' begin='' growth_end=''
# Faults: begun, overcome, their names in order, and the count of each
begun=0 ended=0 kinds=()
declare -A overcome=()

# sample: appends a line "seconds name private-KiB descriptors threads file-KiB" for each process. Pages of files,
# mostly libraries, do not count: the kernel caches them and drops them as it likes.
sample() {
	local name pid memory files fds threads
	for name in "${PROCESSES[@]}"; do
		pid=$(cat "$RUN_DIR/$name.pid" 2>/dev/null) || continue
		read -r memory files < <(awk '/^RssAnon:/ { anonymous = $2 } /^RssFile:/ { files = $2 }
			END { print anonymous, files }' "/proc/$pid/status" 2>/dev/null) || continue
		[ -n "$files" ] || continue
		threads=$(awk '/^Threads:/ { print $2 }' "/proc/$pid/status" 2>/dev/null) || continue
		fds=$(find "/proc/$pid/fd" -mindepth 1 2>/dev/null | wc -l)
		printf '%d %s %s %s %s %s\n' $((SECONDS - begin)) "$name" "$memory" "$fds" "$threads" "$files" >>"$RUN_DIR/samples"
	done
}

# count_case STATUS NAME: counts a case of the self-test that has ended.
count_case() {
	local moved=0 interrupts=0
	case $2 in
	*READ_TEST | *WRITE_TEST | *COPY_TEST) moved=$TRANSFER_BYTES interrupts=5 ;;
	*.BAR_TEST) moved=$BAR_BYTES ;;
	*LEGACY_IRQ_TEST) interrupts=1 ;;
	*MSI_TEST) interrupts=32 ;;
	esac
	if [ "$1" = ok ]; then
		passed=$((passed + 1)) bytes=$((bytes + moved))
	else
		# The kernel does not report which byte or interrupt was wrong: all of the case's count.
		failed=$((failed + 1)) wrong=$((wrong + moved))
		[ "$moved" -gt 0 ] || lost=$((lost + interrupts))
		say "failed in cycle $cycles: $2"
	fi
	raised=$((raised + interrupts))
}

# count_fault NAME: counts a fault as overcome, since the cases after it have ended.
count_fault() {
	[ -n "${overcome[$1]:-}" ] || kinds+=("$1")
	overcome[$1]=$((${overcome[$1]:-0} + 1))
	ended=$((ended + 1))
}

soak_line() {
	case $1 in
	*'soak: begin') begin=$SECONDS ;;
	*'soak: cycle '*) cycles=${1##* } ;;
	*'soak: link down and up') downs=$((downs + 1)) ;;
	*'soak: faults') growth_end=$((SECONDS - begin)) ;;
	*'soak: fault '*) begun=$((begun + 1)) ;;
	*'soak: overcome: '*) count_fault "${1#*soak: overcome: }" ;;
	*'soak: failed: '*) reason=${1#*soak: failed: } ;;
	*'not ok '[0-9]*) count_case failed "${1##* }" ;;
	*'ok '[0-9]*'# SKIP'*) say "skipped: ${1#*ok }" ;;
	*'ok '[0-9]*) count_case ok "${1##* }" ;;
	esac
}

say "$minutes minutes, of which $((faults / 60)) min $((faults % 60)) s with at least $rounds rounds of each fault"
say "all consoles and logs: $RUN_DIR"
next_sample=0 next_report=0 last=$SECONDS limit=$START_SECONDS step='the pair to start' partial=''
while :; do
	line=''
	if IFS= read -r -t 1 -u "$LINES" line; then
		line=$partial$line partial=''
		last=$SECONDS
		soak_line "$line"
		# Always at the same point of a cycle: a plugged device has descriptors and a thread of its own.
		if [[ $line == *'ok '[0-9]*MSI_TEST && $SECONDS -ge $next_sample ]]; then
			next_sample=$((SECONDS + SAMPLE_SECONDS))
			sample
		fi
		case $line in *soak:*) step=${line#*soak: } ;; *ok\ [0-9]*) step="what follows '${line#*| }'" ;; esac
		[ -z "$begin" ] || limit=$STEP_SECONDS
	else
		partial+=$line
		kill -0 "$PAIR" 2>/dev/null || break
	fi
	if [ $((SECONDS - last)) -ge "$limit" ]; then
		reason="timeout: no output for $limit s: $step"
		break
	fi
	if [ -n "$begin" ] && [ "$SECONDS" -ge "$next_report" ]; then
		next_report=$((SECONDS + 60))
		say "$(elapsed $((SECONDS - begin))): cycle $cycles, $ended faults, $passed cases passed, $failed failed"
	fi
done
hangs=0 status=0
if [ -n "$reason" ] && [[ $reason == 'timeout: '* ]]; then
	hangs=1
	end_pair
else
	wait_group "$PAIR" || status=$?
	PAIR=''
fi

# median NAME COLUMN FROM TO: prints the median of the samples from second FROM to before TO; nothing without samples.
median() {
	awk -v name="$1" -v column="$2" -v from="$3" -v to="$4" '$2 == name && $1 >= from && $1 < to { print $column }' \
		"$RUN_DIR/samples" | sort -n | awk '{ value[NR] = $1 } END { if (NR) print value[int((NR + 1) / 2)] }'
}

# growth NAME COLUMN: prints the growth in per cent from the 2nd minute to the last one before processes are killed, of
# the medians of up to three minutes at either end. A single minute will not do: a garbage collection takes some
# megabytes and gives them back a minute later, and there are ten minutes between two.
growth() {
	local first last width=$(((${growth_end:-0} - 120) / 2))
	[ "$width" -le 180 ] || width=180
	[ "$width" -ge 30 ] || width=30
	first=$(median "$1" "$2" 120 $((120 + width)))
	last=$(median "$1" "$2" $((${growth_end:-0} - width)) "${growth_end:-0}")
	if [ -n "$first" ] && [ -n "$last" ]; then
		awk -v first="$first" -v last="$last" 'BEGIN { printf "%.1f\n", (last - first) * 100 / first }'
	else
		echo none
	fi
}

troubles=()
[ -z "$reason" ] || troubles+=("$reason")
if [ "$status" -ne 0 ]; then
	troubles+=("run-pair.sh exited with $status: $(tail -n 1 "$RUN_DIR/run-pair.log")")
fi
[ "$failed" -eq 0 ] || troubles+=("$failed cases of the self-test failed")
if [ -z "$growth_end" ]; then
	troubles+=("it ended before the faults began")
elif [ "$ended" -ne "$begun" ]; then
	troubles+=("only $ended of $begun faults were overcome")
fi
say ''
say "cycles:                  $cycles; link down and up $downs times"
say "faults overcome:         $ended of $begun"
for kind in "${kinds[@]}"; do
	say "    $kind: ${overcome[$kind]} times"
done
say "cases of the self-test:  $passed passed, $failed failed"
say "bytes checked:           $bytes; wrong: $wrong"
say "interrupts:              $raised raised; lost: $lost"
say "hangs:                   $hangs"
columns=([3]="private memory" [4]=descriptors [5]=threads)
for name in "${PROCESSES[@]}"; do
	for column in 3 4 5; do
		percent=none
		[ ! -s "$RUN_DIR/samples" ] || percent=$(growth "$name" "$column")
		if [ "$percent" = none ]; then
			troubles+=("$name: ${columns[column]} could not be compared")
			continue
		fi
		say "$name: ${columns[column]} grew by $percent %"
		if awk -v percent="$percent" -v limit="$GROWTH_PERCENT" 'BEGIN { exit !(percent >= limit) }'; then
			troubles+=("$name: ${columns[column]} grew by $percent %, which is not below $GROWTH_PERCENT %")
		fi
	done
done
grep -h '^note: ' "$RUN_DIR/run-pair.log" >&2 || true
if [ ${#troubles[@]} -gt 0 ]; then
	say "all consoles and logs: $RUN_DIR"
	printf 'lost: %s\n' "${troubles[@]}" >&2
	exit 1
fi
say 'nothing was lost'
