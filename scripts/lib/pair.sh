# SPDX-License-Identifier: MIT
# The two sides of a pair: starts processes and guests, watches them together and ends them. Sourced, never run.
# shellcheck shell=bash disable=SC2034,SC2153,SC2154 source-path=SCRIPTDIR # set here or there, used there or here
# shellcheck source=guest.sh
. "$REPO_ROOT/scripts/lib/guest.sh"

# RUN_DIR keeps ep/ and host/ (console.log, result.log, qemu.log), EpcDevice.log and EpfBridge.log. SOCKET_DIR has the
# sockets; its name is short enough for a socket's path.
declare -A SIDE_NAME=([ep]="EP guest" [host]="host guest")
# The guest's memory: shared with the processes, shared in huge pages, or private
declare -A SIDE_MEMORY=([ep]=shared [host]=shared)
declare -A SIDE_KERNEL=() SIDE_INITRAMFS=() SIDE_ACCEL=() SIDE_CORE=() SIDE_SMP=() SIDE_GROUP=()
declare -A PROCESS_GROUP=() PROCESS_COMMAND=()
# Words that guests' scripts want remembered, and the number of killed QEMUs whose "epftest: end" is still to come
declare -A REMEMBERED=() ENDS_TO_COME=()
HOTPLUG=no
# More arguments of a side's QEMU, separated by spaces
declare -A SIDE_QEMU=([ep]='' [host]='')

# --- Where things run

# pick_cores: with few cores, gives each side one, so that a message within a side crosses none.
pick_cores() {
	local range core cores=()
	for range in $(sed -n 's/^Cpus_allowed_list:\s*//p' /proc/self/status | tr , ' '); do
		for ((core = ${range%-*}; core <= ${range#*-}; core++)); do
			cores+=("$core")
		done
	done
	if [ ${#cores[@]} -ge 2 ] && [ ${#cores[@]} -le 4 ]; then
		SIDE_CORE=([ep]=${cores[0]} [host]=${cores[1]})
		say "pinned: the EP side to core ${cores[0]}, the host side to core ${cores[1]}"
	fi
}

# pinned SIDE COMMAND...: sets PINNED to COMMAND on that side's core.
pinned() {
	local core=${SIDE_CORE[$1]:-}
	shift
	PINNED=(${core:+taskset -c "$core"} "$@")
}

# --- Starting

# start_process NAME SIDE SOCKET ARGUMENT...: starts EpcDevice or EpfBridge; waits for SOCKET, if it is not empty.
start_process() {
	local name=$1 side=$2 socket=$3
	shift 3
	pinned "$side" "$(program "$name")" "$@"
	PROCESS_COMMAND[$name]=$(printf '%q ' "${PINNED[@]}")
	: >"$RUN_DIR/$name.log"
	run_process "$name"
	watch_for "$name did not make its socket" 30
	until [ -z "$socket" ] || [ -S "$socket" ]; do
		read_event || true
	done
}

# run_process NAME: starts it with the arguments that start_process got, and appends to its log.
run_process() {
	local words
	eval "words=(${PROCESS_COMMAND[$1]})"
	start_group "${words[@]}" </dev/null >>"$RUN_DIR/$1.log" 2>&1
	PROCESS_GROUP[$1]=$GROUP
	echo "$GROUP" >"$RUN_DIR/$1.pid"
}

# kill_process NAME: kills it, as a fault does.
kill_process() {
	local group=${PROCESS_GROUP[$1]:-}
	[ -n "$group" ] || return 0
	unset "PROCESS_GROUP[$1]"
	kill -KILL -- "-$group"
	wait_group "$group" || true
}

# restart_side SIDE: kills its QEMU and starts it again, with boot_SIDE.
restart_side() {
	local control=${SIDE_CONTROL[$1]:-}
	[ -n "${SIDE_GROUP[$1]:-}" ] || abandon "$GUEST_FAILED" "a script wants to restart a guest that does not run" "$1"
	unset "SIDE_GROUP[$1]"
	ENDS_TO_COME[$1]=$((${ENDS_TO_COME[$1]:-0} + 1))
	kill_guest "$RUN_DIR/$1"
	exec {control}>&-
	GUEST_AGAIN=yes
	"boot_$1"
	GUEST_AGAIN=no
}

# relay_event: does what a guest's script asks for: passes a word to the other script (epftest-say), kills and starts a
# process or a guest (epftest-restart), or keeps words (epftest-remember). Fails if the event is something else.
relay_event() {
	local name what other=ep
	[ "$SIDE" = host ] || other=host
	case $LINE in
	'epftest: say '*) tell "$other" "said ${LINE#epftest: say }" ;;
	'epftest: restart '*)
		read -r name what <<<"${LINE#epftest: restart }"
		case $name in
		ep-qemu | host-qemu)
			restart_side "${name%-qemu}"
			# The asking script itself may be gone.
			[ "${name%-qemu}" = "$SIDE" ] || tell "$SIDE" "said restarted $name"
			return
			;;
		esac
		[ -n "${PROCESS_COMMAND[$name]:-}" ] ||
			abandon "$GUEST_FAILED" "a script wants to restart '$name', which is unknown" "$SIDE"
		[ "$what" = start ] || kill_process "$name"
		[ "$what" = stop ] || run_process "$name"
		tell "$SIDE" "said restarted $name"
		;;
	'epftest: remember '*)
		REMEMBERED[$SIDE]=${LINE#epftest: remember }
		tell "$SIDE" 'said remembered'
		;;
	'epftest: recall') tell "$SIDE" "said recalled ${REMEMBERED[$SIDE]:-}" ;;
	*) return 1 ;;
	esac
}

