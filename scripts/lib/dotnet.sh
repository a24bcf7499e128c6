# SPDX-License-Identifier: MIT
# Builds our own programs. Sourced, never run.
# shellcheck shell=bash disable=SC2034 # used where this is sourced

# EPFTEST_CONFIGURATION=Debug builds and runs what a debugger shows best.
CONFIGURATION=${EPFTEST_CONFIGURATION:-Release}

# build_solution: builds everything; does nothing where nothing has changed.
build_solution() {
	need_dotnet
	step "building EpfTest" dotnet build "$REPO_ROOT/EpfTest.sln" -c "$CONFIGURATION" --nologo -v quiet
}

# build_programs: the two processes alone, and nothing if no source has changed since; asking dotnet takes its time.
build_programs() {
	local built=$REPO_ROOT/EpfBridge/obj/programs.built.$CONFIGURATION changed
	changed=$(cd "$REPO_ROOT" && find Protocol EpcDevice EpfBridge Directory.*.props .editorconfig \
		\( -name bin -o -name obj \) -prune -o -newer "$built" -print -quit 2>/dev/null) || true
	if [ -e "$built" ] && [ -z "$changed" ] && [ -x "$(program EpcDevice)" ] && [ -x "$(program EpfBridge)" ]; then
		return
	fi
	need_dotnet
	step "building EpcDevice and EpfBridge" make_programs "$built"
}

# make_programs STAMP: the stamp is as old as the start, so that what is changed meanwhile is built next time.
make_programs() {
	local name start
	start=$(mktemp)
	for name in EpcDevice EpfBridge; do
		dotnet build "$REPO_ROOT/$name" -c "$CONFIGURATION" --nologo -v quiet
	done
	touch -r "$start" "$1"
	rm -f "$start"
}

need_dotnet() {
	command -v dotnet >/dev/null ||
		die "the .NET 10 SDK is missing. Install with: sudo apt-get install dotnet-sdk-10.0 (from Microsoft's package feed for Debian)"
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
