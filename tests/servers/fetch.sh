#!/usr/bin/env bash
# Unpacks the Debian packages of the servers that tests use into FOLDER; installs nothing, starts nothing, needs no root (but for htcondor).
# usage: tests/servers/fetch.sh FOLDER [slurm] [xrootd] [htcondor]        (default: slurm xrootd)
# Then: DYNODE_TEST_SERVERS=FOLDER make test
# The lists of packages must be there (apt-get update). Exit status 1 with one line where this machine cannot do it.
set -euo pipefail

folder=${1:?usage: tests/servers/fetch.sh FOLDER [slurm] [xrootd] [htcondor]}
shift
[ $# -gt 0 ] || set -- slurm xrootd

refuse() { echo "tests/servers/fetch.sh: $*" >&2; exit 1; }
for program in apt-get dpkg-deb; do
    command -v "$program" > /dev/null || refuse "$program not found: this machine has no Debian packages"
done
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
scratch=$(mktemp -d)
trap 'rm -rf "$scratch"' EXIT

# Names of the packages of $2... that this machine has not, with all that they need; $1: options of apt-get, one a line.
missing() {
    local options
    mapfile -t options < "$1"
    shift
    apt-get "${options[@]}" install --simulate --no-install-recommends "$@" 2> "$scratch/why" | awk '/^Inst /{print $2}'
}

# Download packages into $2 with the options of $1 and unpack them into $3.
unpack() {
    local options
    mapfile -t options < "$1"
    mkdir -p "$2" "$3"
    (cd "$2" && apt-get "${options[@]}" --quiet=2 download $(cat "$scratch/names") 2> "$scratch/why") || refuse "cannot download: $(tail -n 1 "$scratch/why")"
    for package in "$2"/*.deb; do
        dpkg-deb --fsys-tarfile "$package" | tar --extract --keep-directory-symlink --no-same-owner --directory "$3"
    done
}

fetch() { # name of the server, packages
    local name=$1
    shift
    if [ -e "$folder/.$name" ]; then echo "$name: is in $folder"; return; fi
    printf '%s\n' --option Debug::NoLocking=1 > "$scratch/options"
    missing "$scratch/options" "$@" > "$scratch/names" || refuse "$name: no packages $* here ($(head -n 1 "$scratch/why")); run apt-get update, or leave $name out"
    if [ -s "$scratch/names" ]; then unpack "$scratch/options" "$scratch/$name" "$folder"; fi
    touch "$folder/.$name"
    echo "$name: $(wc -l < "$scratch/names") packages unpacked into $folder"
}

# HTCondor is in Debian from trixie on: a private list of packages of that release, and a root folder of its own with all that they need.
fetch_htcondor() {
    local place="$folder/htcondor_root" archive keys=/usr/share/keyrings/debian-archive-keyring.gpg codename
    if [ -e "$place/.complete" ]; then echo "htcondor: is in $place"; return; fi
    [ -r "$keys" ] || refuse "htcondor: $keys not found; apt-get install debian-archive-keyring"
    codename=$(. /etc/os-release && echo "${VERSION_CODENAME:-none}")
    archive=$(apt-get indextargets --format '$(REPO_URI) $(RELEASE)' 'Created-By: Packages' | awk -v of="$codename" '$2 == of {print $1; exit}')
    [ -n "$archive" ] || refuse "htcondor: the package lists of this machine name no archive of Debian $codename"
    mkdir -p "$scratch/apt/lists/partial" "$scratch/apt/archives/partial" "$scratch/apt/etc"
    : > "$scratch/apt/status"
    echo "deb [signed-by=$keys] $archive $RELEASE_OF_HTCONDOR main" > "$scratch/apt/sources.list"
    printf '%s\n' --option Debug::NoLocking=1 --option "Dir::State=$scratch/apt" --option "Dir::State::lists=$scratch/apt/lists" \
        --option "Dir::State::status=$scratch/apt/status" --option "Dir::Cache=$scratch/apt" --option "Dir::Etc::sourcelist=$scratch/apt/sources.list" \
        --option Dir::Etc::sourceparts=/dev/null --option "APT::Sandbox::User=$(id -un)" > "$scratch/apt.options"
    local options
    mapfile -t options < "$scratch/apt.options"
    apt-get "${options[@]}" --quiet=2 update 2> "$scratch/why" || refuse "htcondor: $(tail -n 1 "$scratch/why")"
    missing "$scratch/apt.options" htcondor $PROGRAMS_OF_JOBS > "$scratch/names" || refuse "htcondor: $(head -n 1 "$scratch/why")"
    unpack "$scratch/apt.options" "$scratch/htcondor" "$place"
    ldconfig -r "$place" || refuse "htcondor: ldconfig failed"
    touch "$place/.complete"
    echo "htcondor: $(wc -l < "$scratch/names") packages unpacked into $place"
}
RELEASE_OF_HTCONDOR=trixie
PROGRAMS_OF_JOBS="dash coreutils findutils gzip hostname tar bash sed grep gawk procps debianutils libc-bin libffi8 libbz2-1.0 liblzma5 libsqlite3-0 libexpat1 libuuid1 libgomp1 libreadline8t64"

for server in "$@"; do
    case $server in
        slurm) fetch slurm slurmctld slurmd slurm-client ;;
        xrootd) fetch xrootd xrootd-server ;;
        htcondor) fetch_htcondor ;;
        *) refuse "$server: unknown; give slurm, xrootd or htcondor" ;;
    esac
done
