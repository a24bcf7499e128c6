# SPDX-License-Identifier: MIT
# Builds the guests' kernel, its modules and the endpoint self-test from one source. Sourced, never run.
# shellcheck shell=bash disable=SC2034 source-path=SCRIPTDIR # used where this is sourced
# shellcheck source=debian.sh
. "$REPO_ROOT/scripts/lib/debian.sh"

KERNEL_FRAGMENT=$CONFIG_DIR/guest-kernel.config
# Raised when the same source and fragment have to be built again.
KERNEL_RECIPE=1

# build_kernel SERIES|DIR|FILE [FRAGMENT]...: builds a kernel from Debian's linux-source-SERIES, or from the source tree
# DIR (a name with a slash), configured by qemu-configs/guest-kernel.config and then each FRAGMENT; or takes the kernel
# FILE, which is built already. Sets KERNEL_DIR, with
#   bzImage, config, release, modules/lib/modules/RELEASE/...
#   key                 a hash of bzImage and modules
#   pci_endpoint_test   the self-test, static (not with kernels before 6.13, nor with a FILE)
#   build/              for out-of-tree modules: make -C $KERNEL_DIR/build M=... (with a FILE: if its modules have it)
build_kernel() {
	local what=$1
	shift
	KERNEL_FRAGMENTS=("$KERNEL_FRAGMENT" "$@")
	if [ -f "$what" ]; then
		take_kernel_image "$what"
		return
	fi
	case $what in
	*/*) build_kernel_from_tree "$what" ;;
	*) build_kernel_from_debian "$what" ;;
	esac
}

need_kernel_tools() {
	need_tools gcc gcc make make flex flex bison bison bc bc perl perl xz xz-utils depmod kmod
	need_headers stdio.h libc6-dev gelf.h libelf-dev
}

# --- Debian's source: built once for each version of package, fragments and compiler

build_kernel_from_debian() {
	local series=$1 pin
	pin=KERNEL_PINNED_${series//[!0-9]/_}
	pin=${!pin:-}
	need_tools cc gcc
	KERNEL_DIR=$CACHE_DIR/kernel/$series-$(hash_of "$KERNEL_RECIPE" "$pin" "$(cat "${KERNEL_FRAGMENTS[@]}")" \
		"$(cc --version | head -n 1)")
	if [ ! -e "$KERNEL_DIR/ready" ]; then
		need_kernel_tools
		with_lock "kernel-$series" make_debian_kernel "$series" "$pin"
	fi
}

make_debian_kernel() {
	local series=$1 pin=$2
	[ ! -e "$KERNEL_DIR/ready" ] || return 0
	with_lock apt fetch_kernel_source "$series" "$pin"
	make_kernel "$KERNEL_SOURCE"
	touch "$KERNEL_DIR/ready"
}

# source_dir VERSION: prints a path without those characters of Debian's versions that make rejects.
source_dir() { printf '%s/source/linux-%s\n' "$CACHE_DIR" "${1//[!0-9a-z.]/-}"; }

# fetch_kernel_source SERIES PIN: sets KERNEL_SOURCE. The source is kept, for building out-of-tree modules.
fetch_kernel_source() {
	local series=$1 pin=$2 version tmp
	KERNEL_SOURCE=$(source_dir "${pin:-none}")
	[ ! -e "$KERNEL_SOURCE" ] || return 0
	use_package_lists
	version=$(choose_version "linux-source-$series" "$pin")
	KERNEL_SOURCE=$(source_dir "$version")
	[ ! -e "$KERNEL_SOURCE" ] || return 0
	mkdir -p "$CACHE_DIR/source"
	tmp=$(mktemp -d "$CACHE_DIR/source/unpack.XXXXXX")
	on_exit rm -rf "$tmp"
	step "downloading linux-source-$series $version" \
		unpack_package "linux-source-$series" "$version" "$tmp"
	step "unpacking it" unpack_kernel_source "$tmp" "$series"
	mv "$tmp/linux-source-$series" "$KERNEL_SOURCE"
	rm -rf "$tmp"
}

# unpack_kernel_source DIR SERIES: leaves out documentation and other architectures' code, to save time. Kconfig files
# stay, since they name each other.
unpack_kernel_source() {
	xz -dcT0 "$1/usr/src/linux-source-$2.tar.xz" |
		tar -x -C "$1" --wildcards --exclude='*/arch/[!x]*/*.[chS]' --exclude='*.dts*' \
			--exclude='*/Documentation/*.rst' --exclude='*/Documentation/*.yaml'
}

# --- A developer's own tree: built incrementally each time, outside the tree

build_kernel_from_tree() {
	local source
	source=$(realpath -e -- "$1" 2>/dev/null) || die "--kernel-src $1: no such directory"
	if ! [ -e "$source/Kbuild" ] || ! [ -e "$source/arch/x86/Kconfig" ]; then
		die "--kernel-src $1: not a Linux source tree"
	fi
	KERNEL_DIR=$CACHE_DIR/kernel/tree-$(hash_of "$source" "${KERNEL_FRAGMENTS[@]}")
	if [ "$PREPARE" = no ] && [ -e "$KERNEL_DIR/key" ]; then
		return
	fi
	need_kernel_tools
	with_lock "${KERNEL_DIR##*/}" make_kernel_from_tree "$source"
}

