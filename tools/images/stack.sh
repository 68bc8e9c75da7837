# shellcheck shell=bash
# shellcheck disable=SC2154,SC2016,SC2015,SC2034  # $work and $root are set by test-images; containers' shells expand what is quoted
# Brings a compose file's two services up, asks them, kills them, and sees what is left.

# stack ARGUMENT... : `docker compose` on the files in $compose_files.
stack() {
    local arguments=() file
    for file in "${compose_files[@]}"; do arguments+=(--file "$file"); done
    IMAGE_TAG=test-$stack_arch docker compose --project-directory "$root" --project-name "axm1-llm-test${project:+-$project}" "${arguments[@]}" "$@"
}

container_of() { stack ps --all --quiet "$1"; }

state_of() { docker inspect --format "$2" "$(container_of "$1")"; }

is_healthy() { [ "$(state_of "$1" '{{.State.Health.Status}}' 2>/dev/null)" = healthy ]; }

both_are_healthy() { is_healthy tokenizer-service && is_healthy llm-service; }

# bring_up SECONDS : starts both services and waits until both are healthy.
bring_up() {
    stacked=yes
    if stack up --detach --no-build && within "$1" both_are_healthy; then return; fi
    stack ps --all
    stack logs --tail 40
    return 1
}

# answers MODEL WORD PROMPT : a whole answer comes, ends properly, and has the word in it.
answers() {
    local body answer
    body=$(printf '{"model": "%s", "prompt": "%s", "stream": false}' "$1" "$3")
    answer=$(curl --silent --show-error --max-time "${patience:-60}" "http://localhost:$AXM1_PORT/api/generate" -d "$body")
    echo "$answer"
    grep -q '"done":true' <<<"$answer" && grep -q "$2" <<<"$answer"
}

streams() {
    curl --silent --no-buffer --max-time "${patience:-60}" "http://localhost:$AXM1_PORT/api/generate" \
        -d "$(printf '{"model": "%s", "prompt": "%s"}' "$1" "$2")" | tee /dev/stderr |
        awk '/"done":false/ { pieces++ } /"done":true/ { done = 1 } END { exit !(pieces > 3 && done) }'
}

# refuses_strangers : the internal API of the tokenizer-service is closed without the services' token.
refuses_strangers() {
    local code
    code=$(curl --silent --output /dev/null --write-out '%{http_code}' -d '{}' "http://localhost:$AXM1_TOKENIZER_PORT/internal/tickets")
    echo "HTTP status $code"
    [ "$code" = 401 ] || [ "$code" = 403 ]
}

# crash SERVICE : SIGKILL to its first process. `docker kill` would count as a wish of the user's, and nothing would
# start again. It is sent by a container that sees the host's processes, so it works on an engine of another user too.
crash() {
    docker run --rm --platform "linux/$stack_arch" --pid host --user 0 --security-opt apparmor=unconfined --entrypoint sh \
        "axm1-llm/llm-service:test-$stack_arch" -c "kill -KILL $(state_of "$1" '{{.State.Pid}}')"
}

# comes_back SERVICE SECONDS : the engine started it again, it is healthy again.
comes_back() {
    if within "$2" has_restarted "$1" && within "$2" both_are_healthy; then return; fi
    stack ps --all
    stack logs --tail 40
    return 1
}

has_restarted() { [ "$(state_of "$1" '{{.RestartCount}}')" -ge 1 ]; }

has_metrics() {
    stack exec -T llm-service sh -c 'cat /app/metrics/axm1-llm-*-metrics.prom' | grep -E '^axm1_llm_'
}

# Every process in the container belongs to the image's user, below an init process.
is_supervised_and_not_root() {
    stack exec -T "$1" sh -c 'for p in /proc/[0-9]*; do
        [ "$(stat -c %u "$p" 2>/dev/null || echo 1000)" = 1000 ] || { echo "$p is of another user"; exit 1; }
    done; grep -a init /proc/1/cmdline'
}

# runs_as ARCH : the services' own processes are of this architecture, by the mark in the program that runs (a wrong
# image would pass every other check, only faster). Under qemu the first words of the command line are qemu's.
runs_as() {
    local mark service
    case $1 in amd64) mark='3e 00' ;; arm64) mark='b7 00' ;; esac
    for service in tokenizer-service llm-service; do
        stack exec -T "$service" python3 -c 'import os, platform, sys
print(platform.machine(), os.path.realpath(sys.executable), open(os.path.realpath(sys.executable), "rb").read(20)[18:].hex(" "))' |
            tee /dev/stderr | grep -q " $mark\$" || return 1
        [ "$(docker image inspect --format '{{.Architecture}}' "$(state_of "$service" '{{.Image}}')")" = "$1" ] || return 1
    done
}

# stops_politely : both left by themselves within their grace period (137 means: the engine had to kill it).
stops_politely() {
    stack stop && for service in llm-service tokenizer-service; do
        echo "$service: exit code $(state_of $service '{{.State.ExitCode}}')"
        [[ $(state_of $service '{{.State.ExitCode}}') =~ ^(0|143)$ ]] || return 1
    done
}

# leaves_nothing : no container, no volume, no process that was in one of the containers.
leaves_nothing() {
    local containers container
    containers=$(stack ps --all --quiet)
    stack down --volumes --timeout 20 && stacked=no || return 1
    [ -z "$(docker ps --all --quiet --filter label=com.docker.compose.project=axm1-llm-test)" ] || return 1
    [ -z "$(docker volume ls --quiet --filter label=com.docker.compose.project=axm1-llm-test)" ] || return 1
    for container in $containers; do
        ! grep -ls "$container" /proc/[0-9]*/cgroup || return 1
    done
}

# free_port : one that nobody listens on now.
free_port() { python3 -c 'import socket; s = socket.socket(); s.bind(("", 0)); print(s.getsockname()[1])'; }
