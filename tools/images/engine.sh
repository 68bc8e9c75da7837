# shellcheck shell=bash
# shellcheck disable=SC2154  # $work is set by test-images
# A Docker engine to test with: the one in reach, otherwise one of our own that leaves nothing behind.

# The engine's own packages, and what makes base images where no registry can be reached.
engine_packages=(docker.io iptables debootstrap qemu-user-static)

# The cgroup below which our engine puts its containers: nobody else's is touched when it is taken away.
cgroup=axm1-test-images

docker() { command "${docker_client:-docker}" "$@"; }

# Says in $own_engine whether the engine was started here and has to be stopped here.
find_engine() {
    own_engine=no
    if find_client && docker info >/dev/null 2>&1; then
        say "using the Docker engine in reach ($(docker version --format '{{.Server.Version}}'))"
        return
    fi
    [ "$(id -u)" -eq 0 ] || {
        echo "No Docker engine answers here, and only root can start one: run this as root." >&2
        return 1
    }
    install_packages "${engine_packages[@]}"
    find_client && start_engine
}

# A client that builds with BuildKit: newer ones do so only with the buildx plug-in, Debian's does as it is.
find_client() {
    for docker_client in $(type -ap docker); do
        DOCKER_BUILDKIT=1 "$docker_client" build --help 2>/dev/null | grep -q -e --secret && return
    done
    docker_client=''
    return 1
}

install_packages() {
    local missing=() package
    for package in "$@"; do
        dpkg-query -W -f '${Status}' "$package" 2>/dev/null | grep -q 'ok installed' || missing+=("$package")
    done
    [ ${#missing[@]} -gt 0 ] || return 0
    say "installing Debian's ${missing[*]}"
    # RUNLEVEL=1: the package must not start an engine of its own beside ours.
    apt-get update -qq && RUNLEVEL=1 DEBIAN_FRONTEND=noninteractive \
        apt-get install -y -qq --no-install-recommends "${missing[@]}" >/dev/null
}

start_engine() {
    local table
    # An engine changes the machine's packet filter: what was there is put back at the end.
    for table in nat filter; do iptables-save --table "$table"; done >"$work/iptables.before"
    cat /proc/sys/net/ipv4/ip_forward >"$work/ip_forward.before"
    # No cgroup manager of systemd's, no socket or state outside $work: it can run beside anything.
    dockerd --data-root "$work/engine" --exec-root "$work/exec" --pidfile "$work/engine.pid" \
        --cgroup-parent "$cgroup" -H "unix://$work/docker.sock" >"$work/engine.log" 2>&1 &
    own_engine=yes
    export DOCKER_HOST=unix://$work/docker.sock
    within 60 docker info >/dev/null 2>&1 || {
        echo "dockerd does not answer; its last lines:" >&2
        tail -n 20 "$work/engine.log" >&2
        return 1
    }
    say "started a Docker engine ($(docker version --format '{{.Server.Version}}'))"
}

# stop_engine : takes away the engine that was started here, and what it left on the machine; fails when something stays.
stop_engine() {
    local pid mounted
    [ "$own_engine" = yes ] || return 0
    own_engine=no
    pid=$(cat "$work/engine.pid" 2>/dev/null) && kill "$pid" && within 60 process_gone "$pid"
    # A container on the host's network makes the engine pin that network with a mount of its own.
    # shellcheck disable=SC2013  # a path in /proc/mounts has no blanks
    for mounted in $(awk -v below="$work/" 'index($2, below) == 1 { print $2 }' /proc/mounts | sort -r); do
        umount "$mounted"
    done
    ip link delete docker0 2>/dev/null || true
    iptables-restore <"$work/iptables.before"
    cat "$work/ip_forward.before" >/proc/sys/net/ipv4/ip_forward
    find /sys/fs/cgroup -depth -type d -path "*/$cgroup*" -exec rmdir {} + 2>/dev/null
    engine_is_gone
}

# engine_is_gone : no process that was started with the folder's name in its command line, no mount below the folder.
engine_is_gone() {
    ! pgrep --full --list-full -- "$work/(exec|engine)" && ! grep " $work/" /proc/mounts
}

process_gone() { ! kill -0 "$1" 2>/dev/null; }

# `docker compose` (version 2) finds errors that the older docker-compose accepts. Debian 12 lacks it, the
# release after has it: one file, taken out of that package.
find_compose() {
    docker compose version >/dev/null 2>&1 && return 0
    export DOCKER_CONFIG=$work/client
    local plugins=$DOCKER_CONFIG/cli-plugins lists=$work/apt mirror
    [ -x "$plugins/docker-compose" ] && return 0
    mkdir -p "$plugins" "$lists/partial" "$work/plugin"
    mirror=$(debian_mirror)
    echo "deb [signed-by=/usr/share/keyrings/debian-archive-keyring.gpg] $mirror trixie main" >"$work/next.list"
    local apt=(-o "Dir::Etc::sourcelist=$work/next.list" -o Dir::Etc::sourceparts=- -o "Dir::State::lists=$lists" -o APT::Sandbox::User=root)
    (cd "$work/plugin" && apt-get -qq "${apt[@]}" update && apt-get -qq "${apt[@]}" download docker-compose &&
        dpkg -x docker-compose_*.deb . && cp usr/libexec/docker/cli-plugins/docker-compose "$plugins/")
    docker compose version >/dev/null
}

# The mirror that this machine's own packages come from; nothing where that is not Debian's own kind, and whoever
# asks then takes its own default.
debian_mirror() {
    # shellcheck disable=SC2016  # apt expands these names, not the shell
    apt-get indextargets --format '$(CODENAME) $(REPO_URI)' 'Identifier: Packages' 'Origin: Debian' 'Component: main' |
        awk '$1 !~ /-/ { print $2; exit }'
}
