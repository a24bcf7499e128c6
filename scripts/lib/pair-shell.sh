# SPDX-License-Identifier: MIT
# An interactive pair: both guests' consoles side by side in tmux. Sourced, never run.
# shellcheck shell=bash disable=SC2154 source-path=SCRIPTDIR # set here or there, used there or here
# shellcheck source=pair.sh
. "$REPO_ROOT/scripts/lib/pair.sh"

# shell_pair EP_WORD HOST_SCRIPT: returns when both guests have ended or the user has left tmux. EP_WORD goes to the EP
# guest's kernel. The two processes have to run, and SOCKET_DIR has to hold the guests' images.
shell_pair() {
	local ep_word=$1 host_word='' watcher=''
	[ -z "$2" ] || host_word=epftest.shell=/epftest/run
	side_arguments ep "$SOCKET_DIR/ep.cpio" "$SOCKET_DIR/epc" epftest.shell=/epftest/run "$ep_word"
	write_pane ep "$SOCKET_DIR/epc"
	side_arguments host "$SOCKET_DIR/host.cpio" "$SOCKET_DIR/endpoint" "$host_word"
	write_pane host "$SOCKET_DIR/endpoint"

	on_exit end_panes
	pair_tmux new-session -d -s pair -n pair "$SOCKET_DIR/ep.sh"
	pair_tmux split-window -h -t pair "$SOCKET_DIR/host.sh"
	pair_tmux select-pane -t pair:pair.0 2>/dev/null || true
	start_group end_tmux_with_processes
	watcher=$GROUP
	pair_tmux attach -t pair || true
	if [ -s "$SOCKET_DIR/ended" ]; then
		process_ended "$(cat "$SOCKET_DIR/ended")"
	fi
	kill "$watcher" 2>/dev/null || true
	say "all consoles and logs: $RUN_DIR"
}

# A tmux server of its own, because the user may already be in tmux
pair_tmux() { TMUX='' tmux -S "$SOCKET_DIR/tmux" "$@"; }

# end_tmux_with_processes: ends tmux when EpcDevice or EpfBridge has ended; the guests are useless then.
end_tmux_with_processes() {
	local name
	while :; do
		for name in "${!PROCESS_GROUP[@]}"; do
			if ! running "${PROCESS_GROUP[$name]}"; then
				echo "$name" >"$SOCKET_DIR/ended"
				pair_tmux kill-server
				return
			fi
		done
		sleep 0.5
	done
}

end_panes() {
	local side
	pair_tmux kill-server 2>/dev/null || true
	for side in ep host; do
		[ ! -s "$SOCKET_DIR/$side.pid" ] || kill "$(cat "$SOCKET_DIR/$side.pid")" 2>/dev/null || true
	done
}

# write_pane SIDE SOCKET: writes the program of a side's pane: it waits for SOCKET and then shows the guest's console.
write_pane() {
	local side=$1 socket=$2 command
	command=$(printf '%q ' "${QEMU[@]}" "${MACHINE[@]}" "${KERNEL_ARGS[@]}" "${DEVICE[@]}" \
		-pidfile "$SOCKET_DIR/$side.pid" \
		-chardev "stdio,id=console,mux=on,signal=off,logfile=$RUN_DIR/$side/console.log" \
		-serial chardev:console -mon chardev=console,mode=readline)
	cat >"$SOCKET_DIR/$side.sh" <<-PANE
		#!/usr/bin/env bash
		echo "${SIDE_NAME[$side]}: Ctrl-A X ends it, Ctrl-B D ends the pair, Ctrl-B O switches to the other console"
		if ! [ -S $socket ]; then
			echo "waiting until the EP guest has set up and started the endpoint"
			until [ -S $socket ]; do sleep 0.2; done
		fi
		$command
		status=\$?
		echo
		echo "the ${SIDE_NAME[$side]} ended with status \$status; press Enter to close this"
		read -r _
	PANE
	chmod +x "$SOCKET_DIR/$side.sh"
}
