#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Prepares everything that runs EpfTest's guests, and prints where it is as KEY=VALUE lines: EPFTEST_QEMU,
# EPFTEST_QEMU_VERSION, EPFTEST_QEMU_WINDOW (yes if it can have a mapped window), EPFTEST_KERNEL (bzImage),
# EPFTEST_KERNEL_DIR (with modules, configuration and a build tree for modules), EPFTEST_KERNEL_RELEASE,
# EPFTEST_INITRAMFS, EPFTEST_ACCEL, EPFTEST_SELFTEST (empty with kernels before 6.13), EPFTEST_DRIVER (with --driver),
# and an EPFTEST_MODULE for each --module-source.
#
# Usage: scripts/toolchain.sh [OPTION]...
#
#   --qemu PATH           this QEMU; default: the system's if it has vfio-user-pci, else Debian's, unpacked privately
#   --kernel SERIES       Debian's linux-source-SERIES; default: the first in qemu-configs/versions.env
#   --kernel-src DIR      this Linux source tree, built incrementally each time, outside the tree; a copy of it if it
#                         was built in
#   --kernel-image FILE   this kernel, which is built already, with its modules (docs/kernels.md)
#   --kernel-modules DIR  where these are: default: beside it, or /lib/modules/RELEASE
#   --kernel-config FILE  more kernel options, over qemu-configs/guest-kernel.config; may be repeated
#   --accel auto|kvm|tcg  auto: KVM if a guest boots with it, else TCG
#   --driver              also build pcie-qemu-ep.ko for that kernel
#   --module-source DIR   also build DIR's kernel module, which has the folder's name; may be repeated
#   --print               only print what is ready, and fail if something is not
#   --help
#
# The first run builds a kernel, which takes some minutes; later runs take everything from ~/.cache/epftest (or
# $XDG_CACHE_HOME/epftest), which can be deleted at any time. Missing tools are installed if root, else named.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/toolchain.sh
. "$REPO_ROOT/scripts/lib/toolchain.sh"
# shellcheck source-path=SCRIPTDIR source=lib/driver.sh
. "$REPO_ROOT/scripts/lib/driver.sh"

driver=no DRIVER_MODULE='' sources=()
while [ $# -gt 0 ]; do
	case $1 in
	--help) print_help && exit ;;
	--driver) driver=yes && shift && continue ;;
	--print) PREPARE=no && shift && continue ;;
	--module-source)
		[ -e "${2:-}/Kbuild" ] || usage_error "$1 ${2:-}: not a folder with a Kbuild"
		sources+=("$(realpath -- "$2")")
		shift 2
		continue
		;;
	esac
	toolchain_option "$@" || usage_error "$1: unknown option"
	shift 2
done

prepare_toolchain
[ "$driver" = no ] || build_driver

selftest=$KERNEL_DIR/pci_endpoint_test
[ -e "$selftest" ] || selftest=
cat <<KEYS
EPFTEST_QEMU=$QEMU_PATH
EPFTEST_QEMU_VERSION=$QEMU_VERSION
EPFTEST_QEMU_WINDOW=$QEMU_WINDOW
EPFTEST_KERNEL=$KERNEL_DIR/bzImage
EPFTEST_KERNEL_DIR=$KERNEL_DIR
EPFTEST_KERNEL_RELEASE=$(cat "$KERNEL_DIR/release")
EPFTEST_INITRAMFS=$INITRAMFS
EPFTEST_ACCEL=$ACCEL
EPFTEST_SELFTEST=$selftest
EPFTEST_DRIVER=$DRIVER_MODULE
KEYS
for source in "${sources[@]}"; do
	build_module "$source" "${source##*/}"
	printf 'EPFTEST_MODULE=%s\n' "$MODULE"
done
