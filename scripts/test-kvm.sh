#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs pairs of guests with KVM on a machine that has none: in an outer guest, whose AMD SVM QEMU's TCG emulates. So
# KVM's part of QEMU is tested: irqfd, resampling of INTx, memory slots. It is slow: see docs/kvm.md. Prints what the
# pairs print; the last line is "N passed, N failed".
#
# Usage: scripts/test-kvm.sh [OPTION]... [CASE]...
#
#   CASE         self-test, slave, map-bars or hotplug; default all
#   --msix N     MSI-X vectors to test; default 64
#   --slow N     our own time limits times N; default 10
#   --smp N      processors of the outer guest; default 4
#   --pin        let scripts/run-pair.sh pin both sides to processors of the outer guest
#   --timeout S  end the outer guest after S seconds; default 3000
#   --out DIR    keep consoles and logs of each case here; default ~/.cache/epftest/runs
#   --help
#
# and --qemu of scripts/toolchain.sh. The outer guest's kernel is Debian's own, its files are this machine's (read
# only). It takes 6 GB of memory.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/toolchain.sh
. "$REPO_ROOT/scripts/lib/toolchain.sh"
# shellcheck source-path=SCRIPTDIR source=lib/dotnet.sh
. "$REPO_ROOT/scripts/lib/dotnet.sh"
# shellcheck source-path=SCRIPTDIR source=lib/driver.sh
. "$REPO_ROOT/scripts/lib/driver.sh"

slow=10 smp=4 msix=64 pin=no timeout=3000 out='' cases=()
while [ $# -gt 0 ]; do
	case $1 in
	--help) print_help && exit ;;
	--pin) pin=yes && shift && continue ;;
	self-test | slave | map-bars | hotplug) cases+=("$1") && shift && continue ;;
	--msix | --slow | --smp | --timeout | --out | --qemu) [ $# -ge 2 ] || usage_error "$1 needs a value" ;;
	*) usage_error "$1: neither an option nor a case" ;;
	esac
	case $1 in
	--qemu) toolchain_option "$@" ;;
	--out) out=$(realpath -m -- "$2") ;;
	*)
		[[ $2 =~ ^[1-9][0-9]*$ ]] || usage_error "$1 $2: not a number"
		printf -v "${1#--}" %s "$2"
		;;
	esac
	shift 2
done
[ ${#cases[@]} -gt 0 ] || cases=(self-test slave map-bars hotplug)

# Everything is built here: the outer guest would take an hour for it.
build_programs
# shellcheck disable=SC2034 # prepare_toolchain's
TOOLCHAIN_ACCEL=tcg
prepare_toolchain
build_driver
debian_kernel_image
mkdir -p "$CACHE_DIR/runs"
: "${out:=$(mktemp -d "$CACHE_DIR/runs/$(date +%Y%m%d-%H%M%S).kvm-XXXX")}"
mkdir -p "$out"
rm -rf "${out:?}"/*
cat >"$out/settings" <<SETTINGS
HOME='$HOME' XDG_CACHE_HOME='${XDG_CACHE_HOME:-}' REPOSITORY='$REPO_ROOT' OUT='$out'
CASES='${cases[*]}' MSIX=$msix SLOW=$slow PIN=$pin
SETTINGS
share=local,security_model=passthrough,multidevs=remap
status=0
"$REPO_ROOT/scripts/run-guest.sh" --qemu "$QEMU_PATH" --accel tcg --kernel-image "$KERNEL_IMAGE" --memory 6G \
	--smp "$smp" --no-iommu --no-shared-memory \
	--timeout "$timeout" --append "loglevel=5 mitigations=off kvm.halt_poll_ns=0" \
	--console "$out/outer-console.log" --add "$out/settings" --script "$REPO_ROOT/guest/kvm-outer" -- -cpu max \
	-fsdev "$share,id=machine,path=/,readonly=on" -device virtio-9p-pci,fsdev=machine,mount_tag=machine \
	-fsdev "$share,id=out,path=$out" -device virtio-9p-pci,fsdev=out,mount_tag=out || status=$?
[ "$status" -eq 0 ] || say "consoles and logs: $out"
exit "$status"
