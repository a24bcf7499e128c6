# SPDX-License-Identifier: MIT
# Runs guests: builds QEMU's command line, limits the time, keeps the console, returns the result or the reason why
# there is none. Sourced, never run. The toolchain sets QEMU, KERNEL_DIR, INITRAMFS and ACCEL.
# shellcheck shell=bash disable=SC2034,SC2153 # set here or there, used there or here

# Statuses of a guest that ends without its script's own
GUEST_TIMED_OUT=124
GUEST_FAILED=125

# Number of root ports of every guest
ROOT_PORTS=4

# The guest's name in messages
GUEST_NAME=guest

# read_args FILE: the words of a file in qemu-configs/, without comments.
read_args() { sed 's/^#.*//' "$CONFIG_DIR/$1"; }

# machine_args SIZE SMP MEMORY IOMMU [PORTS]: sets MACHINE, the arguments of QEMU before the devices. MEMORY is shared,
# huge or private; IOMMU is yes or no.
machine_args() {
	local size=$1 smp=$2 memory=$3 iommu=$4 ports=${5:-$ROOT_PORTS} port huge=
	# Each word of the files is an argument.
	# shellcheck disable=SC2207
	MACHINE=($(read_args machine.args) -m "$size" -smp "$smp" -accel "$ACCEL")
	[ "$ACCEL" != kvm ] || MACHINE+=(-cpu host)
	[ "$memory" != huge ] || huge=,hugetlb=on
	if [ "$memory" != private ]; then
		MACHINE+=(-object "memory-backend-memfd,id=mem,size=$size,share=on$huge" -machine memory-backend=mem)
	fi
	# shellcheck disable=SC2207
	[ "$iommu" = no ] || MACHINE+=($(read_args iommu.args))
	for ((port = 0; port < ports; port++)); do
		# shellcheck disable=SC2207
		MACHINE+=($(read_args root-port.args | sed "s/@N@/$port/g"))
	done
}

# kernel_args IMAGE [WORD...]: sets KERNEL_ARGS, the arguments for kernel and image; the WORDs go to the kernel.
kernel_args() {
	local image=$1
	shift
	KERNEL_ARGS=(-kernel "$KERNEL_DIR/bzImage" -initrd "$image"
		-append "$(read_args kernel.args | xargs)$(clock_words) $*")
}

# clock_words: prints kernel options that spare guests under TCG the calibration of their delay loop. Their TSC is this
# machine's, so this machine's values hold. Otherwise each processor calibrates by itself while all share our cores,
# which is a third of the time that a guest with 12 processors takes to boot on one core.
clock_words() {
	[ "$ACCEL" = tcg ] || return 0
	awk -F '[ \t]*[:=][ \t]*' '
		$1 == "CONFIG_HZ" { hz = $2 }
		$1 == "bogomips" && hz { printf " tsc=reliable lpj=%d", $2 * 500000 / hz; exit }' "$KERNEL_DIR/config" /proc/cpuinfo
}

# on_root_port N DEVICE: prints DEVICE, with root port N as its bus if it is a vfio-user-pci device without a bus.
on_root_port() {
	case $2 in
	*'"bus"'* | *,bus=*) printf '%s\n' "$2" ;;
	'{'*'"vfio-user-pci"'*) printf '{"bus":"rp%d",%s\n' "$1" "${2#\{}" ;;
	vfio-user-pci,*) printf '%s,bus=rp%d\n' "$2" "$1" ;;
	*) printf '%s\n' "$2" ;;
	esac
}

# start_guest DIR TIMEOUT ARGUMENT...: starts QEMU in the background with MACHINE, KERNEL_ARGS and the ARGUMENTs.
# DIR (an absolute path) belongs to this guest: qemu.log, and console.log and result.log, which may be links. The output
# of the guest's script also goes to stdout at once. After TIMEOUT seconds (0: never) the guest is killed. If DIR has a
# FIFO `control` that is open for writing, its contents are the input of the script's channel. With GUEST_AGAIN=yes the
# logs of the guest that DIR had before are continued.
start_guest() {
	local dir=$1 timeout=$2 reader input=''
	shift 2
	mkdir -p "$dir"
	rm -f "$dir"/{result,status}
	[ "${GUEST_AGAIN:-no}" = yes ] || tee "$dir/console.log" "$dir/result.log" "$dir/qemu.log" </dev/null
	mkfifo "$dir/result"
	[ ! -p "$dir/control" ] || input=,input-path=$dir/control
	start_group read_result "$dir"
	reader=$GROUP
	start_group timeout -k 3 "$timeout" "${QEMU[@]}" "${MACHINE[@]}" "${KERNEL_ARGS[@]}" \
		-chardev "file,id=console,path=$dir/console.log,append=on" -serial chardev:console \
		-chardev "file,id=result,path=$dir/result$input" -serial chardev:result \
		"$@" </dev/null >>"$dir/qemu.log" 2>&1
	echo "$GROUP $reader $timeout" >"$dir/running"
}

# read_result DIR: copies the result channel to stdout and result.log, and the status in its last line to `status`.
read_result() {
	local line
	while IFS= read -r line || [ -n "$line" ]; do
		case $line in
		*'epftest: exit '[0-9]*)
			printf '%s\n' "${line##*epftest: exit }" >"$1/status"
			printf '%s' "${line%epftest: exit *}"
			;;
		*) printf '%s\n' "$line" ;;
		esac
	done <"$1/result" > >(tee -a "$1/result.log")
	wait $!
}

