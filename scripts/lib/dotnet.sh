# SPDX-License-Identifier: MIT
# Builds our own programs. Sourced, never run.
# shellcheck shell=bash disable=SC2034 # used where this is sourced

# EPFTEST_CONFIGURATION=Debug builds and runs what a debugger shows best.
CONFIGURATION=${EPFTEST_CONFIGURATION:-Release}

# build_solution: builds everything that has changed.
build_solution() {
	need_dotnet
	step "building EpfTest" dotnet build "$REPO_ROOT/EpfTest.sln" -c "$CONFIGURATION" --nologo -v quiet
}

# build_programs: builds EpcDevice, EpfBridge and epftest. Does not call dotnet, which is slow, if no source has
# changed.
build_programs() {
	local built=$REPO_ROOT/Rig/obj/programs.built.$CONFIGURATION changed
	changed=$(cd "$REPO_ROOT" && find Protocol EpcDevice EpfBridge Rig Directory.*.props .editorconfig \
		\( -name bin -o -name obj \) -prune -o -newer "$built" -print -quit 2>/dev/null) || true
	if [ -e "$built" ] && [ -z "$changed" ] && [ -x "$(program EpcDevice)" ] && [ -x "$(program EpfBridge)" ] &&
		[ -x "$(program epftest)" ]; then
		return
	fi
	need_dotnet
	step "building EpcDevice, EpfBridge and epftest" make_programs "$built"
}

# make_programs STAMP: the stamp has the time of the start, so that sources changed meanwhile are built next time.
make_programs() {
	local name start
	start=$(mktemp)
	for name in EpcDevice EpfBridge Rig; do
		dotnet build "$REPO_ROOT/$name" -c "$CONFIGURATION" --nologo -v quiet
	done
	touch -r "$start" "$1"
	rm -f "$start"
}

need_dotnet() {
	command -v dotnet >/dev/null ||
		die "the .NET 10 SDK is missing. Install with: sudo apt-get install dotnet-sdk-10.0
(from Microsoft's package feed for Debian)"
}

# program NAME: prints the path of a built program.
program() {
	local folder=$1
	[ "$1" != epftest ] || folder=Rig
	printf '%s\n' "$REPO_ROOT/$folder/bin/$CONFIGURATION/net10.0/$1"
}

# run_epftest VERB OPTION...: builds what has changed and becomes epftest.
run_epftest() {
	case " $* " in
	*' --shell '*) need_tools tmux tmux ;;
	*' --relay '*) need_tools socat socat ;;
	esac
	need_tools setpriv util-linux setsid util-linux taskset util-linux
	build_programs
	exec "$(program epftest)" "$@"
}
