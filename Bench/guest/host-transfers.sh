#!/bin/sh
# SPDX-License-Identifier: MIT
# The host script of scripts/bench.sh: runs the self-test's transfers in rounds of three; pci-epf-test times them. After
# each round the EP guest measures the reference (ep-transfers.sh).
modprobe pci_endpoint_test || exit
for _ in 1 2 3 4 5; do
	for _ in 1 2 3; do
		pci_endpoint_test -T COPY_TEST -v memcpy || exit
	done
	sleep 3
done