# guest_shell DIR ARGUMENT...: runs QEMU with the console on the terminal; returns when QEMU ends.
guest_shell() {
	local dir=$1 qemu settings
	shift
	if settings=$(stty -g 2>/dev/null); then
		on_exit stty "$settings"
	fi
	# Not in a process group of its own: the terminal would stop it.
	"${QEMU[@]}" "${MACHINE[@]}" "${KERNEL_ARGS[@]}" \
		-chardev "stdio,id=console,mux=on,signal=off,logfile=$dir/console.log" \
		-serial chardev:console -mon chardev=console,mode=readline "$@" <&0 &
	qemu=$!
	on_exit end_process "$qemu"
	wait "$qemu"
}

end_process() { kill "$1" 2>/dev/null; }

# kill_guest DIR: kills its QEMU, as a fault does, and waits until it and its reader have ended.
kill_guest() {
	local dir=$1 group reader timeout
	read -r group reader timeout <"$dir/running"
	kill -KILL -- "-$group"
	wait_group "$group" || true
	# As in finish_guest
	: <>"$dir/result"
	wait_group "$reader" || true
	rm -f "$dir"/{result,running}
}

# finish_guest DIR: waits for the guest to end. Returns the status of its script. If there is none, prints the relevant
# lines of the console and the reason, and returns GUEST_TIMED_OUT or GUEST_FAILED.
finish_guest() {
	local dir=$1 group reader timeout qemu=0 why
	read -r group reader timeout <"$dir/running"
	wait_group "$group" || qemu=$?
	# If QEMU ended before it opened the channel, the reader still waits for a writer.
	: <>"$dir/result"
	wait_group "$reader" || true
	rm -f "$dir"/{result,running}
	if grep 'Kernel panic - ' "$dir/console.log" | grep -qv "$WANTED_PANIC"; then
		console_since_trouble "$dir"
		why=$(sed -n "/$WANTED_PANIC/d;s/.*Kernel panic - not syncing:\([^\r]*\).*/\1/p" "$dir/console.log" | head -n 1)
		guest_trouble "$dir" "the $GUEST_NAME's kernel panicked:$why"
		return "$GUEST_FAILED"
	elif [ "$timeout" != 0 ] && { [ "$qemu" -eq 124 ] || [ "$qemu" -eq 137 ]; }; then
		console_since_trouble "$dir"
		if [ -e "$dir/status" ]; then
			why="the script exited with $(cat "$dir/status"), but the $GUEST_NAME did not power off within $timeout s"
		else
			why="the $GUEST_NAME did not end within $timeout s and was killed"
		fi
		guest_trouble "$dir" "timeout: $why"
		return "$GUEST_TIMED_OUT"
	elif [ "$qemu" -ne 0 ]; then
		cat "$dir/qemu.log" >&2
		guest_trouble "$dir" "the $GUEST_NAME's QEMU exited with status $qemu"
		return "$GUEST_FAILED"
	elif [ ! -e "$dir/status" ]; then
		console_since_trouble "$dir"
		guest_trouble "$dir" "the $GUEST_NAME ended without a result"
		return "$GUEST_FAILED"
	fi
	return "$(cat "$dir/status")"
}

guest_trouble() { say "error: $2 (console: $(readlink -f "$1/console.log"))"; }

# CONSOLE_TROUBLE matches lines of a console that show a failure, CONSOLE_HARMLESS those of them that do not: a kernel
# without generic PCI domains, which is every x86 kernel, warns once that endpoint controllers have no domain number,
# and a script may want a panic.
CONSOLE_TROUBLE='BUG:|Oops|Kernel panic|general protection|Unable to handle|detected stall|self-detected'
CONSOLE_TROUBLE+='|blocked for more than|WARNING:'
WANTED_PANIC='Kernel panic - not syncing: sysrq triggered crash'
CONSOLE_HARMLESS="WARNING: .* at .*__pci_epc_create|$WANTED_PANIC"

# console_trouble DIR: prints the lines of its console that show a failure; fails if there are none.
console_trouble() { tr -d '\r' <"$1/console.log" | grep -E "$CONSOLE_TROUBLE" | grep -vE "$CONSOLE_HARMLESS"; }

# console_since_trouble DIR: prints the console's end, from the first line that shows a failure.
console_since_trouble() {
	tr -d '\r' <"$1/console.log" | awk -v pattern="$CONSOLE_TROUBLE" -v harmless="$CONSOLE_HARMLESS" '
		!trouble && $0 ~ harmless { skip = 1 }
		skip { if (/end trace/) skip = 0; next }
		$0 ~ pattern { trouble = 1 }
		trouble { if (++n <= 60) print; next }
		{ last[++m] = $0; delete last[m - 15] }
		END { if (!trouble) for (i = m - 14; i <= m; i++) if (i in last) print last[i] }' >&2
}

# new_run_dir: makes a directory for one run and prints its name; keeps those of the last 20 runs.
new_run_dir() {
	local runs=$CACHE_DIR/runs
	mkdir -p "$runs"
	find "$runs" -mindepth 1 -maxdepth 1 -printf '%T@ %p\n' | sort -rn | tail -n +20 | cut -d' ' -f2- |
		while IFS= read -r old; do rm -rf -- "$old"; done
	mktemp -d "$runs/$(date +%Y%m%d-%H%M%S).XXXX"
}
