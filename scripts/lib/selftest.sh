# SPDX-License-Identifier: MIT
# Reads the endpoint self-test's KTAP line by line: shows each case when it ends, explains skips by the abilities of the
# two kernels, counts, and writes JUnit XML. Sourced, never run.
# shellcheck shell=bash disable=SC2034 # used where this is sourced

CASE=          # the current case, as the self-test names it
CASE_TITLE=    # its name for a reader
CASE_START=0   # its start, in microseconds
CASE_NOTES=()  # the self-test's messages in it
CASES_PLANNED=0
CASES_PASSED=0
CASES_FAILED=0
CASES_SKIPPED=0
SKIPS_UNEXPLAINED=0
JUNIT_CASES=()

# selftest_line TIME LINE: handles a line; TIME is $EPOCHREALTIME at its arrival.
selftest_line() {
	local time=${1/[.,]/} line=$2
	if [[ $line =~ ^1\.\.([0-9]+) ]]; then
		CASES_PLANNED=${BASH_REMATCH[1]}
	elif [[ $line =~ ^#\ +RUN\ +([^ ]+) ]]; then
		CASE=${BASH_REMATCH[1]}
		CASE_TITLE=$(case_name "$CASE")
		CASE_START=$time
		CASE_NOTES=()
	elif [[ $line =~ ^(not\ )?ok\ [0-9]+\ ([^ #]+)(\ #\ (SKIP|XFAIL|XPASS)?\ ?(.*))? ]]; then
		case_ended "${BASH_REMATCH[1]}" "${BASH_REMATCH[2]}" "${BASH_REMATCH[4]}" "${BASH_REMATCH[5]}" "$time"
	elif [[ $line == '# '* ]] && ! [[ $line =~ ^#\ +(OK|FAIL|SKIP|Starting|PASSED:|FAILED:|Totals:)\ ? ]]; then
		CASE_NOTES+=("${line#\# }")
	elif [[ $line == 'Bail out!'* ]]; then
		CASE_NOTES+=("$line")
	fi
}

# case_name NAME: prints pci_ep_bar.BAR0.BAR_TEST as BAR_TEST (BAR0)
case_name() {
	local fixture=${1%.*}
	case $fixture in
	*.*) printf '%s (%s)\n' "${1##*.}" "${fixture##*.}" ;;
	*) printf '%s\n' "${1##*.}" ;;
	esac
}

# case_ended NOT NAME DIRECTIVE REASON TIME
case_ended() {
	local name=$2 reason=$4 spent why='' note
	[ "$name" = "$CASE" ] || CASE_START=$5
	spent=$((($5 - CASE_START) / 1000))
	CASE='' CASE_TITLE=''
	if [ -n "$1" ]; then
		CASES_FAILED=$((CASES_FAILED + 1))
		show_case FAIL "$name" "$spent"
		for note in "${CASE_NOTES[@]}"; do
			printf '         %s\n' "$note"
		done
		junit_case "$name" "$spent" failure "$(printf '%s\n' "${CASE_NOTES[@]}")"
	elif [ "$3" = SKIP ]; then
		CASES_SKIPPED=$((CASES_SKIPPED + 1))
		if why=$(explain_skip "$reason"); then
			show_case skip "$name" "$spent" "$reason: $why"
		else
			SKIPS_UNEXPLAINED=$((SKIPS_UNEXPLAINED + 1))
			show_case SKIP "$name" "$spent" "$reason: unexplained"
		fi
		junit_case "$name" "$spent" skipped "$reason${why:+: $why}"
	else
		CASES_PASSED=$((CASES_PASSED + 1))
		show_case ok "$name" "$spent" "${3:+$3 $reason}"
		junit_case "$name" "$spent"
	fi
}

# show_case WORD NAME MILLISECONDS [REMARK]
show_case() {
	printf '  %-4s  %-28s %4d.%d s%s\n' "$1" "$(case_name "$2")" $(($3 / 1000)) $(($3 % 1000 / 100)) "${4:+  $4}"
}

# case_abandoned TIME: counts the current case, if any, as failed.
case_abandoned() {
	[ -n "$CASE" ] || return 0
	case_ended not "$CASE" '' '' "${1/[.,]/}"
}

# explain_skip REASON: prints what in the kernels or in the guests' set-up makes the self-test skip a case, or fails.
# Uses EP_KERNEL_DIR, HOST_KERNEL_DIR, HOST_SMP and MAP_BARS.
explain_skip() {
	local function=drivers/pci/endpoint/functions/pci-epf-test.c
	case $1 in
	'BAR is test register space')
		echo "the self-test skips this BAR by design"
		;;
	'Subrange map is not supported' | 'Doorbell test is not supported')
		if [ "$MAP_BARS" = yes ]; then
			echo "BARs that the host's QEMU has mapped cannot be remapped (--map-bars)"
			return
		fi
		;;&
	'Subrange map is not supported')
		kernel_lacks "$EP_KERNEL_DIR" "$function" CAP_SUBRANGE_MAPPING &&
			echo "pci-epf-test of the EP guest's kernel $(cat "$EP_KERNEL_DIR/release") does not support it"
		;;
	'Doorbell test is not supported')
		kernel_lacks "$EP_KERNEL_DIR" "$function" CAP_DYNAMIC_INBOUND_MAPPING &&
			echo "pci-epf-test of the EP guest's kernel $(cat "$EP_KERNEL_DIR/release") does not support it"
		;;
	'MSI'[1-9]*' is disabled')
		! grep -qx 'CONFIG_IRQ_REMAP=y' "$HOST_KERNEL_DIR/config" &&
			echo "the host guest's kernel has no interrupt remapping (CONFIG_IRQ_REMAP), so it has one MSI vector"
		;;
	'MSI-X'[1-9]*' is disabled')
		[ $((HOST_SMP * VECTORS_PER_CPU)) -lt 2048 ] &&
			echo "the host guest has $HOST_SMP processors, with about $VECTORS_PER_CPU vectors each"
		;;
	*) return 1 ;;
	esac
}

