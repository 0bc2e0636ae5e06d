# SPDX-License-Identifier: Apache-2.0
# shellcheck shell=bash
# Sourced: apt with lists of its own, for packages of another suite or architecture. Nothing is installed.
# The mirror is the one this box already uses. $apt_dir says where it keeps all it needs.

apt_do() {
	local program=$1
	shift
	"$program" -c "${apt_dir:?}/conf" "$@"
}

# apt_suite: the suite this box runs.
apt_suite() { (. /etc/os-release && echo "${VERSION_CODENAME-}"); }

# apt_use SUITE [ARCHITECTURE]: lists that know this suite alone, of this box's architecture or the given one.
# Status 1: cannot be had; why is the last line of $apt_dir/log.
apt_use() {
	local suite=$1 arch=${2-} mirror keyring=/usr/share/keyrings/debian-archive-keyring.gpg options=''
	mkdir -p "${apt_dir:?}"/{lists/partial,cache/archives/partial,none}
	mirror=$(apt-get indextargets --format "\$(RELEASE) \$(REPO_URI)" |
		awk -v r="$(apt_suite)" '$1 == r && !found { print $2; found = 1 }')
	[ -n "$mirror" ] || { echo "apt knows no mirror of Debian" >"$apt_dir/log" && return 1; }
	[ ! -f $keyring ] || options="[signed-by=$keyring] "
	: >"$apt_dir/status"
	echo "deb $options$mirror $suite main" >"$apt_dir/sources.list"
	cat >"$apt_dir/conf" <<-END
		Dir::Etc::SourceList "$apt_dir/sources.list";
		Dir::Etc::SourceParts "$apt_dir/none";
		Dir::Etc::PreferencesParts "$apt_dir/none";
		Dir::State::Lists "$apt_dir/lists";
		Dir::State::status "$apt_dir/status";
		Dir::Cache "$apt_dir/cache";
		${arch:+APT::Architecture "$arch";}
		${arch:+#clear APT::Architectures;}
		${arch:+APT::Architectures { "$arch"; };}
		APT::Sandbox::User "root";
		#clear APT::Update::Post-Invoke;
		#clear APT::Update::Post-Invoke-Success;
	END
	apt_do apt-get -qq update 2>"$apt_dir/log"
}
