# SPDX-License-Identifier: MIT
# Finds a QEMU that has the vfio-user client device. Sourced, never run.
# shellcheck shell=bash disable=SC2034 source-path=SCRIPTDIR
# shellcheck source=debian.sh
. "$REPO_ROOT/scripts/lib/debian.sh"

# find_qemu [PATH]: takes PATH, else the system's QEMU, else Debian's packages unpacked in the cache. Sets QEMU (an
# array that starts the command), QEMU_VERSION, QEMU_PATH, and QEMU_WINDOW: yes if it can map memory for a vhost-user
# device.
find_qemu() {
	if [ -n "${1:-}" ]; then
		use_given_qemu "$1"
	elif QEMU_PATH=$(command -v qemu-system-x86_64) && probe_qemu "$QEMU_PATH"; then
		:
	else
		use_private_qemu
	fi
	QEMU=("$QEMU_PATH")
	say "QEMU: $QEMU_PATH ($QEMU_VERSION)"
}

use_given_qemu() {
	QEMU_PATH=$(command -v -- "$1") || {
		[ ! -e "$1" ] || die "--qemu $1: not executable"
		die "--qemu $1: not found"
	}
	QEMU_PATH=$(realpath -s -- "$QEMU_PATH")
	probe_qemu "$QEMU_PATH" || die "--qemu $1: ${QEMU_VERSION:+version $QEMU_VERSION }$QEMU_TROUBLE"
}

# probe_qemu PATH: succeeds if that QEMU can be used. Sets QEMU_VERSION and QEMU_WINDOW, or QEMU_TROUBLE if it fails.
# The result is cached while the file stays the same, because asking a QEMU takes a third of a second.
probe_qemu() {
	local verdict devices vfio=no
	QEMU_WINDOW=no
	verdict=$CACHE_DIR/qemu/verdicts/$(hash_of window "$1" "$(stat -Lc '%s %Y %i' -- "$1")")
	if [ ! -e "$verdict" ]; then
		mkdir -p "${verdict%/*}"
		if ! QEMU_VERSION=$("$1" --version </dev/null 2>/dev/null | sed -n 's/^QEMU emulator version \([^ ]*\).*/\1/p') ||
			[ -z "$QEMU_VERSION" ]; then
			QEMU_VERSION=
			QEMU_TROUBLE="does not run as a QEMU (try: $1 --version)"
			return 1
		fi
		devices=$("$1" -device help </dev/null 2>/dev/null) || devices=
		! grep -q '^name "vfio-user-pci"' <<<"$devices" || vfio=yes
		# The device is older than the ability that is needed of it.
		if [ "${QEMU_VERSION%%.*}" -ge 11 ] && grep -q '^name "vhost-user-test-device-pci"' <<<"$devices"; then
			QEMU_WINDOW=yes
		fi
		echo "$QEMU_VERSION $vfio $QEMU_WINDOW" >"$verdict"
	fi
	read -r QEMU_VERSION vfio QEMU_WINDOW <"$verdict"
	QEMU_TROUBLE="has no vfio-user-pci device (10.1 and later have it, as a build option)"
	[ "$vfio" = yes ]
}

use_private_qemu() {
	local dir
	dir=$CACHE_DIR/qemu/$(hash_of "$QEMU_PINNED" "$(declare -f write_qemu_wrapper)")
	if [ ! -e "$dir/ready" ]; then
		say "no QEMU with vfio-user-pci on this machine: unpacking Debian's, for EpfTest only"
		with_lock apt make_private_qemu "$dir"
	fi
	QEMU_PATH=$dir/qemu-system-x86_64
	probe_qemu "$QEMU_PATH" || die "Debian's QEMU, unpacked in $dir, ${QEMU_VERSION:+version $QEMU_VERSION }$QEMU_TROUBLE"
}

make_private_qemu() {
	local dir=$1 version
	[ ! -e "$dir/ready" ] || return 0
	use_package_lists
	version=$(choose_version qemu-system-x86 "$QEMU_PINNED")
	rm -rf "$dir"
	step "downloading and unpacking QEMU $version" unpack_with_dependencies qemu-system-x86 "$version" "$dir/root"
	write_qemu_wrapper "$dir"
	touch "$dir/ready"
}

# write_qemu_wrapper DIR: makes one executable that starts the unpacked QEMU with its own loader, libraries, modules and
# firmware.
write_qemu_wrapper() {
	local root=$1/root
	{
		echo '#!/bin/sh'
		echo "export QEMU_MODULE_DIR='$root/usr/lib/x86_64-linux-gnu/qemu'"
		echo "exec '$root/usr/lib64/ld-linux-x86-64.so.2' \\"
		echo "	--library-path '$root/usr/lib/x86_64-linux-gnu' --argv0 qemu-system-x86_64 \\"
		echo "	'$root/usr/bin/qemu-system-x86_64' \\"
		echo "	-L '$root/usr/share/qemu' -L '$root/usr/share/seabios' -L '$root/usr/lib/ipxe/qemu' \"\$@\""
	} >"$1/qemu-system-x86_64"
	chmod +x "$1/qemu-system-x86_64"
}
