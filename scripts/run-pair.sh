#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Runs the kernel's endpoint self-test on a pair of guests: EpcDevice, EpfBridge, an EP guest with pci-epf-test and a
# host guest with pci_endpoint_test, on stock QEMU. Prints each case as it ends; the last line is
# "N passed, N failed, N skipped".
#
# Usage: scripts/run-pair.sh [OPTION]...
#
# What runs:
#
#   --ep-script FILE         run this in the EP guest, with pcie-qemu-ep loaded, instead of binding pci-epf-test. The
#                            host guest boots when it calls epftest-ready or exits with 0. epftest-host-done returns
#                            when the host's script has ended
#   --host-script FILE       run this in the host guest instead of the self-test
#   --add FILE[:DEST]        put a file or a directory into both guests, at DEST or else in /epftest; a program with
#                            its libraries
#   --module FILE            put a kernel module where modprobe finds it, in each guest whose kernel it is built for
#   --cases ARGS             choose cases, with the self-test's own options: -V memcpy leaves out the cases that move
#                            data by memcpy, -t MSI_TEST runs one
#   --shell                  both guests' consoles in tmux, with a shell in each. A script runs before its shell; the
#                            self-test runs when you call it: modprobe pci_endpoint_test; pci_endpoint_test
#
# How the guests reach each other:
#
#   --datapath direct|tlp    through shared memory, or each access as a TLP; default direct
#   --map-bars               let the host's QEMU map BARs, so that the host's accesses do not trap. BARs then cannot be
#                            remapped while the host is up: the cases that do so are skipped
#   --window SIZE|off        size of the mapped window, through which the EP guest reaches the host's memory without
#                            traps; default 256M. It needs QEMU 11 or later and --datapath direct
#   --posted-writes          on the direct path, let the EP guest's QEMU post its writes through a window: faster, but
#                            a host that reads a flag in BAR memory may miss data that the endpoint wrote before it
#   --strict-order           on the direct path, do not even let the host's QEMU post its writes to BARs: slower, but an
#                            endpoint that reads a flag in host memory then finds what the host wrote to a BAR before
#   --ep-memory shared|huge|private, --host-memory shared|huge|private
#                            huge: in huge pages, 512 MiB of which must be free (sysctl vm.nr_hugepages=256); private:
#                            QEMU does not share that guest's memory, and each access to it is a message to QEMU;
#                            default shared
#   --iommu pass|translate   translate: the host guest's IOMMU translates the endpoint's accesses, so that mappings come
#                            and go with each transfer of its driver; default pass
#   --dma memcpy|slave|off   what pcie-qemu-ep's DMA channels are; default memcpy, because pci-epf-test's COPY by DMA
#                            cannot pass with slave channels
#   --hotplug                boot the host guest without the endpoint; plug it in when the link comes up and unplug it
#                            when it goes down. A plugged endpoint has no MSI-X (docs/reliability.md). EpcDevice plugs
#                            itself into the EP guest when it is restarted. Scripts have more commands, see below
#
# Guests:
#
#   --ep-kernel, --host-kernel SERIES|DIR
#                            another kernel on one side: a series of Debian's, such as 6.12, or a source tree
#   --ep-qemu, --host-qemu ARGS
#                            more arguments for that side's QEMU, such as '-device ivshmem-plain,memdev=...', separated
#                            by spaces. May be repeated
#   --host-smp N             processors of the host guest; default 12, which 2048 MSI-X vectors need
#   --no-pin                 let both sides use all cores. By default, with 2 to 4 cores, each side has one; EpcDevice
#                            is on the EP side's, with --datapath tlp on the host side's
#
# The run:
#
#   --out DIR                keep consoles, logs, KTAP and JUnit XML here; default ~/.cache/epftest/runs
#   --log-level LEVEL        what EpcDevice and EpfBridge log, default Warning; Trace has a line for each TLP
#   --timeout S              end the run after S seconds, building excluded; default 900, 0 is never
#   --case-timeout S         end it when a case takes longer; default 60. The kernel's test itself has no limit
#   --help
#
# and the options of scripts/toolchain.sh, for both guests: --qemu, --kernel, --kernel-src, --kernel-config, --accel.
#
# Commands for scripts with --hotplug:
#
#   epftest-endpoint [gone]              in the host guest: wait until the endpoint is there, or is gone
#   epftest-say WORD, epftest-hear WORD  send a word to the other guest's script, wait for one
#   epftest-restart EpcDevice|EpfBridge [stop|start]
#                                        kill that process and start it again, or do only one of the two
#   epftest-restart ep-qemu|host-qemu    the same for a guest's QEMU
#   epftest-remember [WORD...]           keep words while this guest reboots. A guest reboots with --ep-qemu or
#                                        --host-qemu '-action reboot=reset'; otherwise a reboot ends it
#
# Exits with 0 if no case failed and the kernels explain every skip, else 1. With your own scripts: 0 if both exited
# with 0, else the status of one that did not. 124: timeout. 125: a guest or a process failed; the last line on stderr
# says why. 64: invalid option.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/toolchain.sh
. "$REPO_ROOT/scripts/lib/toolchain.sh"
# shellcheck source-path=SCRIPTDIR source=lib/dotnet.sh
. "$REPO_ROOT/scripts/lib/dotnet.sh"
# shellcheck source-path=SCRIPTDIR source=lib/driver.sh
. "$REPO_ROOT/scripts/lib/driver.sh"
# shellcheck source-path=SCRIPTDIR source=lib/pair.sh
. "$REPO_ROOT/scripts/lib/pair.sh"
# shellcheck source-path=SCRIPTDIR source=lib/selftest.sh
. "$REPO_ROOT/scripts/lib/selftest.sh"
# shellcheck source-path=SCRIPTDIR source=lib/pair-shell.sh
. "$REPO_ROOT/scripts/lib/pair-shell.sh"

