# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034,SC2016  # shares its variables with stack.sh; containers' shells expand what is quoted
# docker-compose.yaml as a user with a card runs it: a model folder with a run script and a tokenizer script of its own,
# 127.0.0.1 in its descriptor. In the card's place stands the stand-in runtime; compose.no-card.yaml puts empty devices
# and folders where the card's are.

try_card() {
    local name=deepseek-r1-7b
    compose_files=("$root/docker-compose.yaml" "$root/tools/images/compose.no-card.yaml") stack_arch=$1
    AXM1_PORT=$(free_port) AXM1_TOKENIZER_PORT=$(free_port)
    MODEL_DIR=$work/card/model METRICS_DIR=$work/card/metrics
    export AXM1_PORT AXM1_TOKENIZER_PORT MODEL_DIR METRICS_DIR CARD_FILES=$work/card
    make_model_folder || return
    check "$1: docker-compose.yaml: both containers become healthy" bring_up "${patience:-120}" || { stack down --volumes; return; }
    check "$1: docker-compose.yaml: what runs is of the architecture that was built" runs_as "$1"
    check "$1: docker-compose.yaml: a model folder with its own scripts answers" answers "$name" 'Bonjour, 你好' 'Bonjour, 你好'
    check "$1: docker-compose.yaml: the metrics file is on the host" test -s "$METRICS_DIR/axm1-llm-$name-metrics.prom"
    check "$1: docker-compose.yaml: tokenizer-service is not root" is_supervised_and_not_root tokenizer-service
    check "$1: docker-compose.yaml: the devices and folders of the card are in llm-service" has_the_card
    check "$1: docker-compose.yaml: tokenizer-service is killed" crash tokenizer-service
    check "$1: docker-compose.yaml: tokenizer-service comes back" comes_back tokenizer-service "${patience:-90}"
    check "$1: docker-compose.yaml: and the model answers again" answers "$name" 'again' 'again'
    check "$1: docker-compose.yaml: both stop by themselves when told to" stops_politely
    check "$1: docker-compose.yaml: nothing is left afterwards" leaves_nothing
}

has_the_card() {
    stack exec -T llm-service sh -c 'for device in axcl_host ax_mmb_dev msg_userdev; do test -c /dev/$device || exit; done
        ls /usr/lib/axcl/libaxcl_rt.so && axcl-smi && echo "$LD_LIBRARY_PATH" | grep /usr/lib/axcl'
}

# The folder that a user makes: a descriptor, a run script that takes $1 and $2, a tokenizer script.
make_model_folder() {
    local folder=$MODEL_DIR/deepseek-r1-8b-4qt
    rm -rf "$work/card"
    mkdir -p "$folder" "$METRICS_DIR" "$CARD_FILES/lib" "$CARD_FILES/bin"
    chmod 777 "$METRICS_DIR"
    echo library >"$CARD_FILES/lib/libaxcl_rt.so"
    printf '#!/bin/sh\necho no card\n' >"$CARD_FILES/bin/axcl-smi"
    cp "$root/tools/images/model/model-descriptor.json" "$MODEL_DIR"
    cp "$root/tools/images/model/"*.sh "$root/tools/images/model/deepseek-r1-tokenizer.py" "$folder"
    chmod +x "$CARD_FILES/bin/axcl-smi" "$folder"/*.sh
    local port
    port=$(free_port)
    sed -i "s/\"1234\"/\"$port\"/" "$MODEL_DIR/model-descriptor.json"
    # Not one of a model's own, which would have to be fetched: a token a byte is enough to echo.
    cp "$root/tools/images/model/tokenizer_config.json" "$folder"
    docker run --rm --interactive --platform "linux/$stack_arch" --entrypoint python3 "axm1-llm/tokenizer-service:test-$stack_arch" - \
        <"$root/tools/images/model/make_tokenizer.py" >"$folder/tokenizer.json"
}
