#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Checks the driver as a kernel maintainer would: builds it with W=1 and sparse, and runs the kernel's own checkpatch.
# Any output of them is a failure.
#
# Usage: scripts/check-driver.sh [--help] [--kernel SERIES | --kernel-src DIR]
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/toolchain.sh
. "$REPO_ROOT/scripts/lib/toolchain.sh"

while [ $# -gt 0 ]; do
	case $1 in
	--help) print_help && exit ;;
	--kernel | --kernel-src) toolchain_option "$@" ;;
	*) usage_error "$1: unknown option" ;;
	esac
	shift 2
done

# Sparse 0.6.4 lacks two features that the kernel's headers use since 6.17. Without these definitions it stops, and
# kbuild takes that for a clean file.
SPARSE="sparse -D__typeof_unqual__=__typeof__ '-D__builtin_strlen(x)=(sizeof(x)-1)'"

need_tools sparse sparse perl perl
need_kernel_tools
build_kernel "$TOOLCHAIN_KERNEL" "${TOOLCHAIN_FRAGMENTS[@]}"
release=$(cat "$KERNEL_DIR/release")

dir=$(mktemp -d)
on_exit rm -rf "$dir"
cp "$REPO_ROOT"/driver/{Kbuild,Makefile,*.[ch]} "$dir"
warnings=$dir/warnings

# build_with_checks: keeps the tools' stderr in $warnings.
build_with_checks() {
	make -C "$KERNEL_DIR/build" M="$dir" -j "$JOBS" W=1 C=1 CHECK="$SPARSE" 2>"$warnings" || {
		cat "$warnings"
		return 1
	}
}
step "checking the driver with kernel $release" build_with_checks
sed -i -E '/Skipping BTF|the compiler differs/d' "$warnings"
if [ -s "$warnings" ]; then
	cat "$warnings" >&2
	die "the driver does not build without warnings on kernel $release"
fi

source=$(sed -n 's/^include \(.*\)\/Makefile$/\1/p' "$KERNEL_DIR/build/Makefile" | head -n 1)
[ -r "$source/scripts/checkpatch.pl" ] || die "$KERNEL_DIR/build: its source has no scripts/checkpatch.pl"
if ! "$source/scripts/checkpatch.pl" --strict --no-tree --terse --quiet --no-summary \
	-f "$REPO_ROOT"/driver/*.[ch] >&2; then
	die "checkpatch.pl --strict of kernel $release has complaints about the driver"
fi
say "the driver is clean on kernel $release"