# Limit for a guest to boot and set itself up, on a slow machine
BOOT_SECONDS=120

ep_script='' host_script='' additions=() modules=() shell=no datapath=direct dma=memcpy log_level=Warning pin=yes
ep_kernel='' host_kernel='' out='' cases='' timeout=900 case_timeout=60 HOST_SMP=12 SYNCHRONOUS_WRITES=true
HOST_SYNCHRONOUS_WRITES=false window=256M iommu=pass
MAP_BARS=no

# --- Options

# kernel_choice OPTION VALUE
kernel_choice() {
	if is_series "$2"; then
		printf '%s\n' "$2"
	else
		source_tree "$@"
	fi
}

while [ $# -gt 0 ]; do
	case $1 in
	--help) print_help && exit ;;
	--shell) shell=yes && shift && continue ;;
	--no-pin) pin=no && shift && continue ;;
	--map-bars) MAP_BARS=yes && shift && continue ;;
	--hotplug) HOTPLUG=yes && shift && continue ;;
	--posted-writes) SYNCHRONOUS_WRITES=false && shift && continue ;;
	--strict-order) HOST_SYNCHRONOUS_WRITES=true && shift && continue ;;
	esac
	if toolchain_option "$@"; then
		shift 2
		continue
	fi
	case $1 in
	--ep-memory | --host-memory | --iommu | --ep-script | --host-script | --add | --module | --datapath | --dma | \
		--log-level | --host-smp | --ep-kernel | --cases | --window | --ep-qemu | --host-qemu | --host-kernel | --out | \
		--timeout | --case-timeout)
		[ $# -ge 2 ] || usage_error "$1 needs a value"
		;;
	*) usage_error "$1: unknown option" ;;
	esac
	case $1 in
	--ep-script | --host-script | --module)
		if ! [ -f "$2" ] || ! [ -r "$2" ]; then
			usage_error "$1 $2: not a file that can be read"
		fi
		;;
	--add) [ -r "${2%%:*}" ] || usage_error "$1 $2: cannot be read" ;;
	--ep-memory | --host-memory)
		[[ $2 =~ ^(shared|huge|private)$ ]] || usage_error "$1 $2: not one of shared, huge, private"
		;;
	--iommu) [[ $2 =~ ^(pass|translate)$ ]] || usage_error "$1 $2: not one of pass, translate" ;;
	--datapath) [[ $2 =~ ^(direct|tlp)$ ]] || usage_error "$1 $2: not one of direct, tlp" ;;
	--dma) [[ $2 =~ ^(memcpy|slave|off)$ ]] || usage_error "$1 $2: not one of memcpy, slave, off" ;;
	--log-level)
		[[ ${2,,} =~ ^(trace|debug|information|warning|error|critical|none)$ ]] ||
			usage_error "$1 $2: not one of Trace, Debug, Information, Warning, Error, Critical, None"
		;;
	--window)
		[[ $2 =~ ^(off|[1-9][0-9]*[MG])$ ]] || usage_error "$1 $2: not off, nor a size such as 1M, 256M or 1G"
		;;
	--host-smp) [[ $2 =~ ^[1-9][0-9]?$ ]] || usage_error "$1 $2: not a number of processors" ;;
	--cases) [[ $2 =~ ^[A-Za-z0-9_\ -]+$ ]] || usage_error "$1 $2: not options of the self-test" ;;
	--timeout) [[ $2 =~ ^[0-9]+$ ]] || usage_error "$1 $2: not a number of seconds" ;;
	--case-timeout) [[ $2 =~ ^[1-9][0-9]*$ ]] || usage_error "$1 $2: not a number of seconds" ;;
	esac
	case $1 in
	--ep-memory) SIDE_MEMORY[ep]=$2 ;;
	--host-memory) SIDE_MEMORY[host]=$2 ;;
	--iommu) iommu=$2 ;;
	--ep-script) ep_script=$2 ;;
	--host-script) host_script=$2 ;;
	--cases) cases=$2 ;;
	--add) additions+=(--add "$2") ;;
	--module) modules+=("$2") ;;
	--datapath) datapath=$2 ;;
	--dma) dma=$2 ;;
	--log-level) log_level=$2 ;;
	--host-smp) HOST_SMP=$2 ;;
	--window) window=$2 ;;
	--ep-qemu) SIDE_QEMU[ep]+=" $2" ;;
	--host-qemu) SIDE_QEMU[host]+=" $2" ;;
	--ep-kernel) ep_kernel=$(kernel_choice "$@") ;;
	--host-kernel) host_kernel=$(kernel_choice "$@") ;;
	--out) out=$(realpath -m -- "$2") ;;
	--timeout) timeout=$2 ;;
	--case-timeout) case_timeout=$2 ;;
	esac
	shift 2
