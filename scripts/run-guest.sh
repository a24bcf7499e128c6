#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Boots one guest, runs a script in it, prints what the script prints and exits with its status.
#
# Usage: scripts/run-guest.sh [OPTION]... [-- QEMU-ARGUMENT...]
#
#   --script FILE       run this in the guest, as root in /epftest; its interpreter has to be there: #!/bin/sh is
#   --shell             an interactive shell on the guest's console instead (the default without --script);
#                       Ctrl-A X ends QEMU, Ctrl-A C is its monitor
#   --device JSON       a -device for QEMU; vfio-user-pci devices go to root ports rp0, rp1, ... in this order
#   --add FILE[:DEST]   put a file or a directory into the guest, at DEST or else in /epftest; a program with its
#                       libraries
#   --module FILE       put a kernel module where modprobe finds it
#   --append ARGS       add to the kernel's command line
#   --memory SIZE       default 512M
#   --smp N             processors, default 2
#   --no-shared-memory  private memory: vfio-user servers cannot map it
#   --no-iommu          no interrupt remapping: a device then gets one MSI vector
#   --timeout S         end the guest after S seconds, default 300 with --script; 0 is never
#   --console FILE      write the console's output here; default ~/.cache/epftest/runs
#   --out FILE          write the script's output to a file, too
#   --help
#
# and those of scripts/toolchain.sh: --qemu, --kernel, --kernel-src, --kernel-image, --kernel-modules, --kernel-config,
# --accel.
#
# Exits with the script's status. 124: timeout. 125: the guest failed (panic, QEMU); the last line on stderr says why.
# 64: invalid option.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/toolchain.sh
. "$REPO_ROOT/scripts/lib/toolchain.sh"

script='' shell=no additions=() devices=() append='' size=512M smp=2 memory=shared iommu=yes timeout=300
console='' out=''

# readable OPTION FILE
readable() { [ -r "$2" ] || usage_error "$1 $2: cannot be read"; }

while [ $# -gt 0 ]; do
	case $1 in
	--help) print_help && exit ;;
	--)
		shift
		break
		;;
	--shell) shell=yes && shift && continue ;;
	--no-shared-memory) memory=private && shift && continue ;;
	--no-iommu) iommu=no && shift && continue ;;
	esac
	if toolchain_option "$@"; then
		shift 2
		continue
	fi
	case $1 in
	--script | --device | --add | --module | --append | --memory | --smp | --timeout | --console | --out)
		[ $# -ge 2 ] || usage_error "$1 needs a value"
		;;
	esac
	case $1 in
	--script) readable "$@" && script=$2 && additions+=("$1" "$2") ;;
	--device) devices+=("$2") ;;
	--add) readable "$1" "${2%%:*}" && additions+=("$1" "$2") ;;
	--module) readable "$@" && additions+=("$1" "$2") ;;
	--append) append+=" $2" ;;
	--memory) size=$2 ;;
	--smp) smp=$2 ;;
	--timeout) timeout=$2 ;;
	--console) console=$2 ;;
	--out) out=$2 ;;
	*) usage_error "$1: unknown option" ;;
	esac
	shift 2
done
[[ $smp =~ ^[1-9][0-9]*$ ]] || usage_error "--smp $smp: not a number of processors"
[[ $size =~ ^[1-9][0-9]*[MG]$ ]] || usage_error "--memory $size: not a size such as 512M or 2G"
[[ $timeout =~ ^[0-9]+$ ]] || usage_error "--timeout $timeout: not a number of seconds"
[ -z "$script" ] || [ "$shell" = no ] || usage_error "--script and --shell exclude each other"

prepare_toolchain

dir=$(new_run_dir)
[ -z "$console" ] || ln -s "$(realpath -m -- "$console")" "$dir/console.log"
[ -z "$out" ] || ln -s "$(realpath -m -- "$out")" "$dir/result.log"
image=$INITRAMFS
if [ ${#additions[@]} -gt 0 ]; then
	image=$dir/initramfs.cpio
	on_exit rm -f "$image"
	run_initramfs "$image" "${additions[@]}"
fi

arguments=()
port=0
for device in "${devices[@]}"; do
	placed=$(on_root_port "$port" "$device")
	arguments+=(-device "$placed")
	[ "$placed" = "$device" ] || port=$((port + 1))
done
machine_args "$size" "$smp" "$memory" "$iommu" $((port > ROOT_PORTS ? port : ROOT_PORTS))

if [ -z "$script" ]; then
	kernel_args "$image" "$append"
	guest_shell "$dir" "${arguments[@]}" "$@"
	exit
fi

kernel_args "$image" "epftest.run=$GUEST_DIR/run" "$append"
start_guest "$dir" "$timeout" "${arguments[@]}" "$@"
finish_guest "$dir"
