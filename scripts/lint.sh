#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Checks the form of the sources: C# by dotnet format, shell by shellcheck.
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

cd "$REPO_ROOT"
need_tools shellcheck shellcheck
step "checking shell scripts" shellcheck -x scripts/*.sh scripts/lib/*.sh guest/* Bench/guest/*.sh docs/examples/*.sh .ci/run
step "checking C# format" dotnet format EpfTest.sln --verify-no-changes
