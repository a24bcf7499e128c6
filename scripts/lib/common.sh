# SPDX-License-Identifier: MIT
# Shared by every script: messages, the cache, tools, long steps with progress, and the end of all child processes.
# Sourced, never run.
# shellcheck shell=bash disable=SC2034 # used where this is sourced

shopt -s inherit_errexit

REPO_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CONFIG_DIR=$REPO_ROOT/qemu-configs
CACHE_DIR=${XDG_CACHE_HOME:-$HOME/.cache}/epftest
JOBS=$(nproc)
PREPARE=yes

# say: prints a message for people to stderr; stdout is for the script's result.
say() { printf '%s\n' "$*" >&2; }
die() {
	say "error: $*"
	exit 1
}

# usage_error MESSAGE: exits with 64 (EX_USAGE) for an invalid command line, as the C# programs do.
usage_error() {
	say "${0##*/}: $*"
	say "Try '${0##*/} --help'."
	exit 64
}

# print_help: prints the calling script's leading comment.
print_help() { sed -n '3,/^[^#]/{/^#/!d;s/^# \{0,1\}//;p}' "$0"; }

# hash_of TEXT...: prints a short key for the cache, made of all inputs of a result.
hash_of() { printf '%s\0' "$@" | sha256sum | cut -c1-16; }

# hash_of_files FILE...: the same for the files' contents; their names and times do not count.
hash_of_files() { cat "$@" | sha256sum | cut -c1-16; }

# --- Processes. Background processes are ended on any exit: normal, error, Ctrl-C, SIGTERM.

CHILD_GROUPS=()
CLEANUP=()

# on_exit COMMAND...: runs COMMAND at any exit; the last one added runs first.
on_exit() { CLEANUP=("$(printf '%q ' "$@")" "${CLEANUP[@]}"); }

# end_children: ends the last one started first, so a guest before the process that serves its device.
end_children() {
	local group waited i
	# Bash would report each killed job after the reason, which has to be the last line.
	disown -a 2>/dev/null || true
	for ((i = ${#CHILD_GROUPS[@]} - 1; i >= 0; i--)); do
		group=${CHILD_GROUPS[i]}
		kill -TERM -- "-$group" 2>/dev/null || continue
		waited=0
		while kill -0 -- "-$group" 2>/dev/null; do
			if [ "$waited" -ge 30 ]; then
				kill -KILL -- "-$group" 2>/dev/null || true
				break
			fi
			waited=$((waited + 1))
			sleep 0.1
		done
	done
	CHILD_GROUPS=()
}

# leave [STATUS]: ends all children, cleans up and exits.
leave() {
	local status=${1:-$?} command
	trap - EXIT
	trap '' INT TERM HUP
	end_children
	for command in "${CLEANUP[@]}"; do
		eval "$command" || true
	done
	exit "$status"
}
trap leave EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
trap 'exit 129' HUP

# start_group COMMAND...: runs COMMAND in the background, in a process group of its own that end_children ends as a
# whole. Sets GROUP to its id. Input and output are the caller's redirections.
start_group() {
	set -m
	"$@" &
	GROUP=$!
	set +m
	CHILD_GROUPS+=("$GROUP")
}

# wait_group ID: waits for the group's first process, removes the group from the list, returns the status.
wait_group() {
	local status=0 group kept=()
	wait "$1" 2>/dev/null || status=$?
	for group in "${CHILD_GROUPS[@]}"; do
		[ "$group" = "$1" ] || kept+=("$group")
	done
	CHILD_GROUPS=("${kept[@]}")
	return "$status"
}

# --- Tools

# need_tools COMMAND PACKAGE [COMMAND PACKAGE]...: installs the PACKAGE of each COMMAND that is missing.
need_tools() {
	local missing=()
	while [ $# -gt 0 ]; do
		command -v "$1" >/dev/null 2>&1 || missing+=("$2")
		shift 2
	done
	install_packages "${missing[@]}"
}

# need_headers HEADER PACKAGE [HEADER PACKAGE]...: the same for C headers.
need_headers() {
	local missing=()
	while [ $# -gt 0 ]; do
		echo "#include <$1>" | cc -E - >/dev/null 2>&1 || missing+=("$2")
		shift 2
	done
	install_packages "${missing[@]}"
}

# install_packages PACKAGE...: installs with apt if root, else prints the command and fails.
install_packages() {
	[ $# -gt 0 ] || return 0
	if ! command -v apt-get >/dev/null; then
		die "missing on this machine (Debian's package names): $*. Install them with its package manager."
	elif [ "$(id -u)" -ne 0 ]; then
		die "missing on this machine: $*. Install with: sudo apt-get install --no-install-recommends $*"
	fi
	step "installing $*" apt_install "$@"
}

apt_install() {
	# A fresh machine has no package lists.
	[ -n "$(apt-cache search --names-only "^$1\$" 2>/dev/null)" ] || apt-get update
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

# --- Long steps

# elapsed SECONDS: prints 75 as 1m15s
elapsed() { printf '%dm%02ds' $(($1 / 60)) $(($1 % 60)); }

# step TITLE COMMAND...: runs COMMAND with its output in a log, shows TITLE and the elapsed time meanwhile, and prints
# the end of the log if it fails. With STEP_COUNT=REGEX:UNIT it also shows how many lines of the log match. COMMAND may
# be a function, but it runs in a subshell: variables that it sets are lost.
step() {
	local title=$1 log status=0 start=$SECONDS next line count=${STEP_COUNT:-}
	shift
	mkdir -p "$CACHE_DIR/logs"
	log=$(mktemp "$CACHE_DIR/logs/XXXXXX.log")
	start_group "$@" </dev/null >"$log" 2>&1
	next=$((SECONDS + 10))
	while kill -0 "$GROUP" 2>/dev/null; do
		sleep 0.2
		if ! [ -t 2 ] && [ "$SECONDS" -lt "$next" ]; then
			continue
		fi
		next=$((SECONDS + 10))
		line="$title ... $(elapsed $((SECONDS - start)))"
		if [ -n "$count" ]; then
			line+=", $(grep -cE "${count%:*}" "$log" || true) ${count##*:}"
		fi
		if [ -t 2 ]; then
			printf '\r\033[K%s ' "$line" >&2
		else
			say "$line"
		fi
	done
	wait_group "$GROUP" || status=$?
	[ ! -t 2 ] || printf '\r\033[K' >&2
	if [ "$status" -eq 0 ]; then
		say "$title: done in $(elapsed $((SECONDS - start)))"
		rm -f "$log"
	else
		say "$title: failed after $(elapsed $((SECONDS - start))), last lines (all of it: $log):"
		tail -n 25 "$log" >&2
		exit "$status"
	fi
}

# with_lock NAME COMMAND...: runs COMMAND, which fills part NAME of the cache, in one process at a time. Fails with
# PREPARE=no.
with_lock() {
	local name=$1 lock
	shift
	[ "$PREPARE" = yes ] || die "not ready: $name has to be prepared first"
	mkdir -p "$CACHE_DIR/locks"
	exec {lock}>"$CACHE_DIR/locks/$name"
	if ! flock -n "$lock"; then
		say "waiting for another run to prepare $name"
		flock -w 1800 "$lock" || die "timeout: another run has held $CACHE_DIR/locks/$name for 30 minutes"
	fi
	"$@"
	exec {lock}>&-
}
