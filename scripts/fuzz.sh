#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Fuzzes the servers of all sockets and the TLP codec, guided by coverage: SharpFuzz instruments our assemblies,
# libFuzzer makes inputs.
#
# Usage: scripts/fuzz.sh [TARGET]... [OPTION]...
#
#   TARGET           tlp, vfio-user, link-endpoint, link-bridge, vhost-user; by default all, one after the other
#   --seconds N      time for each target, default 60
#   --runs N         executions of each target; with --seconds the earlier limit counts
#   --no-build       use the existing build
#   --replay FILE    only run this input, or the inputs in this folder
#   --update-corpus  afterwards write the smallest inputs that reach all known edges to Fuzz/corpus
#   --help
#
# Starts from Fuzz/corpus and the inputs of earlier runs, kept in ~/.cache/epftest/fuzz. Prints for each target the
# executions, seconds, edges (pairs of consecutive branches) and findings. Exits with 1 if there is a finding: an
# exception, a crash, a hang of 20 s, a leaked descriptor or mapping of the peer. The input of a finding is kept. Once
# it is fixed, add the input to Fuzz/corpus/TARGET under a name that begins with "finding-".
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/dotnet.sh
. "$REPO_ROOT/scripts/lib/dotnet.sh"

ALL_TARGETS=(tlp vfio-user link-endpoint link-bridge vhost-user)
MAX_INPUT=512
HANG_SECONDS=20

targets=() seconds='' runs='' build=yes replay='' update=no
while [ $# -gt 0 ]; do
	case $1 in
	--help) print_help && exit ;;
	--no-build) build=no && shift && continue ;;
	--update-corpus) update=yes && shift && continue ;;
	--seconds | --runs | --replay) [ $# -ge 2 ] || usage_error "$1 needs a value" ;;
	-*) usage_error "$1: unknown option" ;;
	*)
		[[ " ${ALL_TARGETS[*]} " == *" $1 "* ]] || usage_error "$1: not one of ${ALL_TARGETS[*]}"
		targets+=("$1") && shift && continue
		;;
	esac
	case $1 in
	--seconds)
		[[ $2 =~ ^[1-9][0-9]{0,5}$ ]] || usage_error "--seconds $2: not a number of seconds"
		seconds=$2
		;;
	--runs)
		[[ $2 =~ ^[1-9][0-9]{0,9}$ ]] || usage_error "--runs $2: not a number of executions"
		runs=$2
		;;
	--replay)
		[ -r "$2" ] || usage_error "--replay $2: cannot be read"
		replay=$(realpath -- "$2")
		;;
	esac
	shift 2
done
[ ${#targets[@]} -gt 0 ] || targets=("${ALL_TARGETS[@]}")
[ -n "$seconds$runs" ] || seconds=60

FUZZ_DIR=$CACHE_DIR/fuzz
dir=$(mktemp -d)
on_exit rm -rf "$dir"

# libfuzzer_archive: prints the path of libFuzzer as a library without a main function; of several, the newest.
libfuzzer_archive() {
	find /usr/lib/llvm-*/lib/clang /usr/lib/clang -name "libclang_rt.fuzzer_no_main*$(uname -m).a" 2>/dev/null |
		sort -V | tail -n 1
}

need_tools g++ g++
[ -n "$(libfuzzer_archive)" ] || install_packages libclang-rt-dev
[ -n "$(libfuzzer_archive)" ] ||
	die "libFuzzer is not in clang's folder: no libclang_rt.fuzzer_no_main*.a below /usr/lib/llvm-*"
if [ "$build" = yes ]; then
	need_dotnet
	step "building Fuzz" dotnet build "$REPO_ROOT/Fuzz" -c "$CONFIGURATION" --nologo -v quiet
fi
[ -x "$(program Fuzz)" ] || die "Fuzz is not built: leave --no-build out"
g++ -x c -O2 -Wall -Wextra -shared -fPIC -o "$dir/driver.so" "$REPO_ROOT/Fuzz/libfuzzer/driver.c" \
	-x none "$(libfuzzer_archive)" -lpthread -ldl -lm
cp -r "$(dirname "$(program Fuzz)")" "$dir/bin"
"$(program Fuzz)" --instrument "$dir"/bin/{Protocol,EpcDevice,EpfBridge}.dll >"$dir/instrumented" ||
	die "SharpFuzz could not instrument: $(cat "$dir/instrumented")"
FUZZ=$dir/bin/Fuzz

# run_target TARGET: fuzzes it and prints the result; fails if there is a finding.
run_target() {
	local target=$1 work=$FUZZ_DIR/corpus/$1 log=$dir/$1.log status=0 start=$SECONDS executed reached options
	mkdir -p "$work" "$FUZZ_DIR/findings"
	# .NET handles SIGSEGV and its like itself; an abort is a finding. Entropic scheduling costs more time than our code.
	options=(-handle_segv=0 -handle_bus=0 -handle_fpe=0 -handle_ill=0 -detect_leaks=0 -entropic=0 -print_final_stats=1
		"-timeout=$HANG_SECONDS" "-max_len=$MAX_INPUT" "-artifact_prefix=$FUZZ_DIR/findings/$target-")
	[ -z "$seconds" ] || options+=("-max_total_time=$seconds")
	[ -z "$runs" ] || options+=("-runs=$runs")
	start_group nice "$FUZZ" --fuzz "$dir/driver.so" "$target" "${options[@]}" "$work" "$REPO_ROOT/Fuzz/corpus/$target" \
		</dev/null >"$log" 2>&1
	wait_group "$GROUP" || status=$?
	executed=$(sed -n 's/^stat::number_of_executed_units: *//p' "$log")
	if [ "$status" -ne 0 ]; then
		grep -vE '^(INFO|WARNING|#[0-9])' "$log" | tail -n 40 >&2
		say "$target: 1 finding after ${executed:-an unknown number of} executions; its input is named above"
		return 1
	fi
	reached=$("$FUZZ" --replay "$target" "$work" "$REPO_ROOT/Fuzz/corpus/$target" | sed -n 's/.* \([0-9]*\) edges.*/\1/p')
	printf '%s: %s executions in %d s, %s edges, 0 findings\n' "$target" "$executed" $((SECONDS - start)) "$reached"
}

# update_corpus TARGET: replaces the corpus, except for past findings and what was written by hand.
update_corpus() {
	local corpus=$REPO_ROOT/Fuzz/corpus/$1 picked=$dir/picked-$1
	mkdir -p "$picked" "$corpus"
	"$FUZZ" --pick "$1" "$picked" "$FUZZ_DIR/corpus/$1" "$corpus"
	find "$corpus" -type f ! -name 'finding-*' ! -name 'seed-*' -delete
	cp -t "$corpus" "$picked"/*
}

failed=0
for target in "${targets[@]}"; do
	if [ -n "$replay" ]; then
		"$FUZZ" --replay "$target" "$replay" || failed=1
		continue
	fi
	mkdir -p "$REPO_ROOT/Fuzz/corpus/$target"
	run_target "$target" || failed=1
	[ "$update" = no ] || update_corpus "$target"
done
exit "$failed"
