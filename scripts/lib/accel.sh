# SPDX-License-Identifier: MIT
# Picks KVM or TCG. A KVM device node may exist although KVM cannot run a kernel, so a guest is booted to find out.
# Sourced, never run.
# shellcheck shell=bash source-path=SCRIPTDIR
# shellcheck source=guest.sh
. "$REPO_ROOT/scripts/lib/guest.sh"

KVM_PROBE_SECONDS=15

# pick_accel [auto|kvm|tcg]: sets ACCEL and prints the choice and its reason. Uses QEMU, KERNEL_DIR and INITRAMFS.
pick_accel() {
	local why verdict
	case ${1:-auto} in
	kvm)
		ACCEL=kvm
		why="by --accel"
		[ -w /dev/kvm ] || die "--accel kvm: /dev/kvm $(kvm_node_trouble)"
		;;
	tcg)
		ACCEL=tcg
		why="by --accel"
		;;
	auto)
		ACCEL=tcg
		if ! [ -w /dev/kvm ]; then
			why="/dev/kvm $(kvm_node_trouble)"
		else
			verdict=$CACHE_DIR/accel/$(hash_of "$(cat /proc/sys/kernel/random/boot_id)" "$QEMU_PATH" \
				"$QEMU_VERSION" "$KERNEL_DIR")
			[ -e "$verdict" ] || with_lock accel probe_kvm "$verdict"
			{ read -r ACCEL && read -r why; } <"$verdict"
		fi
		;;
	*) usage_error "--accel $1: not one of auto, kvm, tcg" ;;
	esac
	say "accelerator: $ACCEL ($why)"
}

kvm_node_trouble() {
	if [ -e /dev/kvm ]; then
		echo "is not writable for $(id -un) (members of the group $(stat -c %G /dev/kvm) may use it)"
	else
		echo "does not exist"
	fi
}

# probe_kvm VERDICT: boots a guest with KVM and writes the result to VERDICT; once until the machine reboots.
probe_kvm() {
	local verdict=$1 dir status=0
	[ ! -e "$verdict" ] || return 0
	say "booting a guest with KVM to try it (at most $KVM_PROBE_SECONDS s; once until this machine reboots)"
	dir=$(new_run_dir)
	ACCEL=kvm
	machine_args 256M 1 shared yes
	kernel_args "$INITRAMFS" epftest.run=/bin/true
	start_guest "$dir" "$KVM_PROBE_SECONDS"
	finish_guest "$dir" 2>/dev/null || status=$?
	mkdir -p "${verdict%/*}"
	case $status in
	0) printf 'kvm\na guest booted with it\n' ;;
	"$GUEST_TIMED_OUT")
		printf 'tcg\ntimeout: a guest did not boot with KVM within %d s; console: %s\n' "$KVM_PROBE_SECONDS" \
			"$dir/console.log"
		;;
	*) printf 'tcg\na guest did not boot with KVM; console: %s\n' "$dir/console.log" ;;
	esac >"$verdict.$BASHPID"
	mv "$verdict.$BASHPID" "$verdict"
}
