# SPDX-License-Identifier: MIT
# Builds our own programs. Sourced, never run.
# shellcheck shell=bash disable=SC2034 # used where this is sourced

CONFIGURATION=Release

# build_solution: builds everything; does nothing where nothing has changed.
build_solution() {
	command -v dotnet >/dev/null ||
		die "the .NET 10 SDK is missing. Install with: sudo apt-get install dotnet-sdk-10.0 (from Microsoft's package feed for Debian)"
	step "building EpfTest" dotnet build "$REPO_ROOT/EpfTest.sln" -c "$CONFIGURATION" --nologo -v quiet
}

# program NAME: where the build puts a process of ours.
program() { printf '%s\n' "$REPO_ROOT/$1/bin/$CONFIGURATION/net10.0/$1"; }

# wait_for_socket PATH GROUP LOG: until the process that was started as GROUP serves PATH.
wait_for_socket() {
	local tries=0
	until [ -S "$1" ]; do
		if ! kill -0 "$2" 2>/dev/null || [ "$tries" -ge 300 ]; then
			cat "$3" >&2
			die "no process serves $1"
		fi
		tries=$((tries + 1))
		sleep 0.1
	done
}
