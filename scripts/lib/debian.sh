# SPDX-License-Identifier: MIT
# Debian packages of newer suites, downloaded into a private apt state and unpacked, never installed.
# The mirror is the one that the machine's own apt is configured with. Sourced, never run.

APT_DIR=$CACHE_DIR/apt
DEBIAN_KEYRING=/usr/share/keyrings/debian-archive-keyring.gpg

# Prints the URI of the Debian mirror that this machine's apt uses.
debian_mirror() {
	local uris
	uris=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 2>/dev/null)
	if [ -z "$uris" ] && [ "$(id -u)" -eq 0 ]; then
		apt-get update >&2
		uris=$(apt-get indextargets --format '$(REPO_URI)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 2>/dev/null)
	fi
	[ -n "$uris" ] || die "apt knows no Debian mirror on this machine. Run: sudo apt-get update"
	head -n 1 <<<"$uris"
}

private_apt() { APT_CONFIG=$APT_DIR/apt.conf "$@"; }

refresh_package_lists() {
	local mirror suite
	[ -r "$DEBIAN_KEYRING" ] || install_packages debian-archive-keyring
	mirror=$(debian_mirror)
	mkdir -p "$APT_DIR"/{state/lists/partial,cache/archives/partial}
	: >"$APT_DIR/state/status" # as if nothing was installed: every library comes along
	for suite in $QEMU_SUITES; do
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
		Acquire::Languages "none";
		Acquire::IndexTargets::deb::DEP-11::DefaultEnabled "false";
		Acquire::Retries "3";
	CONF
	private_apt apt-get update
}

# Package lists older than a day are fetched anew.
use_package_lists() {
	if [ -z "$(find "$APT_DIR/state/lists" -name '*Packages*' -mmin -1440 2>/dev/null | head -n 1)" ]; then
		step "reading Debian's package lists" refresh_package_lists
	fi
}

# package_versions PACKAGE: the versions that the suites have, newest first.
package_versions() { private_apt apt-cache madison "$1" | awk -F' *[|] *' '{ print $2 }'; }

# unpack_package PACKAGE VERSION DIR: this package alone.
unpack_package() {
	local tmp
	tmp=$(mktemp -d "$APT_DIR/download.XXXXXX")
	(cd "$tmp" && private_apt apt-get download "$1=$2")
	mkdir -p "$3"
	dpkg-deb -x "$tmp"/*.deb "$3"
	rm -rf "$tmp"
}

# unpack_with_dependencies PACKAGE VERSION DIR
unpack_with_dependencies() {
	local deb
	private_apt apt-get clean
	private_apt apt-get install -y --download-only "$1=$2" -t "${QEMU_SUITES##* }"
	mkdir -p "$3"
	for deb in "$APT_DIR"/cache/archives/*.deb; do
		dpkg-deb -x "$deb" "$3"
	done
	private_apt apt-get clean
}
