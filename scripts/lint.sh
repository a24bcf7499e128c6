#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Checks the form of the sources: line length, shell by shellcheck, C# by dotnet format.
#
# Usage: scripts/lint.sh [--help]
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"

case ${1-} in
--help) print_help && exit ;;
'') ;;
*) usage_error "$1: unknown option" ;;
esac

MAX_COLUMNS=120

# check_line_length: prints the lines of C#, shell and documents that are too long, and fails if there are any. A row of
# a table in a document is one line, however long.
check_line_length() {
	local found
	found=$(find . \( -name bin -o -name obj -o -name .git \) -prune -o -type f \
		\( -name '*.cs' -o -name '*.sh' -o -name '*.md' -o -path './guest/*' -o -path './scenarios/*' \
		-o -path './.ci/*' \) -print0 | sort -z |
		xargs -0 awk -v limit="$MAX_COLUMNS" 'length > limit && !(FILENAME ~ /\.md$/ && /^\|/) {
			printf "%s:%d: %d columns, more than %d\n", FILENAME, FNR, length, limit }')
	[ -z "$found" ] || {
		printf '%s\n' "$found"
		return 1
	}
}

cd "$REPO_ROOT"
need_tools shellcheck shellcheck
step "checking line length" check_line_length
mapfile -t scenario_scripts < <(grep -rlE '^#!/bin/(ba)?sh' scenarios)
step "checking shell scripts" \
	shellcheck -x scripts/*.sh scripts/lib/*.sh guest/* "${scenario_scripts[@]}" Bench/guest/*.sh .ci/run
step "checking C# format" dotnet format EpfTest.sln --verify-no-changes
