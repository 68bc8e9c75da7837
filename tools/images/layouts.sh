# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034,SC2016  # shares its variables with stack.sh; containers' shells expand what is quoted
# The other layouts of compose/: each is checked, and run with the stand-in in the card's place.

check_layouts() {
    local layout base
    for layout in "$root"/compose/*.yaml; do
        for base in docker-compose.yaml compose.demo.yaml; do
            # A demo has no card, and its two containers are on one network already.
            [ "$base" = docker-compose.yaml ] || [ "${layout##*/}" = monitoring.yaml ] || continue
            check "$base with compose/${layout##*/} is valid" env AXM1_INTERNAL_TOKEN=made-up-for-this-check GRAFANA_PASSWORD=made-up \
                "$docker_client" compose --file "$root/$base" --file "$layout" config --quiet
        done
    done
}

try_bridge() {
    local label="$1: compose/bridge.yaml" name=deepseek-r1-7b
    begin_layout "$1" bridge tokenizer-service || return
    check "$label: both containers become healthy" bring_up "${patience:-120}" || { stack down --volumes; return; }
    check "$label: the model answers through the published port" answers "$name" 'Bonjour, 你好' 'Bonjour, 你好'
    check "$label: the tokenizer-service is closed to the host" is_closed "$AXM1_TOKENIZER_PORT"
    check "$label: tokenizer-service is killed" crash tokenizer-service
    check "$label: tokenizer-service comes back" comes_back tokenizer-service "${patience:-90}"
    check "$label: and the model answers again" answers "$name" 'again' 'again'
    check "$label: nothing is left afterwards" leaves_nothing
}

# Two projects on one engine stand for the two machines: each knows of its own containers only.
try_two_hosts() {
    local label="$1: compose/two-hosts.yaml" name=deepseek-r1-7b
    begin_layout "$1" two-hosts 127.0.0.1 || return
    AXM1_INTERNAL_TOKEN=$(od -An -N16 -tx1 /dev/urandom | tr -d ' \n')
    export AXM1_INTERNAL_TOKEN
    check "$label: the tokenizer-service starts alone" start_on first tokenizer-service
    check "$label: the llm-service starts without it in its project" start_on second llm-service
    check "$label: the model answers" within "${patience:-90}" answers "$name" 'Bonjour, 你好' 'Bonjour, 你好'
    check "$label: the internal API wants the services' token" refuses_strangers
    project=first stack down --volumes --timeout 20
    project=second stack down --volumes --timeout 20
    stacked=no
    unset AXM1_INTERNAL_TOKEN
}

start_on() { stacked=yes && project=$1 stack up --detach --no-build "$2"; }

is_closed() { ! curl --silent --max-time 5 --output /dev/null "http://localhost:$1/health"; }

# begin_layout ARCH LAYOUT ADDRESS : the compose files, the ports, and a model folder whose tokenizer is at ADDRESS.
begin_layout() {
    stack_arch=$1
    compose_files=("$root/docker-compose.yaml" "$root/compose/$2.yaml" "$root/tools/images/compose.no-card.yaml")
    AXM1_PORT=$(free_port) AXM1_TOKENIZER_PORT=$(free_port)
    MODEL_DIR=$work/card/model METRICS_DIR=$work/card/metrics
    export AXM1_PORT AXM1_TOKENIZER_PORT MODEL_DIR METRICS_DIR CARD_FILES=$work/card
    make_model_folder || return
    sed -i "s/127\.0\.0\.1/$3/" "$MODEL_DIR/model-descriptor.json"
    sed -i 's#http://localhost:$1#${AXM1_TOKENIZER_URL:-http://localhost:$1}#' "$MODEL_DIR"/*/run*.sh
}
