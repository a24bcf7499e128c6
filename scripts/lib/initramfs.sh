# SPDX-License-Identifier: MIT
# The guests' initramfs: a base image for each kernel, followed by a second archive with the files of one run.
# Sourced, never run.
# shellcheck shell=bash disable=SC2034 source-path=SCRIPTDIR
# shellcheck source=debian.sh
. "$REPO_ROOT/scripts/lib/debian.sh"

# Directory of a run's script and files in the guest
GUEST_DIR=/epftest

# base_initramfs: makes the base image for the kernel in KERNEL_DIR. Sets INITRAMFS.
base_initramfs() {
	find_busybox
	INITRAMFS=$CACHE_DIR/initramfs/$(hash_of "$(cat "$KERNEL_DIR/key")" "$(declare -f make_initramfs make_cpio)" \
		"$(hash_of_files "$REPO_ROOT/guest/init" "$BUSYBOX")").cpio
	if [ ! -e "$INITRAMFS" ]; then
		need_tools cpio cpio
		with_lock initramfs step "making the initramfs" make_initramfs
	fi
}

# find_busybox: sets BUSYBOX to the machine's, if it is static and has the applets that guest/init uses, else Debian's.
find_busybox() {
	BUSYBOX=$(command -v busybox) || BUSYBOX=
	if [ -n "$BUSYBOX" ] && ! ldd "$BUSYBOX" >/dev/null 2>&1 &&
		[ "$("$BUSYBOX" --list | grep -cxE 'cttyhack|ip|modprobe|poweroff|setsid|sh|stty')" -eq 7 ]; then
		return
	fi
	BUSYBOX=$CACHE_DIR/busybox/$(hash_of "$BUSYBOX_PINNED")/bin/busybox
	[ -e "$BUSYBOX" ] || with_lock apt fetch_busybox
}

fetch_busybox() {
	local version tmp
	[ ! -e "$BUSYBOX" ] || return 0
	use_package_lists
	version=$(choose_version busybox-static "$BUSYBOX_PINNED")
	tmp=$APT_DIR/busybox
	rm -rf "$tmp"
	step "downloading busybox $version" unpack_package busybox-static "$version" "$tmp"
	mkdir -p "${BUSYBOX%/*}"
	mv "$(find "$tmp" -name busybox -type f -perm -u+x | head -n 1)" "$BUSYBOX"
}

make_initramfs() {
	local root applet
	root=$(mktemp -d)
	# shellcheck disable=SC2064 # this directory
	trap "rm -rf '$root'" EXIT
	mkdir -p "$root"/{bin,dev,epftest,etc,proc,root,sbin,sys,tmp,usr/bin,usr/sbin}
	cp "$BUSYBOX" "$root/bin/busybox"
	for applet in $("$BUSYBOX" --list); do
		[ "$applet" = busybox ] || ln -s busybox "$root/bin/$applet"
	done
	# The kernel calls modprobe by this path.
	ln -s ../bin/busybox "$root/sbin/modprobe"
	install -m 755 "$REPO_ROOT/guest/init" "$root/init"
	cp -r "$KERNEL_DIR/modules/lib" "$root/lib"
	if [ -e "$KERNEL_DIR/pci_endpoint_test" ]; then
		cp "$KERNEL_DIR/pci_endpoint_test" "$root/usr/bin/"
	fi
	mkdir -p "${INITRAMFS%/*}"
	make_cpio "$root" >"$INITRAMFS.$BASHPID"
	mv "$INITRAMFS.$BASHPID" "$INITRAMFS"
}

# make_cpio DIR: prints an archive of it in which root owns everything. cpio pads it, so that another can follow. It is
# not compressed: a guest under TCG decompresses more slowly than it loads.
make_cpio() (cd "$1" && find . -mindepth 1 -print0 | LC_ALL=C sort -z | cpio --quiet -0 -o -H newc -R 0:0)

# run_initramfs OUT [--script FILE] [--add FILE[:DEST]]... [--module FILE]...: writes the base image and the additions:
#   --script   FILE at $GUEST_DIR/run, for epftest.run
#   --add      FILE (or a directory) at DEST, else in $GUEST_DIR; a program with its libraries
#   --module   a kernel module, where modprobe finds it
run_initramfs() {
	local out=$1 root
	shift
	root=$(mktemp -d)
	on_exit rm -rf "$root"
	while [ $# -gt 0 ]; do
		case $1 in
		--script) place_file "$root" "$2" "$GUEST_DIR/run" && chmod 755 "$root$GUEST_DIR/run" ;;
		--add) place_file "$root" "${2%%:*}" "$(destination "$2")" ;;
		--module) place_module "$root" "$2" ;;
		esac
		shift 2
	done
	if [ -d "$root/lib/modules" ]; then
		index_modules "$root"
	fi
	need_tools cpio cpio
	cp "$INITRAMFS" "$out"
	make_cpio "$root" >>"$out"
	rm -rf "$root"
}

# destination FILE[:DEST]
destination() {
	local file=${1%%:*} dest=
	case $1 in
	*:*) dest=${1#*:} ;;
	esac
	case $dest in
	/*) ;;
	*) dest=$GUEST_DIR/$dest ;;
	esac
	case $dest in
	*/) dest+=${file##*/} ;;
	esac
	printf '%s\n' "$dest"
}

# place_file ROOT FILE DEST
place_file() {
	local library
	[ -r "$2" ] || die "$2: cannot be read"
	mkdir -p "$1${3%/*}"
	cp -rLT --preserve=mode -- "$2" "$1$3"
	[ -f "$2" ] && [ -x "$2" ] || return 0
	for library in $(ldd -- "$2" 2>/dev/null | grep -oE '/[^ ]+' || true); do
		mkdir -p "$1${library%/*}"
		cp -L -- "$library" "$1$library"
	done
}

# place_module ROOT FILE
place_module() {
	local release magic
	release=$(cat "$KERNEL_DIR/release")
	magic=$(modinfo -F vermagic "$2" 2>/dev/null) || die "--module $2: not a readable kernel module"
	[ "${magic%% *}" = "$release" ] ||
		die "--module $2: built for ${magic%% *}, but the guest's kernel is $release
(build it with make -C $KERNEL_DIR/build)"
	mkdir -p "$1/lib/modules/$release/updates"
	cp -L -- "$2" "$1/lib/modules/$release/updates/"
}

# index_modules ROOT: makes modules.dep and its like, for the kernel's modules and ROOT's together.
index_modules() {
	local all release
	release=$(cat "$KERNEL_DIR/release")
	all=$(mktemp -d)
	on_exit rm -rf "$all"
	cp -r "$KERNEL_DIR/modules/lib" "$all/lib"
	cp -r "$1/lib/modules/$release/updates" "$all/lib/modules/$release/"
	depmod -b "$all" "$release"
	cp "$all/lib/modules/$release"/modules.* "$1/lib/modules/$release/"
	rm -rf "$all"
}
