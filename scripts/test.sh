#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Builds everything and runs all tests, with guests on stock QEMU; the last line is "N passed, N failed".
#
# Usage: scripts/test.sh [--filter EXPRESSION] [TOOLCHAIN-OPTION]...
#
#   --filter EXPRESSION   only some tests, as in dotnet test --filter
#   --help
#
# and the options of scripts/toolchain.sh, which hold for this run's guests. The first run prepares QEMU and the
# guests' kernel, which takes some minutes; they are kept in ~/.cache/epftest.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/toolchain.sh
. "$REPO_ROOT/scripts/lib/toolchain.sh"
# shellcheck source-path=SCRIPTDIR source=lib/dotnet.sh
. "$REPO_ROOT/scripts/lib/dotnet.sh"

filter=() guest_options=()
while [ $# -gt 0 ]; do
	case $1 in
	--help) print_help && exit ;;
	--filter)
		[ $# -ge 2 ] || usage_error "--filter needs a value"
		filter=(--filter "$2")
		;;
	*)
		toolchain_option "$@" || usage_error "$1: unknown option"
		guest_options+=("$1" "$2")
		;;
	esac
	shift 2
done

need_tools lspci pciutils strace strace
build_solution
"$REPO_ROOT/scripts/lint.sh"
prepare_toolchain
"$REPO_ROOT/scripts/check-driver.sh"

# The end-to-end tests run scripts/run-guest.sh with these.
export EPFTEST_GUEST_OPTIONS
EPFTEST_GUEST_OPTIONS=$(printf '%s\n' "${guest_options[@]}")

results=$(mktemp -d)
on_exit rm -rf "$results"
status=0
dotnet test "$REPO_ROOT/EpfTest.sln" -c "$CONFIGURATION" --no-build --nologo "${filter[@]}" \
	--logger "console;verbosity=normal" --logger "trx;LogFileName=tests.trx" --results-directory "$results" \
	--blame-hang-timeout 20m || status=$?
[ -r "$results/tests.trx" ] || die "the tests ended with status $status and without a result"
counters=$(grep -o '<Counters [^>]*>' "$results/tests.trx")
count() { sed -n "s/.* $1=\"\([0-9]*\)\".*/\1/p" <<<"$counters"; }
passed=$(count passed)
executed=$(count executed)
skipped=$(($(count total) - executed))
say ''
printf '%d passed, %d failed' "$passed" "$((executed - passed))"
[ "$skipped" -eq 0 ] || printf ', %d skipped' "$skipped"
printf '\n'
exit "$status"
