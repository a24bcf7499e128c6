# SPDX-License-Identifier: MIT
# Everything that runs a guest: QEMU, kernel, initramfs, accelerator; and the options for them that scripts share.
# Sourced, never run.
# shellcheck shell=bash disable=SC2034 source-path=SCRIPTDIR
# shellcheck source=qemu.sh
. "$REPO_ROOT/scripts/lib/qemu.sh"
# shellcheck source=kernel.sh
. "$REPO_ROOT/scripts/lib/kernel.sh"
# shellcheck source=initramfs.sh
. "$REPO_ROOT/scripts/lib/initramfs.sh"
# shellcheck source=accel.sh
. "$REPO_ROOT/scripts/lib/accel.sh"

TOOLCHAIN_QEMU=
TOOLCHAIN_KERNEL=${KERNEL_SERIES%% *}
TOOLCHAIN_FRAGMENTS=()
TOOLCHAIN_ACCEL=auto

# toolchain_option OPTION [VALUE...]: handles one of the shared options, each of which has a value; fails for another.
toolchain_option() {
	case $1 in
	--qemu | --kernel | --kernel-src | --kernel-image | --kernel-modules | --kernel-config | --accel)
		[ $# -ge 2 ] || usage_error "$1 needs a value"
		;;
	esac
	case $1 in
	--qemu) TOOLCHAIN_QEMU=$2 ;;
	--kernel)
		is_series "$2" || usage_error "--kernel $2: not a series such as ${KERNEL_SERIES%% *}"
		TOOLCHAIN_KERNEL=$2
		;;
	--kernel-src) TOOLCHAIN_KERNEL=$(source_tree "$@") || exit ;;
	--kernel-image)
		[ -f "$2" ] || usage_error "--kernel-image $2: no such file"
		TOOLCHAIN_KERNEL=$(realpath -- "$2")
		;;
	--kernel-modules) KERNEL_MODULES=$(source_tree "$@") || exit ;;
	--kernel-config)
		[ -r "$2" ] || usage_error "--kernel-config $2: cannot be read"
		TOOLCHAIN_FRAGMENTS+=("$(realpath -- "$2")")
		;;
	--accel)
		[[ $2 =~ ^(auto|kvm|tcg)$ ]] || usage_error "--accel $2: not one of auto, kvm, tcg"
		TOOLCHAIN_ACCEL=$2
		;;
	*) return 1 ;;
	esac
}

is_series() { [[ $1 =~ ^[0-9]+\.[0-9]+$ ]]; }

# source_tree OPTION DIR: prints the absolute path of DIR (or of a file).
source_tree() { realpath -e -- "$2" 2>/dev/null || usage_error "$1 $2: no such directory"; }

# prepare_toolchain: sets QEMU, QEMU_VERSION, KERNEL_DIR, INITRAMFS and ACCEL as the options ask.
prepare_toolchain() {
	[ "$(uname -m)" = x86_64 ] || die "EpfTest's guests are x86-64 and need an x86-64 machine"
	find_qemu "$TOOLCHAIN_QEMU"
	prepare_kernel "$TOOLCHAIN_KERNEL"
}

# prepare_kernel SERIES|DIR: the same for another kernel and the same QEMU.
prepare_kernel() {
	build_kernel "$1" "${TOOLCHAIN_FRAGMENTS[@]}"
	say "kernel: $(cat "$KERNEL_DIR/release") ($KERNEL_DIR)"
	base_initramfs
	pick_accel "$TOOLCHAIN_ACCEL"
}
