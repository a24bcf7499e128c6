# SPDX-License-Identifier: MIT
# Picks KVM or TCG. A KVM device node may exist although KVM cannot run a kernel, so a guest is booted to find out.
# Sourced, never run.
# shellcheck shell=bash disable=SC2034,SC2153 # set here or there, used there or here

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
	local verdict=$1 console status=0
	[ ! -e "$verdict" ] || return 0
	say "booting a guest with KVM to try it (at most $KVM_PROBE_SECONDS s; once until this machine reboots)"
	console=$verdict.console
	mkdir -p "${verdict%/*}"
	# Each word of the files is an argument.
	# shellcheck disable=SC2046
	timeout -k 3 "$KVM_PROBE_SECONDS" "${QEMU[@]}" $(config_words machine.args iommu.args) -m 256M -accel kvm -cpu host \
		-kernel "$KERNEL_DIR/bzImage" -initrd "$INITRAMFS" -append "$(config_words kernel.args) epftest.run=/bin/true" \
		-serial "file:$console" -serial "file:$verdict.result" </dev/null >"$verdict.log" 2>&1 || status=$?
	if grep -q 'epftest: exit 0' "$verdict.result" 2>/dev/null; then
		printf 'kvm\na guest booted with it\n'
	elif [ "$status" -eq 124 ] || [ "$status" -eq 137 ]; then
		printf 'tcg\ntimeout: a guest did not boot with KVM within %d s; console: %s\n' "$KVM_PROBE_SECONDS" "$console"
	else
		printf 'tcg\na guest did not boot with KVM; console: %s\n' "$console"
	fi >"$verdict.$BASHPID"
	mv "$verdict.$BASHPID" "$verdict"
}

# config_words FILE...: prints the words of files in qemu-configs/, without comments, in one line.
config_words() { (cd "$CONFIG_DIR" && sed 's/^#.*//' "$@" | xargs); }
