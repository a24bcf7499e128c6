#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Keeps one pair of guests up and busy, cycle after cycle: cases of the kernel's self-test (a BAR, DMA, memcpy, INTx, MSI; what is
# plugged has no MSI-X; every byte that they move is compared by a checksum or one by one), then the link down and up, with the endpoint
# unplugged from and plugged into the running host. Memory, descriptors and threads of both processes are looked at from the
# 2nd minute to the end of that. After two fifths of the time there are faults instead, in turns, and cases after each: EpcDevice,
# EpfBridge, the EP guest's QEMU and the host's killed and started again, and each guest's reboot and panic.
#
# Usage: scripts/soak.sh [--minutes N] [OPTION]...
#
#   --minutes N     how long, at least 4; default 30. Each fault comes 2 times in 3 minutes at least, so 20 times in 30; a
#                   machine that is slow at that takes longer
#   --out DIR       keep consoles, logs and samples here; else they are in ~/.cache/epftest/runs
#   --help
#
# and the options of scripts/run-pair.sh that do not choose what runs, such as --datapath, --host-memory or --kernel.
#
# Exits with 0 if nothing was lost: no case failed, nothing stood still for three minutes, nobody ended, and nothing grew by
# 5 % or more. Else with 1, and the last lines say why; 64 is a wrong option.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/guest.sh
. "$REPO_ROOT/scripts/lib/guest.sh"

# The longest step is a case of the self-test, which has a minute, on a machine where all is slow.
STEP_SECONDS=180
# Building and booting
START_SECONDS=1200
# At least
SAMPLE_SECONDS=5
GROWTH_PERCENT=5
PROCESSES=(EpcDevice EpfBridge)
# Every guest's -no-reboot is taken back.
REBOOTS='-action reboot=reset'
# Without MSI-X there is no need for more, and a guest with less of them boots sooner.
HOST_PROCESSORS=2

# What a case of the self-test moves, in bytes: READ, WRITE and COPY 1 + 1024 + 1025 + 1024000 + 1024001, each way once;
# a BAR of pci-epf-test's is written and read.
TRANSFER_BYTES=2050051
BAR_BYTES=131072

minutes=30 out='' options=()
while [ $# -gt 0 ]; do
	case $1 in
	--help) print_help && exit ;;
	--no-pin | --posted-writes | --strict-order) options+=("$1") && shift && continue ;;
	--ep-script | --host-script | --shell | --hotplug | --cases | --timeout | --map-bars) usage_error "$1: the soak chooses what runs" ;;
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
[ -n "$out" ] || RUN_DIR=$(new_run_dir)
mkdir -p "$RUN_DIR"
rm -f "$RUN_DIR"/{samples,lines,soak-times,*.pid}

# --- The pair. run-pair.sh ends what it has started, if it is let.

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

# Less than three minutes tell nothing of growth.
flaps=$((minutes * 24)) rounds=$(((minutes * 2 + 2) / 3))
[ "$flaps" -ge 180 ] || flaps=180
faults=$((minutes * 60 - flaps))
echo "$flaps $faults $rounds" >"$RUN_DIR/soak-times"
mkfifo "$RUN_DIR/lines"
# For both, as who opens it for one waits for the other.
exec {LINES}<>"$RUN_DIR/lines"
start_group "$REPO_ROOT/scripts/run-pair.sh" --hotplug --ep-script "$REPO_ROOT/guest/soak-endpoint" \
	--host-script "$REPO_ROOT/guest/soak-host" --add "$RUN_DIR/soak-times" --timeout 0 --out "$RUN_DIR" \
	--ep-qemu "$REBOOTS" --host-qemu "$REBOOTS" --host-smp "$HOST_PROCESSORS" "${options[@]}" \
	</dev/null >"$RUN_DIR/lines" 2>"$RUN_DIR/run-pair.log"
PAIR=$GROUP

# --- What comes of it