# use_side SIDE: sets the variables that scripts/lib/guest.sh and initramfs.sh use.
use_side() {
	KERNEL_DIR=${SIDE_KERNEL[$1]} INITRAMFS=${SIDE_INITRAMFS[$1]} ACCEL=${SIDE_ACCEL[$1]} GUEST_NAME=${SIDE_NAME[$1]}
	pinned "$1" "$QEMU_PATH"
	QEMU=("${PINNED[@]}")
}

# side_arguments SIDE IMAGE SOCKET WORD...: sets MACHINE, KERNEL_ARGS (with the WORDs) and DEVICE, which ends with the
# words of SIDE_QEMU. The EP guest gets the mapped window at WINDOW_SOCKET, if that is not empty. With HOTPLUG=yes each
# QEMU has a monitor at SOCKET_DIR/SIDE.qmp, and the host's QEMU has no endpoint: EpfBridge plugs it in.
side_arguments() {
	local side=$1 image=$2 socket=$3 file=endpoint.args
	shift 3
	use_side "$side"
	machine_args 512M "${SIDE_SMP[$side]}" "${SIDE_MEMORY[$side]}" yes
	kernel_args "$image" "$@"
	[ "$side" = host ] || file=epc.args
	# shellcheck disable=SC2207 # the file's words are arguments, one by one
	DEVICE=($(read_args "$file"))
	DEVICE=("${DEVICE[@]//@SOCKET@/$socket}")
	DEVICE=("${DEVICE[@]//@SYNCHRONOUS_WRITES@/$SYNCHRONOUS_WRITES}")
	DEVICE=("${DEVICE[@]//@HOST_SYNCHRONOUS_WRITES@/$HOST_SYNCHRONOUS_WRITES}")
	DEVICE[1]=$(on_root_port 0 "${DEVICE[1]}")
	if [ "$HOTPLUG" = yes ]; then
		[ "$side" = ep ] || DEVICE=()
		DEVICE+=(-qmp "unix:$SOCKET_DIR/$side.qmp,server=on,wait=off")
	fi
	if [ "$side" = ep ] && [ -n "${WINDOW_SOCKET:-}" ]; then
		# shellcheck disable=SC2207 # likewise
		DEVICE+=($(read_args window.args | sed "s|@SOCKET@|$WINDOW_SOCKET|"))
	fi
	local words
	read -ra words <<<"${SIDE_QEMU[$side]}"
	DEVICE+=("${words[@]}")
}

# start_side SIDE: starts its QEMU with what side_arguments has set. The lines of its script become events.
start_side() {
	local dir=$RUN_DIR/$1
	mkdir -p "$dir"
	rm -f "$dir/control"
	mkfifo "$dir/control"
	# QEMU opens this for reading and would block without a writer.
	exec {CONTROL}<>"$dir/control"
	start_guest "$dir" 0 "${DEVICE[@]}" > >(send_events "$1")
	SIDE_GROUP[$1]=$GROUP
	SIDE_CONTROL[$1]=$CONTROL
}
declare -A SIDE_CONTROL=()

# tell SIDE LINE: sends a line to the side's script.
tell() { printf '%s\n' "$2" >&"${SIDE_CONTROL[$1]}"; }

# --- Watching. During every wait, the end of a process or a guest and a timeout end the run.

open_events() {
	mkfifo "$SOCKET_DIR/events"
	exec {EVENTS}<>"$SOCKET_DIR/events"
}

# send_events SIDE: sends each line of its input with the time, short enough for an atomic write to the pipe.
send_events() {
	local line
	while IFS= read -r line; do
		printf '%s %s %s\n' "$1" "$EPOCHREALTIME" "${line:0:1000}"
	done >&"$EVENTS"
	printf '%s %s epftest: end\n' "$1" "$EPOCHREALTIME" >&"$EVENTS"
}

