# shellcheck shell=bash
# shellcheck disable=SC2154  # $work, $root and $base_image are set by their owners
# Builds the Dockerfile's targets for one architecture and looks at what came out.

# build ARCH TARGET : as `axm1-llm/TARGET:test-ARCH`. The builder gets this machine's pip settings and certificates,
# as secrets: they appear in no layer.
build() {
    pip_settings >"$work/pip.conf"
    local secrets=(--secret "id=pip_config,src=$work/pip.conf")
    local bundle=${PIP_CERT:-${SSL_CERT_FILE:-/etc/ssl/certs/ca-certificates.crt}}
    [ ! -s "$bundle" ] || secrets+=(--secret "id=ca_bundle,src=$bundle")
    DOCKER_BUILDKIT=1 nice -n 10 "$docker_client" build --progress plain --platform "linux/$1" "${secrets[@]}" \
        --build-arg "PYTHON_IMAGE=$base_image" --target "$2" --tag "axm1-llm/$2:test-$1" "$root"
}

# What `pip config` says here about the way to the packages, but for paths of this machine.
pip_settings() {
    echo '[global]'
    python3 -m pip config list |
        sed -nE "s/^(:env:\.|global\.)(index-url|extra-index-url|trusted-host|proxy|timeout)='(.*)'\$/\2 = \3/p" |
        grep -v 'file:' || true
}

# try_image ARCH TARGET [ARGUMENT...] : runs `axm1 ARGUMENT...` in the image.
try_image() {
    local arch=$1 target=$2
    shift 2
    docker run --rm --platform "linux/$arch" "axm1-llm/$target:test-$arch" "$@"
}

# image_keeps_the_rules ARCH TARGET : not root, a health check, a polite stop signal, no trace of the secrets.
image_keeps_the_rules() {
    local image=axm1-llm/$2:test-$1
    [ "$(docker image inspect --format '{{.Config.User}} {{.Config.StopSignal}} {{.Architecture}}' "$image")" = "axm1 SIGTERM $1" ] &&
        docker image inspect --format '{{json .Config.Healthcheck.Test}}' "$image" | grep -q healthcheck.py &&
        docker run --rm --platform "linux/$1" --entrypoint sh "$image" -c \
            '[ "$(id -u)" = 1000 ] && [ ! -e /run/secrets ] && touch /app/metrics/x && ! touch /opt/axm1/x 2>/dev/null'
}

remove_images() {
    local images
    images=$(docker image ls --quiet --filter 'reference=axm1-llm/*:test-*' 2>/dev/null) && [ -n "$images" ] || return 0
    # shellcheck disable=SC2086  # one id a word
    docker image rm --force $images >/dev/null 2>&1 || true
}