# make_kernel_from_tree SOURCE: the kernel's make refuses to build outside a tree that was built in. Then a copy of its
# sources, as they are now, is built; the tree is left as it is.
make_kernel_from_tree() {
	local source=$1
	if [ -e "$source/.config" ] || [ -d "$source/include/config" ] ||
		[ -d "$source/arch/x86/include/generated" ]; then
		need_tools git git
		mkdir -p "$KERNEL_DIR"
		step "copying the sources of $source, which was built in" copy_sources "$source" "$KERNEL_DIR/source"
		source=$KERNEL_DIR/source
	fi
	make_kernel "$source"
}

# copy_sources SOURCE COPY: copies what has changed of all files that git has or would add, so nothing that was built.
# A tree that is not git's has .gitignore files, too.
copy_sources() {
	local git=(git -c safe.directory='*' -C "$1")
	mkdir -p "$2"
	if ! [ -e "$1/.git" ]; then
		git init -q --bare "$2.git"
		git+=(--git-dir="$2.git" --work-tree=.)
	fi
	"${git[@]}" ls-files -co --exclude-standard | grep -vxF -f <("${git[@]}" ls-files -d) | LC_ALL=C sort >"$2.files"
	(cd "$1" && tr '\n' '\0' <"$2.files" | xargs -0 cp -dpu --parents -t "$2")
	(cd "$2" && find . ! -type d -printf '%P\n' | LC_ALL=C sort | LC_ALL=C comm -23 - "$2.files" | tr '\n' '\0' |
		xargs -0 -r rm --)
}

# --- A kernel that is built already

# Where the modules are of which an image is taken; and what they need, and what was installed beside them
IMAGE_MODULES='kernel/(drivers/(pci|ntb|nvme|virtio|dma|net/ntb_netdev|block/(null_blk|virtio_blk)|firmware/qemu_fw_cfg'
IMAGE_MODULES+='|misc/pci_endpoint_test|vfio)|fs/(configfs|9p|overlayfs)|net/9p|arch/x86/kvm)|updates|extra'

# take_kernel_image FILE: uses KERNEL_MODULES, or looks for the modules where distributions keep them.
take_kernel_image() {
	local image release modules=${KERNEL_MODULES:-} place
	image=$(realpath -e -- "$1")
	release=$(image_release "$image") || die "--kernel-image $1: not a bzImage, the form of a kernel that x86 boots"
	for place in "${image%/*}" "${image%/*/*}"/{usr/,}lib/modules/"$release" "/lib/modules/$release"; do
		[ -n "$modules" ] || [ "${place##*/}" != "$release" ] || ! [ -d "$place/kernel" ] || modules=$place
	done
	[ -d "$modules/kernel" ] ||
		die "--kernel-image $1: the modules of kernel $release were not found: give --kernel-modules DIR, which has kernel/"
	modules=$(realpath -- "$modules")
	KERNEL_DIR=$CACHE_DIR/kernel/image-$(hash_of "$IMAGE_MODULES" "$(stat -c '%n %s %Y' -- "$image" "$modules"{,/*})")
	[ -e "$KERNEL_DIR/key" ] || with_lock "${KERNEL_DIR##*/}" \
		step "taking kernel $release and its modules" collect_image "$image" "$release" "$modules"
}