# Interrupt vectors that x86 leaves for devices, of a processor's 256
VECTORS_PER_CPU=200

# kernel_lacks KERNEL_DIR FILE WORD: succeeds if FILE in the kernel's source does not contain WORD.
kernel_lacks() { ! grep -qw -- "$3" "$1/build/source/$2"; }

# selftest_counts: prints the last line of a run.
selftest_counts() {
	printf '%d passed, %d failed, %d skipped\n' "$CASES_PASSED" "$CASES_FAILED" "$CASES_SKIPPED"
}

# junit_case NAME MILLISECONDS [failure|skipped TEXT]
junit_case() {
	local name suite
	name=$(xml_text "${1##*.}")
	suite=$(xml_text "${1%.*}")
	printf -v name '    <testcase classname="%s" name="%s" time="%d.%03d"' "$suite" "$name" $(($2 / 1000)) $(($2 % 1000))
	if [ $# -gt 2 ]; then
		JUNIT_CASES+=("$name><$3 message=\"$(xml_text "${4//$'\n'/; }")\"/></testcase>")
	else
		JUNIT_CASES+=("$name/>")
	fi
}

# write_junit FILE [ERROR]: ERROR is the reason if the run was cut short.
write_junit() {
	{
		echo '<?xml version="1.0" encoding="UTF-8"?>'
		echo '<testsuites>'
		printf '  <testsuite name="pci_endpoint" tests="%d" failures="%d" skipped="%d" errors="%d">\n' \
			$((CASES_PASSED + CASES_FAILED + CASES_SKIPPED)) "$CASES_FAILED" "$CASES_SKIPPED" "${2:+1}"
		[ ${#JUNIT_CASES[@]} -eq 0 ] || printf '%s\n' "${JUNIT_CASES[@]}"
		[ -z "${2:-}" ] || printf '    <system-err>%s</system-err>\n' "$(xml_text "$2")"
		echo '  </testsuite>'
		echo '</testsuites>'
	} >"$1"
}

# xml_text TEXT: prints it escaped, without the characters that XML does not allow.
xml_text() {
	printf '%s' "$1" | tr -d '\000-\010\013\014\016-\037' |
		sed 's/&/\&amp;/g; s/</\&lt;/g; s/>/\&gt;/g; s/"/\&quot;/g'
}
