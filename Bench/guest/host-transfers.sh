#!/bin/sh
# SPDX-License-Identifier: MIT
# What scripts/bench.sh runs in the host guest: the self-test's transfers, in rounds of three, so that pci-epf-test times itself.
# After each the EP guest measures what they are compared with (ep-transfers.sh).
modprobe pci_endpoint_test || exit
for _ in 1 2 3 4 5; do
	for _ in 1 2 3; do
		pci_endpoint_test -T COPY_TEST -v memcpy || exit
	done
	sleep 3
done
