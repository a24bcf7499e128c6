# SPDX-License-Identifier: MIT
# Downloads Debian packages of newer suites into a private apt state and unpacks them, without installing them. The
# mirror is that of the machine's own apt. Callers hold the lock `apt`. Sourced, never run.
# shellcheck shell=bash source-path=SCRIPTDIR
# shellcheck source=../../qemu-configs/versions.env
. "$CONFIG_DIR/versions.env"

APT_DIR=$CACHE_DIR/apt
DEBIAN_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# mirror_of_apt: prints the URI of the Debian mirror that this machine's apt uses, or nothing.
mirror_of_apt() {
	# shellcheck disable=SC2016 # apt's own variable
	apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 2>/dev/null |
		head -n 1
}

# debian_mirror: prints that URI, or exits.
debian_mirror() {
	local mirror
	mirror=$(mirror_of_apt)
	if [ -z "$mirror" ] && [ "$(id -u)" -eq 0 ]; then
		apt-get update >&2
		mirror=$(mirror_of_apt)
	fi
	[ -n "$mirror" ] || die "apt knows no Debian mirror on this machine. Run: sudo apt-get update"
	printf '%s\n' "$mirror"
}

private_apt() { APT_CONFIG=$APT_DIR/apt.conf "$@"; }

refresh_package_lists() {
	local mirror suite
	mirror=$(debian_mirror)
	mkdir -p "$APT_DIR"/{state/lists/partial,cache/archives/partial}
	: >"$APT_DIR/state/status" # nothing counts as installed, so apt fetches every library
	for suite in $DEBIAN_SUITES; do
		echo "deb [signed-by=$DEBIAN_KEYRING] $mirror $suite main"
	done >"$APT_DIR/sources.list"
	cat >"$APT_DIR/apt.conf" <<-CONF
		Dir::State "$APT_DIR/state";
		Dir::State::status "$APT_DIR/state/status";
		Dir::Cache "$APT_DIR/cache";
		Dir::Etc::SourceList "$APT_DIR/sources.list";
		Dir::Etc::SourceParts "-";
		Dir::Etc::PreferencesParts "-";
		APT::Sandbox::User "";
		APT::Install-Recommends "false";
		APT::Get::List-Cleanup "true";
		Acquire::Languages "none";
		Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
		Acquire::Retries "3";
	CONF
	private_apt apt-get update
	touch "$APT_DIR/fresh"
}

# use_package_lists: fetches package lists that are older than an hour, because a mirror drops superseded versions.
use_package_lists() {
	[ -z "$(find "$APT_DIR/fresh" -mmin -60 2>/dev/null)" ] || return 0
	command -v apt-get >/dev/null ||
		die "this machine has no apt to fetch Debian's packages: give --qemu PATH and --kernel-src DIR"
	[ -r "$DEBIAN_KEYRING" ] || install_packages debian-archive-keyring
	step "reading Debian's package lists" refresh_package_lists
}

# package_versions PACKAGE: prints the versions in the suites, newest first.
package_versions() { private_apt apt-cache madison "$1" | awk -F' *[|] *' '{ print $2 }'; }

# choose_version PACKAGE PINNED: prints PINNED if the suites have it, else the newest version, with a message.
choose_version() {
	local versions
	versions=$(package_versions "$1")
	[ -n "$versions" ] || die "Debian's $DEBIAN_SUITES have no package $1"
	if [ -n "$2" ] && grep -qxF -- "$2" <<<"$versions"; then
		printf '%s\n' "$2"
		return
	fi
	head -n 1 <<<"$versions"
	if [ -n "$2" ]; then
		say "$1 $2, pinned in qemu-configs/versions.env, is not in Debian any more: using $(head -n 1 <<<"$versions")"
	else
		say "$1 has no pinned version in qemu-configs/versions.env: using $(head -n 1 <<<"$versions")"
	fi
}

# unpack_package PACKAGE VERSION DIR: unpacks this package alone.
unpack_package() {
	local tmp
	tmp=$(mktemp -d "$APT_DIR/download.XXXXXX")
	(cd "$tmp" && private_apt apt-get download "$1=$2")
	mkdir -p "$3"
	dpkg-deb -x "$tmp"/*.deb "$3"
	rm -rf "$tmp"
}

# unpack_with_dependencies PACKAGE VERSION DIR: unpacks it with every library, down to the loader.
unpack_with_dependencies() {
	local deb
	private_apt apt-get clean
	private_apt apt-get install -y --download-only "$1=$2" -t "${DEBIAN_SUITES##* }"
	mkdir -p "$3"
	for deb in "$APT_DIR"/cache/archives/*.deb; do
		dpkg-deb -x "$deb" "$3"
	done
	private_apt apt-get clean
}