# watch_for WHAT SECONDS: until the next call, the run ends after that time with "timeout: WHAT within SECONDS s"; 0 is
# no limit.
watch_for() {
	WATCH_WHAT=$1
	WATCH_SECONDS=$2
	WATCH_END=$((SECONDS + $2))
}

# limit_run SECONDS: the same for the whole run.
limit_run() {
	RUN_SECONDS=$1
	RUN_END=$((SECONDS + $1))
}

# read_event: sets SIDE, TIME and LINE to the next line of a guest's script; "epftest: end" follows its last line.
# Fails if none comes within a quarter of a second.
read_event() {
	local name line=
	if IFS= read -r -t 0.25 -u "$EVENTS" line; then
		IFS=' ' read -r SIDE TIME LINE <<<"$PARTIAL_EVENT$line"
		PARTIAL_EVENT=
		if [ "$LINE" = 'epftest: end' ] && [ "${ENDS_TO_COME[$SIDE]:-0}" -gt 0 ]; then
			ENDS_TO_COME[$SIDE]=$((ENDS_TO_COME[$SIDE] - 1))
			return 1
		fi
		return 0
	fi
	# On a busy machine the wait can end in the middle of a line.
	PARTIAL_EVENT+=$line
	for name in "${!PROCESS_GROUP[@]}"; do
		running "${PROCESS_GROUP[$name]}" || process_ended "$name"
	done
	for name in "${!SIDE_GROUP[@]}"; do
		# A QEMU that ended early has never opened its end of the channel.
		running "${SIDE_GROUP[$name]}" || : <>"$RUN_DIR/$name/result"
	done
	if [ "$WATCH_SECONDS" -gt 0 ] && [ "$SECONDS" -ge "$WATCH_END" ]; then
		abandon "$GUEST_TIMED_OUT" "timeout: $WATCH_WHAT within $WATCH_SECONDS s"
	elif [ "$RUN_SECONDS" -gt 0 ] && [ "$SECONDS" -ge "$RUN_END" ]; then
		abandon "$GUEST_TIMED_OUT" "timeout: the run did not end within $RUN_SECONDS s (--timeout): $WATCH_WHAT"
	fi
	return 1
}

PARTIAL_EVENT=

next_event() {
	until read_event; do :; done
}

running() { kill -0 "$1" 2>/dev/null; }

process_ended() {
	local status=0
	wait_group "${PROCESS_GROUP[$1]}" || status=$?
	unset "PROCESS_GROUP[$1]"
	abandon "$GUEST_FAILED" "$1 ended with status $status"
}

# side_ended SIDE: called after its "epftest: end". Sets SIDE_STATUS to its script's status; if there is none, the run
# ends.
side_ended() {
	local dir=$RUN_DIR/$1 name why
	# If a process has ended, the guest ended because of it.
	for name in "${!PROCESS_GROUP[@]}"; do
		running "${PROCESS_GROUP[$name]}" || process_ended "$name"
	done
	GUEST_NAME=${SIDE_NAME[$1]}
	SIDE_STATUS=0
	unset "SIDE_GROUP[$1]"
	finish_guest "$dir" 2>"$dir/trouble" || SIDE_STATUS=$?
	why=$(tail -n 1 "$dir/trouble")
	[ -z "$why" ] || abandon "$SIDE_STATUS" "${why#error: }" "$1"
}

# --- Ending

# abandon STATUS REASON [SIDE]: prints the relevant parts of consoles and logs, then the reason as the last line, and
# ends the run. The script that runs the pair can print more in before_abandon.
abandon() {
	local status=$1 reason=$2 side name log
	before_abandon "$reason"
	for side in ep host; do
		[ -e "$RUN_DIR/$side/console.log" ] || continue
		if [ -s "$RUN_DIR/$side/trouble" ]; then
			say "--- ${SIDE_NAME[$side]}:"
			head -n -1 "$RUN_DIR/$side/trouble" >&2
		elif [ "$side" = "${3:-}" ] || console_trouble "$RUN_DIR/$side" >/dev/null; then
			say "--- ${SIDE_NAME[$side]}:"
			console_since_trouble "$RUN_DIR/$side"
		fi
	done
	for name in EpcDevice EpfBridge; do
		log=$RUN_DIR/$name.log
		[ -s "$log" ] || continue
		say "--- $name:"
		tail -n 20 "$log" >&2
	done
	say "all consoles and logs: $RUN_DIR"
	say "error: $reason"
	exit "$status"
}

before_abandon() { :; }

# report_warnings: prints kernel warnings of a run that nevertheless went on.
report_warnings() {
	local side lines
	for side in ep host; do
		if lines=$(console_trouble "$RUN_DIR/$side"); then
			say "note: the ${SIDE_NAME[$side]}'s kernel warned ($RUN_DIR/$side/console.log):"
			head -n 5 <<<"$lines" | sed 's/^/    /' >&2
		fi
	done
}
