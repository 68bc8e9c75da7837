# shellcheck shell=bash
# shellcheck disable=SC2154,SC2034,SC2016  # shares its variables with stack.sh; containers' shells expand what is quoted
# compose.demo.yaml: the model without a card in two containers.

try_demo() {
    local capital='What is the capital of France?'
    compose_files=("$root/compose.demo.yaml") stack_arch=$1
    AXM1_PORT=$(free_port) AXM1_TOKENIZER_PORT=$(free_port)
    export AXM1_PORT AXM1_TOKENIZER_PORT
    check "$1: compose.demo.yaml: both containers become healthy" bring_up 120 || return
    check "$1: compose.demo.yaml: what runs is of the architecture that was built" runs_as "$1"
    check "$1: compose.demo.yaml: the model answers a prompt on the API port" answers smollm2:135m Paris "$capital"
    check "$1: compose.demo.yaml: the answer streams token by token" streams smollm2:135m "$capital"
    check "$1: compose.demo.yaml: the internal API wants the services' token" refuses_strangers
    check "$1: compose.demo.yaml: llm-service runs below an init process, not as root" is_supervised_and_not_root llm-service
    check "$1: compose.demo.yaml: tokenizer-service runs below an init process, not as root" is_supervised_and_not_root tokenizer-service
    check "$1: compose.demo.yaml: the metrics file is written" has_metrics
    check "$1: compose.demo.yaml: llm-service is killed" crash llm-service
    check "$1: compose.demo.yaml: llm-service comes back" comes_back llm-service 90
    check "$1: compose.demo.yaml: and answers again" answers smollm2:135m Paris "$capital"
    check "$1: compose.demo.yaml: tokenizer-service is killed" crash tokenizer-service
    check "$1: compose.demo.yaml: tokenizer-service comes back" comes_back tokenizer-service 90
    check "$1: compose.demo.yaml: and the model answers again" answers smollm2:135m Paris "$capital"
    check "$1: compose.demo.yaml: both stop by themselves when told to" stops_politely
    check "$1: compose.demo.yaml: nothing is left afterwards" leaves_nothing
}
