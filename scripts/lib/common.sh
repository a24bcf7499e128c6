# SPDX-License-Identifier: MIT
# Shared by every script: messages, the cache, tools, long steps with progress.
# Sourced, never run.

REPO_ROOT=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
CACHE_DIR=${XDG_CACHE_HOME:-$HOME/.cache}/epftest
JOBS=$(nproc)

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

# need COMMAND PACKAGE...: makes sure COMMAND is there; packages are pairs of the same order.
need_tools() {
	local missing=()
	while [ $# -gt 0 ]; do
		command -v "$1" >/dev/null 2>&1 || missing+=("$2")
		shift 2
	done
	install_packages "${missing[@]}"
}

# need_headers HEADER PACKAGE...: the same for C headers.
need_headers() {
	local missing=()
	while [ $# -gt 0 ]; do
		echo "#include <$1>" | cc -E - >/dev/null 2>&1 || missing+=("$2")
		shift 2
	done
	install_packages "${missing[@]}"
}

install_packages() {
	[ $# -gt 0 ] || return 0
	if [ "$(id -u)" -ne 0 ]; then
		die "missing on this machine: $*. Install with: sudo apt-get install $*"
	fi
	step "installing $*" apt_install "$@"
}

apt_install() {
	# A fresh machine has no package lists at all.
	[ -n "$(apt-cache search --names-only "^$1\$" 2>/dev/null)" ] || apt-get update
	DEBIAN_FRONTEND=noninteractive apt-get install -y --no-install-recommends "$@"
}

# elapsed SECONDS: 75 -> 1m15s
elapsed() { printf '%dm%02ds' $(($1 / 60)) $(($1 % 60)); }

# step TITLE COMMAND...: runs COMMAND with its output kept in a log, shows TITLE and the time it takes
# while it runs, and prints the end of the log when it fails.
step() {
	local title=$1 log status start=$SECONDS next pid
	shift
	mkdir -p "$CACHE_DIR/logs"
	log=$(mktemp "$CACHE_DIR/logs/XXXXXX.log")
	"$@" </dev/null >"$log" 2>&1 &
	pid=$!
	next=$((SECONDS + 10))
	while kill -0 "$pid" 2>/dev/null; do
		if [ -t 2 ]; then
			printf '\r%s ... %s ' "$title" "$(elapsed $((SECONDS - start)))" >&2
		elif [ "$SECONDS" -ge "$next" ]; then
			say "$title ... $(elapsed $((SECONDS - start)))"
			next=$((SECONDS + 10))
		fi
		sleep 0.2
	done
	status=0
	wait "$pid" || status=$?
	[ ! -t 2 ] || printf '\r' >&2
	if [ "$status" -eq 0 ]; then
		say "$title: done in $(elapsed $((SECONDS - start)))"
		rm -f "$log"
	else
		say "$title: failed after $(elapsed $((SECONDS - start))), its last lines ($log):"
		tail -n 25 "$log" >&2
		exit "$status"
	fi
}

# with_lock NAME COMMAND...: one process at a time may fill a part of the cache.
with_lock() {
	local name=$1
	shift
	mkdir -p "$CACHE_DIR/locks"
	(
		if ! flock -n 9; then
			say "waiting for another run that prepares $name"
			flock -w 1800 9 || die "$name: another run has held $CACHE_DIR/locks/$name for 30 minutes"
		fi
		"$@"
	) 9>"$CACHE_DIR/locks/$name"
}
