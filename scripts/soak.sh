#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Keeps one pair of guests busy, while links, processes and guests fail and come back. --help has all options.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/dotnet.sh
. "$REPO_ROOT/scripts/lib/dotnet.sh"

run_epftest soak "$@"
