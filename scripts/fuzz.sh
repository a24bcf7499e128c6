#!/usr/bin/env bash
# SPDX-License-Identifier: MIT
# Fuzzes the servers of all sockets and the TLP codec. --help has all options.
set -euo pipefail
# shellcheck source-path=SCRIPTDIR source=lib/common.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib/common.sh"
# shellcheck source-path=SCRIPTDIR source=lib/dotnet.sh
. "$REPO_ROOT/scripts/lib/dotnet.sh"

# libfuzzer_archive: prints the path of libFuzzer as a library without a main function; of several, the newest.
libfuzzer_archive() {
	find /usr/lib/llvm-*/lib/clang /usr/lib/clang -name "libclang_rt.fuzzer_no_main*$(uname -m).a" 2>/dev/null |
		sort -V | tail -n 1
}

need_tools g++ g++ setpriv util-linux
[ -n "$(libfuzzer_archive)" ] || install_packages libclang-rt-dev
[ -n "$(libfuzzer_archive)" ] ||
	die "libFuzzer is not in clang's folder: no libclang_rt.fuzzer_no_main*.a below /usr/lib/llvm-*"
case " $* " in
*' --no-build '*) [ -x "$(program Fuzz)" ] || die "Fuzz is not built: leave --no-build out" ;;
*)
	need_dotnet
	step "building Fuzz" dotnet build "$REPO_ROOT/Fuzz" -c "$CONFIGURATION" --nologo -v quiet
	;;
esac
mkdir -p "$CACHE_DIR/fuzz"
driver=$(mktemp -d)
on_exit rm -rf "$driver"
g++ -x c -O2 -Wall -Wextra -shared -fPIC -o "$driver/driver.so" "$REPO_ROOT/Fuzz/libfuzzer/driver.c" \
	-x none "$(libfuzzer_archive)" -lpthread -ldl -lm
start_group "$(program Fuzz)" --driver "$driver/driver.so" --corpus "$REPO_ROOT/Fuzz/corpus" \
	--cache "$CACHE_DIR/fuzz" "$@"
wait_group "$GROUP"
