#!/bin/sh
# SPDX-License-Identifier: MIT
# EP side of docs/example-bar.md: binds pci-epf-mailbox, then reads what the host wrote into its BAR0.
set -eu

config=/sys/kernel/config/pci_ep
function=$config/functions/pci_epf_mailbox/func1

modprobe pci-epf-mailbox
mkdir "$function"
echo 0x1234 >"$function/vendorid"
echo 0xe9c1 >"$function/deviceid"
set -- "$config"/controllers/*
ln -s "$function" "$1/func1"
echo 1 >"$1/start"
epftest-ready

epftest-host-done
dd if=/sys/kernel/debug/pci_epf_mailbox.0/bar0 of=/tmp/received bs="$(wc -c <message)" count=1 2>/dev/null
cat /tmp/received
cmp /tmp/received message