done
if [ "$datapath" = tlp ]; then
	[ "$MAP_BARS" = no ] || usage_error "--map-bars needs shared memory, so it excludes --datapath tlp"
	# Completions wait for posted writes.
	SYNCHRONOUS_WRITES=false HOST_SYNCHRONOUS_WRITES=false
fi
if [ "$shell" = yes ]; then
	[ "$HOTPLUG" = no ] || usage_error "--hotplug and --shell exclude each other"
	if ! [ -t 0 ] || ! [ -t 1 ]; then
		usage_error "--shell needs a terminal"
	fi
	need_tools tmux tmux
fi
: "${ep_kernel:=$TOOLCHAIN_KERNEL}" "${host_kernel:=$TOOLCHAIN_KERNEL}"

# --- Building

# remember_kernel SIDE SMP
remember_kernel() {
	SIDE_KERNEL[$1]=$KERNEL_DIR SIDE_INITRAMFS[$1]=$INITRAMFS SIDE_ACCEL[$1]=$ACCEL SIDE_SMP[$1]=$2
}

build_programs
TOOLCHAIN_KERNEL=$ep_kernel
prepare_toolchain
remember_kernel ep 2
build_driver
[ "$host_kernel" = "$ep_kernel" ] || prepare_kernel "$host_kernel"
remember_kernel host "$HOST_SMP"
EP_KERNEL_DIR=${SIDE_KERNEL[ep]} HOST_KERNEL_DIR=${SIDE_KERNEL[host]}
if [ -z "$host_script" ] && [ ! -e "$HOST_KERNEL_DIR/pci_endpoint_test" ]; then
	die "kernel $(cat "$HOST_KERNEL_DIR/release") has no endpoint self-test (6.13 and later have): choose
