# shellcheck shell=bash
# shellcheck disable=SC2154  # $work is set by test-images
# The base image that the Dockerfile asks for: pulled where a registry answers, otherwise made from Debian's packages.

base_image=python:3.11-slim-bookworm

# base_exists ARCH : an engine keeps one image a name, so the name alone does not say which architecture it is.
base_exists() {
    [ "$(docker image inspect --format '{{.Architecture}}' "$base_image" 2>/dev/null)" = "$1" ]
}

find_base() {
    base_exists "$1" && return 0
    timeout 60 docker pull --quiet --platform "linux/$1" "$base_image" 2>/dev/null || make_base "$1"
    base_exists "$1"
}

# make_base ARCH : a minimal Debian 12 with its Python 3.11 in place of the official image's own build of it.
make_base() {
    local arch=$1 archive=$work/bases/$1.tar
    mkdir -p "$work/bases"
    [ -s "$archive" ] || bootstrap "$arch" "$archive" || return 1
    # Built, not imported: `docker import` of Docker 20.10 marks every image as the machine's own architecture.
    printf 'FROM scratch\nADD %s.tar /\nCMD ["python3"]\n' "$arch" |
        DOCKER_BUILDKIT=1 docker build --file - --platform "linux/$arch" --tag "$base_image" "$work/bases"
}

bootstrap() {
    local arch=$1 archive=$2 rootfs=$work/rootfs-$1
    install_packages debootstrap qemu-user-static
    rm -rf "$rootfs"
    # shellcheck disable=SC2046  # no mirror is no argument
    nice -n 10 debootstrap --variant=minbase --arch="$arch" \
        --include=ca-certificates,python3,python3-pip,python3-venv bookworm "$rootfs" $(debian_mirror) &&
        ln -s python3 "$rootfs/usr/bin/python" &&
        rm -rf "$rootfs"/var/cache/apt/archives/*.deb "$rootfs"/var/lib/apt/lists/* &&
        tar -C "$rootfs" --exclude ./dev --exclude ./proc --exclude ./sys -cf "$archive.part" . &&
        mv "$archive.part" "$archive"
    local status=$?
    umount "$rootfs/proc" 2>/dev/null || true
    rm -rf "$rootfs"
    return "$status"
}

# Programs of another architecture run through qemu once the kernel knows their mark.
can_run() {
    local machine
    case $1 in amd64) machine=x86_64 ;; arm64) machine=aarch64 ;; *) return 1 ;; esac
    [ "$(uname -m)" = "$machine" ] || [ -e "/proc/sys/fs/binfmt_misc/qemu-$machine" ] || register_qemu "$machine"
}

register_qemu() {
    local binfmt=/proc/sys/fs/binfmt_misc
    install_packages qemu-user-static
    if [ ! -e "$binfmt/register" ]; then
        mount -t binfmt_misc binfmt_misc "$binfmt" && mounted_binfmt=$binfmt || return 1
    fi
    [ -e "$binfmt/qemu-$1" ] && return 0
    # With its flag F the kernel opens the interpreter now, so it works inside a container that has none.
    cat "/usr/lib/binfmt.d/qemu-$1.conf" >"$binfmt/register" && registered_qemu=$1
}

forget_qemu() {
    [ -z "${registered_qemu:-}" ] || echo -1 >"/proc/sys/fs/binfmt_misc/qemu-$registered_qemu"
    [ -z "${mounted_binfmt:-}" ] || umount "$mounted_binfmt"
}
