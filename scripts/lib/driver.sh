# SPDX-License-Identifier: MIT
# Builds driver/ for a guest's kernel. Sourced, never run.
# shellcheck shell=bash disable=SC2034 # used where this is sourced

DRIVER_SOURCE=$REPO_ROOT/driver

# build_driver: for the kernel in KERNEL_DIR; once for each state of the sources. Sets DRIVER_MODULE.
build_driver() {
	local sources
	mapfile -t sources < <(cd "$DRIVER_SOURCE" && printf '%s\n' Kbuild Makefile *.[ch] | grep -v '\.mod\.c$')
	DRIVER_MODULE=$CACHE_DIR/driver/$(hash_of "$KERNEL_DIR" "$(cat "$KERNEL_DIR/key")" "${sources[@]}" \
		"$(cd "$DRIVER_SOURCE" && sha256sum "${sources[@]}")")/pcie-qemu-ep.ko
	[ -e "$DRIVER_MODULE" ] || with_lock driver make_driver "${sources[@]}"
}

# make_driver SOURCE...: in a copy, so that driver/ stays clean and two kernels can have a build each.
make_driver() {
	local dir=${DRIVER_MODULE%/*}
	[ ! -e "$DRIVER_MODULE" ] || return 0
	need_kernel_tools
	rm -rf "$dir.build"
	mkdir -p "$dir.build" "$dir"
	(cd "$DRIVER_SOURCE" && cp -- "$@" "$dir.build")
	step "building the driver for kernel $(cat "$KERNEL_DIR/release")" \
		make -C "$KERNEL_DIR/build" M="$dir.build" -j "$JOBS" modules
	mv "$dir.build/pcie-qemu-ep.ko" "$DRIVER_MODULE"
	rm -rf "$dir.build"
}
