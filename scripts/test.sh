#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds EpfTest and runs its tests; the last line is "N passed, N failed".
#
# Usage: scripts/test.sh [--unit] [--pair] [--guests] [--filter EXPRESSION] [TOOLCHAIN-OPTION]...
#
#   --unit                only Tests/Unit, without stress loops and waits for real limits: the inner loop
#   --pair                only Tests/Pair: both processes in one, and what takes sockets, time or other programs
#   --guests              only Tests/Guests: guests on stock QEMU. Long ones, such as twenty reboots, run only with
#                         --filter TestCategory=Slow
#   --filter EXPRESSION   only some tests, as in dotnet test --filter
#   --help
#
# and the options of scripts/toolchain.sh, which apply to the guests of this run. Without --unit, --pair or --guests
# everything runs, the checks of the sources and of the driver, too. Only guests need QEMU and a kernel: the first run
# prepares them, which takes some minutes, and keeps them in ~/.cache/epftest.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/toolchain.sh
. "$REPO_ROOT/scripts/lib/toolchain.sh"
# shellcheck source-path=SCRIPTDIR source=lib/dotnet.sh
. "$REPO_ROOT/scripts/lib/dotnet.sh"

tiers=() filter='' guest_options=()
while [ $# -gt 0 ]; do
	case $1 in
	--help) print_help && exit ;;
	--unit) tiers+=(Unit) && shift && continue ;;
	--pair) tiers+=(Pair) && shift && continue ;;
	--guests) tiers+=(Guests) && shift && continue ;;
	--filter)
		[ $# -ge 2 ] || usage_error "--filter needs a value"
		filter=$2
		;;
	*)
		toolchain_option "$@" || usage_error "$1: unknown option"
		guest_options+=("$1" "$2")
		;;
	esac
	shift 2
done
all=no
[ ${#tiers[@]} -gt 0 ] || all=yes tiers=(Unit Pair Guests)

[[ " ${tiers[*]} " != *" Pair "* ]] || need_tools strace strace socat socat
[ "$all" = no ] || need_tools lspci pciutils
if [ "${tiers[*]}" = Unit ]; then
	need_dotnet
	step "building Tests/Unit" dotnet build "$REPO_ROOT/Tests/Unit" -c "$CONFIGURATION" --nologo -v quiet
else
	build_solution
fi
[ "$all" = no ] || "$REPO_ROOT/scripts/lint.sh"
if [[ " ${tiers[*]} " = *" Guests "* ]]; then
	need_tools lspci pciutils
	prepare_toolchain
	"$REPO_ROOT/scripts/check-driver.sh"
	# The tests run scripts/run-guest.sh with these.
	export EPFTEST_GUEST_OPTIONS
	EPFTEST_GUEST_OPTIONS=$(printf '%s\n' "${guest_options[@]}")
fi

results=$(mktemp -d)
on_exit rm -rf "$results"
status=0 passed=0 failed=0 skipped=0

# run_tier NAME: adds its counts to those before.
run_tier() {
	local only=$filter verbosity=minimal counters total executed ok start=$SECONDS
	[ "$1" != Guests ] || verbosity=normal
	[ "$all$1" != noUnit ] || only="${only:+($only)&}TestCategory!=Stress&TestCategory!=Slow"
	[ "$1$filter" != Guests ] || only=TestCategory!=Slow
	dotnet test "$REPO_ROOT/Tests/$1" -c "$CONFIGURATION" --no-build --nologo ${only:+--filter "$only"} \
		--logger "console;verbosity=$verbosity" --logger "trx;LogFileName=$1.trx" --results-directory "$results" || status=$?
	[ -r "$results/$1.trx" ] || die "Tests/$1 ended with status $status and without a result"
	counters=$(sed -n 's/.*<Counters total="\([0-9]*\)" executed="\([0-9]*\)" passed="\([0-9]*\)".*/\1 \2 \3/p' \
		"$results/$1.trx")
	read -r total executed ok <<<"$counters"
	passed=$((passed + ok)) failed=$((failed + executed - ok)) skipped=$((skipped + total - executed))
	say "Tests/$1: $total tests in $(elapsed $((SECONDS - start)))"
}

for tier in "${tiers[@]}"; do
	run_tier "$tier"
done
say ''
printf '%d passed, %d failed' "$passed" "$failed"
[ "$skipped" -eq 0 ] || printf ', %d skipped' "$skipped"
printf '\n'
exit "$status"
