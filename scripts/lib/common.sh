# SPDX-License-Identifier: MIT
# Shared by every script: messages, the cache, tools, long steps with progress, no process left behind.
# Sourced, never run.
# shellcheck shell=bash disable=SC2034 # used where this is sourced

shopt -s inherit_errexit

REPO_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CONFIG_DIR=$REPO_ROOT/qemu-configs
CACHE_DIR=${XDG_CACHE_HOME:-$HOME/.cache}/epftest
JOBS=$(nproc)
PREPARE=yes

# Everything a person reads goes to stderr, so that a script's stdout can be its result.
say() { printf '%s\n' "$*" >&2; }
die() {
	say "error: $*"
	exit 1
}

# usage_error MESSAGE: a wrong command line ends with 64 (EX_USAGE), as in the C# programs.
usage_error() {
	say "${0##*/}: $*"
	say "Try '${0##*/} --help'."
	exit 64
}

# print_help: the calling script's leading comment is its --help text.
print_help() { sed -n '3,/^[^#]/{/^#/!d;s/^# \{0,1\}//;p}' "$0"; }

# hash_of TEXT...: a short key for the cache, made of everything that went into a result.
hash_of() { printf '%s\0' "$@" | sha256sum | cut -c1-16; }

# hash_of_files FILE...: the same for contents; names and times do not matter.
hash_of_files() { cat "$@" | sha256sum | cut -c1-16; }

# --- Processes. What is started in the background is ended on any exit: normal, error, Ctrl-C, SIGTERM.

CHILD_GROUPS=()
CLEANUP=()

# on_exit COMMAND...: run at the end, however that comes; the last one asked for runs first.
on_exit() { CLEANUP=("$(printf '%q ' "$@")" "${CLEANUP[@]}"); }

# The last one started is ended first: a guest before the process that serves its device.
end_children() {
	local group waited i
	# No notice of what was killed: the reason for it is the last line.
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

# leave [STATUS]
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

# start_group COMMAND...: runs COMMAND in the background in a process group of its own, which end_children
# ends as a whole; sets GROUP to its id. Input and output are the caller's redirections.
start_group() {
	set -m
	"$@" &
	GROUP=$!
	set +m
	CHILD_GROUPS+=("$GROUP")
}

# wait_group ID: waits for its first process, forgets the group, returns the status.
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

# need_tools COMMAND PACKAGE [COMMAND PACKAGE]...: makes sure that each COMMAND is there.
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

# install_packages PACKAGE...: with apt when root, else says how.
install_packages() {
	[ $# -gt 0 ] || return 0
	if ! command -v apt-get >/dev/null; then
		die "missing on this machine (names of Debian's packages): $*. Install them with its package manager."
	elif [ "$(id -u)" -ne 0 ]; then
		die "missing on this machine: $*. Install with: sudo apt-get install --no-install-recommends $*"
	fi
	step "installing $*" apt_install "$@"
}

apt_install() {
	# A fresh machine has no package lists at all.
	[ -n "$(apt-cache search --names-only "^$1\$" 2>/dev/null)" ] || apt-get update
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

# --- Long steps

# elapsed SECONDS: 75 -> 1m15s
elapsed() { printf '%dm%02ds' $(($1 / 60)) $(($1 % 60)); }

# step TITLE COMMAND...: runs COMMAND with its output kept in a log, shows TITLE and the time it takes
# while it runs, and prints the end of the log when it fails. With STEP_COUNT=REGEX:UNIT it also shows how many
# lines of the log match. COMMAND may be a function, but what it sets is lost.
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
		say "$title: failed after $(elapsed $((SECONDS - start))), its last lines (all of it: $log):"
		tail -n 25 "$log" >&2
		exit "$status"
	fi
}

# with_lock NAME COMMAND...: one process at a time may fill a part of the cache, and none with PREPARE=no.
with_lock() {
	local name=$1 lock
	shift
	[ "$PREPARE" = yes ] || die "not everything is ready yet: $name is to be prepared"
	mkdir -p "$CACHE_DIR/locks"
	exec {lock}>"$CACHE_DIR/locks/$name"
	if ! flock -n "$lock"; then
		say "waiting for another run that prepares $name"
		flock -w 1800 "$lock" || die "$name: another run has held $CACHE_DIR/locks/$name for 30 minutes"
	fi
	"$@"
	exec {lock}>&-
}