# image_release FILE: prints the release in a bzImage's header (Documentation/arch/x86/boot.rst), or fails.
image_release() {
	local offset
	[ "$(bytes_of "$1" 514 4)" = HdrS ] || return 1
	offset=$(od -An -tu2 -j526 -N2 -- "$1")
	bytes_of "$1" $((offset + 512)) 256 | cut -d' ' -f1
}

# bytes_of FILE OFFSET COUNT: prints them as text.
bytes_of() { dd if="$1" bs=1 skip="$2" count="$3" status=none | tr '\0' ' '; }

# collect_image IMAGE RELEASE MODULES: fills KERNEL_DIR. A distribution has more modules than fit into a guest.
collect_image() {
	local image=$1 release=$2 modules=$3 to=$KERNEL_DIR/modules/lib/modules/$2 config
	need_tools depmod kmod xz xz-utils zstd zstd
	rm -rf "$KERNEL_DIR"
	mkdir -p "$to"
	cp -L "$image" "$KERNEL_DIR/bzImage"
	echo "$release" >"$KERNEL_DIR/release"
	for config in "$modules/config" "${image%/*}/config-$release" "$modules/build/.config" /dev/null; do
		[ -e "$KERNEL_DIR/config" ] || ! [ -r "$config" ] || cp "$config" "$KERNEL_DIR/config"
	done
	[ ! -d "$modules/build" ] || ln -s "$(realpath "$modules/build")" "$KERNEL_DIR/build"
	(cd "$modules" && find . ! -type d ! -type l -printf '%P\n' | tr '\n' '\0' | xargs -0 cp -p --parents -t "$to")
	depmod -b "$KERNEL_DIR/modules" "$release"
	awk -F ': *' -v wanted="^($IMAGE_MODULES)[/.]" '
		{ needs[$1] = $2 }
		$1 ~ wanted { print $1; if ($2) { gsub(" ", "\n", $2); print $2 } }' "$to/modules.dep" | LC_ALL=C sort -u >"$to/keep"
	(cd "$to" && find . -name '*.ko*' -printf '%P\n' | LC_ALL=C sort | LC_ALL=C comm -23 - keep | tr '\n' '\0' |
		xargs -0 -r rm)
	find "$to" -name '*.ko.xz' -exec xz -d {} + -o -name '*.ko.zst' -exec zstd -q -d --rm {} + -o -name '*.ko.gz' \
		-exec gzip -d {} +
	depmod -b "$KERNEL_DIR/modules" "$release"
	rm -f "$to/keep" "$to/vmlinuz" "$to/System.map"
	write_kernel_key
}

# debian_kernel_image: unpacks Debian's own kernel for 64-bit PCs. Sets KERNEL_IMAGE to its file.
debian_kernel_image() {
	local dir=$CACHE_DIR/debian-kernel
	[ -e "$dir/ready" ] || with_lock apt fetch_debian_image "$dir"
	KERNEL_IMAGE=$(find "$dir" -name 'vmlinuz*' -type f)
}

