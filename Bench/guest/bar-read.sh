#!/bin/sh
# SPDX-License-Identifier: MIT
# The host script of scripts/bench.sh: times reads of the endpoint's BAR1, which is plain memory, and beside each of
# them reads of an ivshmem device's memory.

# resource VENDOR DEVICE BAR: enables the device and prints the BAR's file in sysfs.
resource() {
	for device in /sys/bus/pci/devices/*; do
		if [ "$(cat "$device/vendor") $(cat "$device/device")" = "$1 $2" ]; then
			echo 1 >"$device/enable"
			echo "$device/resource$3"
			return
		fi
	done
	echo "there is no device $1:$2" >&2
	exit 1
}

endpoint=$(resource 0x104c 0xb500 1) || exit
memory=$(resource 0x1af4 0x1110 2) || exit
./bar-read 5 "$endpoint" "$memory"
