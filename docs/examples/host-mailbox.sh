#!/bin/sh
# SPDX-License-Identifier: MIT
# Host side of docs/example-bar.md: writes a file into the endpoint's BAR0, four bytes at a time, and reads it back.
set -eu

for device in /sys/bus/pci/devices/*; do
	[ "$(cat "$device/vendor") $(cat "$device/device")" != '0x1234 0xe9c1' ] || break
done
echo 1 >"$device/enable"
read -r bar _ <"$device/resource"
echo "${device##*/} has BAR0 at $bar"

address=$((bar))
for word in $(od -A n -v -t x4 -w4 message); do
	devmem "$address" 32 "0x$word"
	[ $(($(devmem "$address" 32))) -eq $((0x$word)) ]
	address=$((address + 4))
done
echo "wrote and read back $((address - bar)) bytes"
