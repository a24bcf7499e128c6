#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Measures how fast everything is, each figure beside a raw reference that does the minimum with the same result: C
# programs in Bench/reference, on the same cores, in the same minute. Prints a table; docs/performance.md explains it.
# With "flamegraph" it takes samples of both processes meanwhile. --help has all options.
#
# Exits with 0 if every row meets its goal, else 1: the last lines name those that do not; 2 if something could not be
# measured. Other load on the machine moves figures more than ratios, but both.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/dotnet.sh
. "$REPO_ROOT/scripts/lib/dotnet.sh"

need_tools cc gcc taskset util-linux
[ "${1:-}" != flamegraph ] || need_tools perf linux-perf
need_headers stdio.h libc6-dev
build_solution
dir=$(mktemp -d)
on_exit rm -rf "$dir"
cc -O2 -Wall -Wextra -o "$dir/responder" "$REPO_ROOT/Bench/reference/responder.c"
cc -O2 -Wall -Wextra -shared -fPIC -pthread -o "$dir/libclient.so" "$REPO_ROOT/Bench/reference/client.c"
cc -O2 -Wall -Wextra -static -o "$dir/bar-read" "$REPO_ROOT/Bench/guest/bar-read.c"
mkdir -p "$dir/sockets" "$CACHE_DIR"

say "load before: $(cut -d' ' -f1-3 /proc/loadavg)"
verb=measure status=0
case ${1:-} in measure | flamegraph) verb=$1 && shift ;; esac
start_group "$(program Bench)" "$verb" --repository "$REPO_ROOT" --reference "$dir" --sockets "$dir/sockets" \
	--cache "$CACHE_DIR" "$@"
wait_group "$GROUP" || status=$?
say "load after: $(cut -d' ' -f1-3 /proc/loadavg)"
exit "$status"