cycles=0 bytes=0 wrong=0 raised=0 lost=0 passed=0 failed=0 downs=0 reason='' begin='' growth_end=''
# Faults: begun, ended, the names in their order, and how many of each
begun=0 ended=0 kinds=()
declare -A overcome=()

# sample: a line "seconds name private-KiB descriptors threads file-KiB" for each process. What it has of files, its libraries
# above all, is the kernel's cache: that comes when it is used and goes when memory is wanted elsewhere, and counts for nothing.
sample() {
	local name pid memory files fds threads
	for name in "${PROCESSES[@]}"; do
		pid=$(cat "$RUN_DIR/$name.pid" 2>/dev/null) || continue
		read -r memory files < <(awk '/^RssAnon:/ { anonymous = $2 } /^RssFile:/ { files = $2 } END { print anonymous, files }' \
			"/proc/$pid/status" 2>/dev/null) || continue
		[ -n "$files" ] || continue
		threads=$(awk '/^Threads:/ { print $2 }' "/proc/$pid/status" 2>/dev/null) || continue
		fds=$(find "/proc/$pid/fd" -mindepth 1 2>/dev/null | wc -l)
		printf '%d %s %s %s %s %s\n' $((SECONDS - begin)) "$name" "$memory" "$fds" "$threads" "$files" >>"$RUN_DIR/samples"
	done
}

# count_case STATUS NAME: a case of the self-test has ended.
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
		# Which byte or interrupt of it the kernel does not tell: all count.
		failed=$((failed + 1)) wrong=$((wrong + moved))
		[ "$moved" -gt 0 ] || lost=$((lost + interrupts))
		say "failed in cycle $cycles: $2"
	fi
	raised=$((raised + interrupts))
}

# count_fault NAME: the cases after it have ended.
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

say "$minutes minutes, of which $((faults / 60)) min $((faults % 60)) s with $rounds rounds of each fault or more; all consoles and logs: $RUN_DIR"
next_sample=0 next_report=0 last=$SECONDS limit=$START_SECONDS step='the pair to start' partial=''
while :; do
	line=''
	if IFS= read -r -t 1 -u "$LINES" line; then
		line=$partial$line partial=''
		last=$SECONDS
		soak_line "$line"
		# Always at the same place of a cycle: a device that is plugged has descriptors and a thread of its own.
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
		reason="nothing was heard for $limit s: $step"
		break
	fi
	if [ -n "$begin" ] && [ "$SECONDS" -ge "$next_report" ]; then
		next_report=$((SECONDS + 60))
		say "$(elapsed $((SECONDS - begin))): cycle $cycles, $ended faults, $passed cases passed, $failed failed"
	fi
done
hangs=0 status=0
if [ -n "$reason" ] && [[ $reason == 'nothing was heard'* ]]; then
	hangs=1
	end_pair
else
	wait_group "$PAIR" || status=$?
	PAIR=''
fi

# median NAME COLUMN FROM TO: of the samples from one second to before another; nothing where there are none.
median() {
	awk -v name="$1" -v column="$2" -v from="$3" -v to="$4" '$2 == name && $1 >= from && $1 < to { print $column }' \
		"$RUN_DIR/samples" | sort -n | awk '{ value[NR] = $1 } END { if (NR) print value[int((NR + 1) / 2)] }'
}

# growth NAME COLUMN: per cent from the 2nd minute to the last before processes were killed, by the medians of up to three minutes
# at either end: a garbage collection takes some megabytes, which it gives back a minute later, and there are ten minutes between two.
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
	troubles+=("the pair ended with $status: $(tail -n 1 "$RUN_DIR/run-pair.log")")
fi
[ "$failed" -eq 0 ] || troubles+=("$failed cases of the self-test failed")
if [ -z "$growth_end" ]; then
	troubles+=("the time was not reached")
elif [ "$ended" -ne "$begun" ]; then
	troubles+=("of $begun faults $ended were overcome")
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