another for the host guest with --host-kernel, or your own test with --host-script"
fi
[ "$pin" = no ] || pick_cores

RUN_DIR=$out
if [ -z "$out" ]; then
	RUN_DIR=$(new_run_dir)
fi
SOCKET_DIR=$(mktemp -d)
on_exit rm -rf "$SOCKET_DIR"
mkdir -p "$RUN_DIR"/{ep,host}
rm -rf "$RUN_DIR"/{ep,host}/* "$RUN_DIR"/{selftest.ktap,junit.xml,EpcDevice.log,EpfBridge.log}

# image SIDE SCRIPT [ADDITION...]: makes the side's initramfs, $SOCKET_DIR/SIDE.cpio.
image() {
	local side=$1 module magic release words=(--script "$2")
	shift 2
	use_side "$side"
	release=$(cat "$KERNEL_DIR/release")
	for module in "${modules[@]}"; do
		magic=$(modinfo -F vermagic "$module" 2>/dev/null) || die "--module $module: not a readable kernel module"
		[ "${magic%% *}" != "$release" ] || words+=(--module "$module")
	done
	run_initramfs "$SOCKET_DIR/$side.cpio" "${words[@]}" "$@" "${additions[@]}"
}

# check_modules: each module has to be built for a guest's kernel.
check_modules() {
	local module magic releases
	releases=$(cat "$EP_KERNEL_DIR/release" "$HOST_KERNEL_DIR/release" | sort -u)
	for module in "${modules[@]}"; do
		magic=$(modinfo -F vermagic "$module" 2>/dev/null) || die "--module $module: not a readable kernel module"
		grep -qxF -- "${magic%% *}" <<<"$releases" ||
			die "--module $module: built for ${magic%% *}, but the guests' kernels are: $(xargs <<<"$releases")"
	done
}

check_modules
helpers=()
if [ "$HOTPLUG" = yes ]; then
	for helper in endpoint say hear restart remember; do
		helpers+=(--add "$REPO_ROOT/guest/epftest-$helper:/usr/bin/")
	done
fi
cp -- "${ep_script:-$REPO_ROOT/guest/pci-epf-test}" "$SOCKET_DIR/script"
chmod 755 "$SOCKET_DIR/script"
image ep "$REPO_ROOT/guest/endpoint" --add "$SOCKET_DIR/script:/epftest/script" --module "$DRIVER_MODULE" \
	--add "$REPO_ROOT/guest/epftest-ready:/usr/bin/" --add "$REPO_ROOT/guest/epftest-host-done:/usr/bin/" "${helpers[@]}"
if [ "$HOTPLUG" = yes ]; then
	cp -- "${host_script:-$REPO_ROOT/guest/self-test}" "$SOCKET_DIR/script"
	chmod 755 "$SOCKET_DIR/script"
	image host "$REPO_ROOT/guest/hotplug-host" --add "$SOCKET_DIR/script:/epftest/script" "${helpers[@]}"
else
	image host "${host_script:-$REPO_ROOT/guest/self-test}"
fi

# --- Running

# shellcheck disable=SC2317 # called by the traps
interrupted() {
	trap '' INT TERM HUP
	say ''
	say "all consoles and logs: $RUN_DIR"
	say "error: interrupted by $1"
	exit "$2"
}
trap 'interrupted Ctrl-C 130' INT
trap 'interrupted SIGTERM 143' TERM
trap 'interrupted SIGHUP 129' HUP

# before_abandon REASON: keeps and counts the cases so far.
before_abandon() {
	local running=$CASE_TITLE
	[ -z "$host_script" ] || return 0
	case_abandoned "$EPOCHREALTIME"
	write_junit "$RUN_DIR/junit.xml" "$1"
	if [ "$CASES_PLANNED" -gt 0 ]; then
		say "the run ended ${running:+in $running, }with $(selftest_counts) of $CASES_PLANNED cases"
	fi
}

# show_line SIDE LINE: prints a line of a script other than the self-test.
show_line() { printf '%-4s | %s\n' "$1" "$2"; }

# Only --timeout limits a user's script.
ep_seconds=$BOOT_SECONDS
[ -z "$ep_script" ] || ep_seconds=0
limit_run "$timeout"
open_events
link=$SOCKET_DIR/link
WINDOW_SOCKET='' window_options=()
if [ "$window" != off ] && [ "$datapath" = direct ] && [ "$QEMU_WINDOW" = yes ]; then
	WINDOW_SOCKET=$SOCKET_DIR/window
	window_options=(--window "$WINDOW_SOCKET" --window-size "$window")
fi
process_options=(--link "$link" --datapath "$datapath" --log-level "$log_level")
[ "$MAP_BARS" = no ] || process_options+=(--map-bars)
epc_options=() bridge_options=()
if [ "$HOTPLUG" = yes ]; then
	posted=true
	[ "$SYNCHRONOUS_WRITES" = false ] || posted=false
	epc_options=(--qmp "$SOCKET_DIR/ep.qmp" --hotplug-bus "rp0${WINDOW_SOCKET:+,rp1}" --hotplug-posted-writes "$posted")
	posted=true
	[ "$HOST_SYNCHRONOUS_WRITES" = false ] || posted=false
	bridge_options=(--qmp "$SOCKET_DIR/host.qmp" --hotplug-bus rp0 --hotplug-posted-writes "$posted")
fi
# On the TLP path a host's access goes through both processes and back. With both on the host's core it wakes no other
# core; an access of the EP guest crosses twice either way.
epc_core=ep
[ "$datapath" = direct ] || epc_core=host
start_process EpcDevice "$epc_core" "$link" --socket "$SOCKET_DIR/epc" "${process_options[@]}" "${window_options[@]}" \
	"${epc_options[@]}"
start_process EpfBridge host '' --socket "$SOCKET_DIR/endpoint" "${process_options[@]}" "${bridge_options[@]}"

if [ "$shell" = yes ]; then
	shell_pair "pcie_qemu_ep.dma=$dma" "$host_script"
	exit
fi

# boot_host, boot_ep: start that guest's QEMU, for the first time or again.
boot_host() {
	local words=()
	[ -n "$host_script" ] || ln -sf ../selftest.ktap "$RUN_DIR/host/result.log"
	[ "$HOTPLUG" = no ] || words=(epftest.hotplug)
	# The last word counts. Strict: an unmap takes effect at once.
	[ "$iommu" = pass ] || words+=(iommu=nopt iommu.strict=1)
	side_arguments host "$SOCKET_DIR/host.cpio" "$SOCKET_DIR/endpoint" epftest.run=/epftest/run "${words[@]}" \
		${cases:+"epftest.cases=${cases// /,}"}
	start_side host
}
boot_ep() {
	side_arguments ep "$SOCKET_DIR/ep.cpio" "$SOCKET_DIR/epc" epftest.run=/epftest/run "pcie_qemu_ep.dma=$dma"
	start_side ep
}

# host_line: handles LINE of the host's script, which may be the self-test.
host_line() {
	case $LINE in
	'epftest: '*) show_line host "${LINE#epftest: }" ;;
	*)
		if [ -n "$host_script" ]; then
			show_line host "$LINE"
		else
			selftest_line "$TIME" "$LINE"
			watch_for "${CASE_TITLE:-the self-test} made no progress" "$case_timeout"
		fi
		;;
	esac
}

# start_ep: boots the EP guest and waits until its script reports that the endpoint is ready.
start_ep() {
	boot_ep
	watch_for "the EP guest was not ready" "$ep_seconds"
	while next_event; do
		! relay_event || continue
		case $SIDE$LINE in
		ep*'epftest: ready') break ;;
		'epepftest: end')
			side_ended ep
			[ "$SIDE_STATUS" -ne 0 ] || SIDE_STATUS=1
			abandon "$SIDE_STATUS" "the EP guest's script ended with $SIDE_STATUS before it was ready" ep
			;;
		'hostepftest: end')
			side_ended host
			abandon "$GUEST_FAILED" "the host's script ended with $SIDE_STATUS before the EP guest was ready" host
			;;
		ep*) show_line EP "$LINE" ;;
		host*) host_line ;;
		esac
	done
}

if [ "$HOTPLUG" = yes ]; then
	boot_host
	watch_for "the host guest was not up" "$BOOT_SECONDS"
	until next_event && [ "$SIDE$LINE" = 'hostepftest: up' ]; do
		if [ "$SIDE$LINE" = 'hostepftest: end' ]; then
			side_ended host
			abandon "$GUEST_FAILED" "the host guest ended with $SIDE_STATUS before it was up" host
		fi
	done
	start_ep
else
	start_ep
	watch_for "the EP guest is ready, but the link did not come up (did it write 1 to the controller's start?)" 10
	until [ -S "$SOCKET_DIR/endpoint" ]; do
		if read_event; then
			show_line EP "$LINE"
		fi
	done
	boot_host
fi
if [ -n "$host_script" ]; then
	watch_for "the host's script did not end" 0
else
	watch_for "the self-test did not start" "$BOOT_SECONDS"
fi
ep_status='' host_status=''
while next_event; do
	! relay_event || continue
	case $SIDE$LINE in
	'epepftest: end')
		side_ended ep
		ep_status=$SIDE_STATUS
		[ -n "$host_status" ] || abandon "$GUEST_FAILED" "the EP guest powered off before the host's script had ended" ep
		break
		;;
	'hostepftest: end')
		side_ended host
		host_status=$SIDE_STATUS
		tell ep 'host done'
		watch_for "the host's script ended, but the EP guest did not" "$ep_seconds"
		;;
	'hostepftest: up' | 'epepftest: ready') ;; # again
	ep*) show_line EP "$LINE" ;;
	host*) host_line ;;
	esac
done

report_warnings
if [ -n "$host_script" ]; then
	[ "$host_status" -eq 0 ] || say "the host's script ended with $host_status"
	[ "$ep_status" -eq 0 ] || say "the EP guest's script ended with $ep_status"
	[ "$host_status" -ne 0 ] || exit "$ep_status"
	exit "$host_status"
fi
ended=$((CASES_PASSED + CASES_FAILED + CASES_SKIPPED))
if [ "$CASES_PLANNED" -eq 0 ]; then
	abandon "$GUEST_FAILED" "the self-test did not start (exit status $host_status)" host
elif [ "$ended" -ne "$CASES_PLANNED" ]; then
	abandon "$GUEST_FAILED" "the self-test ended with status $host_status after $ended of $CASES_PLANNED cases" host
elif [ "$ep_status" -ne 0 ]; then
	abandon "$GUEST_FAILED" "the EP guest's script ended with $ep_status after the test" ep
fi
write_junit "$RUN_DIR/junit.xml"
status=0
if [ "$CASES_FAILED" -gt 0 ] || [ "$SKIPS_UNEXPLAINED" -gt 0 ]; then
	status=1
fi
if [ "$status" -ne 0 ] || [ -n "$out" ]; then
	say "all consoles and logs: $RUN_DIR"
fi
selftest_counts
exit "$status"
