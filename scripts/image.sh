#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Makes the initramfs of one run of a guest: the base image of its kernel, and what the run adds.
#
# Usage: scripts/image.sh OUT KERNEL-DIR BASE [ADDITION]...
#
#   OUT                the image to write
#   KERNEL-DIR         EPFTEST_KERNEL_DIR of scripts/toolchain.sh
#   BASE               its EPFTEST_INITRAMFS
#   --script FILE      what the guest runs, with epftest.run=/epftest/run on the kernel's command line
#   --add FILE[:DEST]  a file or a directory at DEST, else in /epftest; a program with its libraries
#   --module FILE      a kernel module, where modprobe finds it
#   --help
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/initramfs.sh
. "$REPO_ROOT/scripts/lib/initramfs.sh"

[ "${1:-}" != --help ] || { print_help && exit; }
[ $# -ge 3 ] || usage_error "OUT, KERNEL-DIR and BASE are needed"
# shellcheck disable=SC2034 # used by run_initramfs
KERNEL_DIR=$2 INITRAMFS=$3
out=$1
shift 3
run_initramfs "$out" "$@"