fetch_debian_image() {
	local version image package pin=KERNEL_PINNED_${KERNEL_SERIES%% *}
	pin=${pin//./_}
	[ ! -e "$1/ready" ] || return 0
	use_package_lists
	version=$(choose_version linux-image-amd64 "${!pin:-}")
	rm -rf "$1"
	image=$(package_needs linux-image-amd64 "$version" image)
	for package in "$image" $(package_needs "$image" "$version" 'base|binary|modules'); do
		step "downloading $package" unpack_package "$package" "$version" "$1"
	done
	touch "$1/ready"
}

# package_needs PACKAGE VERSION KINDS: prints the packages linux-KIND-... on which it depends.
package_needs() {
	private_apt apt-cache show "$1=$2" | sed -n 's/^Depends: //p' | grep -oE "linux-($3)-[0-9][^ ,]*" | sort -u || true
}

# --- Common

kernel_make() { make -C "$KERNEL_SOURCE" O="$KERNEL_DIR/build" -j "$JOBS" "$@"; }

# make_kernel SOURCE: fills KERNEL_DIR.
make_kernel() {
	KERNEL_SOURCE=$1
	local name
	name="kernel $(make -s -C "$KERNEL_SOURCE" kernelversion)"
	mkdir -p "$KERNEL_DIR/build"
	step "configuring $name" configure_kernel
	check_kernel_config "$name"
	STEP_COUNT='^  (CC|AS|HOSTCC|LD|AR) :objects' step "building $name" kernel_make bzImage modules headers
	step "installing its modules and self-test" collect_kernel
	if [ ! -e "$KERNEL_DIR/pci_endpoint_test" ]; then
		say "$name has no endpoint self-test (6.13 and later have)"
	fi
}

# configure_kernel: starts over if the fragments changed, else follows changes in the source's Kconfig files. Either way
# make rebuilds only what depends on a changed option.
configure_kernel() {
	local config=$KERNEL_DIR/build/.config fragments
	fragments=$(hash_of_files "${KERNEL_FRAGMENTS[@]}")
	if [ "$(cat "$config.fragments" 2>/dev/null)" != "$fragments" ]; then
		kernel_make tinyconfig
		cat "${KERNEL_FRAGMENTS[@]}" >>"$config"
	fi
	kernel_make olddefconfig
	echo "$fragments" >"$config.fragments"
}

# check_kernel_config NAME: every requested option has to have taken effect, or to be unknown to this kernel.
check_kernel_config() {
	local line symbol unknown=() missed=()
	while IFS= read -r line; do
		symbol=${line%%=*}
		symbol=${symbol#CONFIG_}
		if grep -rqE --include='Kconfig*' "^[[:space:]]*(menu)?config $symbol\$" "$KERNEL_SOURCE"; then
			missed+=("$line")
		else
			unknown+=("$symbol")
		fi
	done < <(wanted_options | grep -vxF -f "$KERNEL_DIR/build/.config" | drop_absent)
	[ ${#unknown[@]} -eq 0 ] || say "$1 does not know these options, which are ignored: ${unknown[*]}"
	if [ ${#missed[@]} -gt 0 ]; then
		say "error: these options of the kernel fragment did not take effect with $1 (a dependency is missing, or"
		say "another option selects it; see 'make menuconfig', then /):"
		printf '    %s\n' "${missed[@]}" >&2
		exit 1
	fi
}

# wanted_options: prints one line for each symbol in the fragments: the last setting.
wanted_options() {
	cat "${KERNEL_FRAGMENTS[@]}" | awk '
		/^CONFIG_[A-Za-z0-9_]+=/ { split($0, part, "="); wanted[part[1]] = $0 }
		/^# CONFIG_[A-Za-z0-9_]+ is not set$/ { wanted[$2] = $2 "=n" }
		END { for (symbol in wanted) print wanted[symbol] }'
}

# drop_absent: drops options that are off because .config does not mention them.
drop_absent() {
	local line
	while IFS= read -r line; do
		case $line in
		*=n) ! grep -q "^${line%=n}=" "$KERNEL_DIR/build/.config" || printf '%s\n' "$line" ;;
		*) printf '%s\n' "$line" ;;
		esac
	done
}

collect_kernel() {
	local modules=$KERNEL_DIR/modules
	rm -f "$KERNEL_DIR/key"
	cp "$KERNEL_DIR/build/arch/x86/boot/bzImage" "$KERNEL_DIR/build/.config" "$KERNEL_DIR/"
	mv "$KERNEL_DIR/.config" "$KERNEL_DIR/config"
	kernel_make -s kernelrelease >"$KERNEL_DIR/release"
	rm -rf "$modules"
	kernel_make modules_install INSTALL_MOD_PATH="$modules" INSTALL_MOD_STRIP=1
	rm -f "$modules"/lib/modules/*/{build,source}
	build_selftest
	write_kernel_key
}

write_kernel_key() {
	find "$KERNEL_DIR/modules" -type f -name '*.ko' -print0 | sort -z | xargs -0 cat -- "$KERNEL_DIR/bzImage" |
		sha256sum | cut -c1-16 >"$KERNEL_DIR/key"
}

build_selftest() {
	local tests=$KERNEL_SOURCE/tools/testing/selftests out=$KERNEL_DIR/build/selftest
	rm -f "$KERNEL_DIR/pci_endpoint_test"
	[ -e "$tests/pci_endpoint/pci_endpoint_test.c" ] || return 0
	mkdir -p "$out"
	make -C "$tests/pci_endpoint" OUTPUT="$out" LDFLAGS=-static KHDR_INCLUDES="-isystem $KERNEL_DIR/build/usr/include"
	cp "$out/pci_endpoint_test" "$KERNEL_DIR/"
}
