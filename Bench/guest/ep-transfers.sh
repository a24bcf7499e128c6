#!/bin/sh
# SPDX-License-Identifier: MIT
# The EP script of scripts/bench.sh: runs pci-epf-test. After each round of the host (host-transfers.sh), whose last
# transfer is a READ, it measures the same copies with another device, and mappings. It drops a measurement during which
# the host's next round began.

transfers() { dmesg | grep -c '=> Size:'; }

set -- /sys/kernel/config/pci_ep/controllers/*
modprobe epf-bench "controller=${1##*/}" || exit
./ep &
measured=0
until [ -e /tmp/epftest-host-done ]; do
	round=$(($(dmesg | grep -c 'READ => Size: 1024001 B') / 3))
	if [ "$round" -gt "$measured" ]; then
		measured=$round
		before=$(transfers)
		copy=$(cat /sys/kernel/debug/epf-bench/copy) && map=$(cat /sys/kernel/debug/epf-bench/map) || exit
		[ "$(transfers)" -ne "$before" ] || printf 'round %d: %s\n' "$round" "$copy" "$round" "$map"
	fi
	sleep 0.1
done
wait "$!"
