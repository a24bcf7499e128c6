# SPDX-License-Identifier: MIT
# Builds our kernel modules for a guest's kernel. Sourced, never run.
# shellcheck shell=bash disable=SC2034 # used where this is sourced

# build_driver: builds driver/ for the kernel in KERNEL_DIR. Sets DRIVER_MODULE.
build_driver() {
	build_module "$REPO_ROOT/driver" pcie-qemu-ep
	DRIVER_MODULE=$MODULE
}

# build_module DIR NAME: builds it for the kernel in KERNEL_DIR, once for each state of the sources. Sets MODULE to
# NAME.ko.
build_module() {
	local sources
	mapfile -t sources < <(cd "$1" && find . -maxdepth 1 \( -name 'Kbuild' -o -name 'Makefile' -o -name '*.[ch]' \) \
		! -name '*.mod.c' | LC_ALL=C sort)
	MODULE=$CACHE_DIR/driver/$(hash_of "$KERNEL_DIR" "$(cat "$KERNEL_DIR/key")" "${sources[@]}" \
		"$(cd "$1" && sha256sum "${sources[@]}")")/$2.ko
	[ -e "$MODULE" ] || with_lock driver make_module "$1" "${sources[@]}"
}

# make_module DIR SOURCE...: builds in a copy, so that DIR stays clean and each kernel has a build of its own.
make_module() {
	local from=$1 dir=${MODULE%/*}
	shift
	[ ! -e "$MODULE" ] || return 0
	need_kernel_tools
	rm -rf "$dir.build"
	mkdir -p "$dir.build" "$dir"
	(cd "$from" && cp -- "$@" "$dir.build")
	step "building ${MODULE##*/} for kernel $(cat "$KERNEL_DIR/release")" \
		make -C "$KERNEL_DIR/build" M="$dir.build" -j "$JOBS" modules
	mv "$dir.build/${MODULE##*/}" "$MODULE"
	rm -rf "$dir.build"
}
