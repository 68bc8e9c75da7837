from __future__ import annotations

import pytest

from answer.tools.corpus import template, template_names
from axm1_llm.answer.tools.calls import ToolFormat
from axm1_llm.answer.tools.detect import shows_tools, tool_format

TAUGHT = {
    ToolFormat.HERMES: """
        Apriel-1.6-15b-Thinker-fixed Bielik-11B-v3.0-Instruct ByteDance-Seed-OSS MiMo-VL MiniMax-M1
        NVIDIA-Nemotron-3-Nano-30B-A3B-BF16 NVIDIA-Nemotron-Nano-v2
        NousResearch-Hermes-2-Pro-Llama-3-8B-tool_use NousResearch-Hermes-3-Llama-3.1-8B-tool_use
        Qwen-QwQ-32B Qwen-Qwen2.5-7B-Instruct Qwen-Qwen3-0.6B Qwen3-Coder Qwen3.5-4B Reka-Edge
        StepFun3.5-Flash ibm-granite-granite-3.3-2B-Instruct ibm-granite-granite-4.0
        ibm-granite-granite-4.1 meetkai-functionary-medium-v3.1 unsloth-Apriel-1.5
    """,
    ToolFormat.LLAMA: """
        meta-llama-Llama-3.1-8B-Instruct meta-llama-Llama-3.2-3B-Instruct meta-llama-Llama-3.3-70B-Instruct
    """,
    ToolFormat.MISTRAL: """
        Mistral-Small-3.2-24B-Instruct-2506 mistralai-Ministral-3-14B-Reasoning-2512
        mistralai-Mistral-Nemo-Instruct-2407 unsloth-mistral-Devstral-Small-2507
    """,
    ToolFormat.DEEPSEEK: """
        deepseek-ai-DeepSeek-R1-Distill-Llama-8B deepseek-ai-DeepSeek-R1-Distill-Qwen-32B
        deepseek-ai-DeepSeek-V3.1 llama-cpp-deepseek-r1
    """,
}
EXPECTED = {name: syntax for syntax, names in TAUGHT.items() for name in names.split()}
# They know tools, and write calls in ways that are not read here.
OTHER_SYNTAX = """
    Apertus-8B-Instruct Cohere2MoE CohereForAI-c4ai-command-r-plus-tool_use
    CohereForAI-c4ai-command-r7b-12-2024-tool_use GLM-4.6 GLM-4.7-Flash GigaChat3-10B-A1.8B
    GigaChat3.1-10B-A1.8B Kimi-K2-Instruct Kimi-K2-Thinking Kimi-K3 LFM2-8B-A1B LFM2.5-8B-A1B
    LFM2.5-Instruct MiniMax-M2 MiniMax-M3 Spark2.5 deepseek-ai-DeepSeek-V3.2
    deepseek-ai-DeepSeek-V4-Flash-0731 deepseek-ai-DeepSeek-V4 google-gemma-4-31B-it-interleaved
    google-gemma-4-31B-it inclusionai-ling-3.0-flash meetkai-functionary-medium-v3.2 moonshotai-Kimi-K2
    muse-glimmer openai-gpt-oss-120b openbmb-MiniCPM5-1B poolside-Laguna-S-2.1 poolside-Laguna-XS-2.1
    poolside-Laguna-XS.2 tencent-Hy3 upstage-Solar-Open-100B
"""


def test_the_syntax_of_every_known_template_is_known() -> None:
    found = {name: syntax for name in template_names() if (syntax := tool_format(template(name)))}
    assert found == EXPECTED


def test_templates_with_another_syntax_are_those_that_are_listed() -> None:
    shown = {name for name in template_names() if shows_tools(template(name))}
    assert shown - EXPECTED.keys() == set(OTHER_SYNTAX.split())


def test_deepseeks_own_templates_know_calls_and_no_definitions() -> None:
    silent = {name for name in EXPECTED if not shows_tools(template(name))}
    assert silent == set(TAUGHT[ToolFormat.DEEPSEEK].split()) - {"llama-cpp-deepseek-r1"}


@pytest.mark.parametrize(
    "text", ["", "{{ messages }}", "{{ tools }}", "{{ message['tool_calls'] }} <tool_call>"]
)
def test_a_template_without_tools_or_syntax_teaches_none(text: str) -> None:
    assert tool_format(text) is None
