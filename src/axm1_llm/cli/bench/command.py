"""`axm1 bench`."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING

import click

from axm1_llm.cli.bench.measuring import Run, Spread, measure, prompt_maker
from axm1_llm.cli.completing import complete_model
from axm1_llm.cli.connected import connected
from axm1_llm.cli.reports import ask_report
from axm1_llm.cli.root import CLIENTS
from axm1_llm.cli.terminal import harmless, tell
from axm1_llm.cli.waiting import waiting

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from axm1_llm.cli.client import Client

_LENGTHS = (32, 128, 512, 1024)

_HELP = f"""{CLIENTS["bench"]}

It loads the model, then asks several prompts of each length, one after the other; the model should have
nothing else to do. Each prompt begins differently, so no KV cache helps.

\b
FIRST TOKEN  from the request until the first piece of the answer was here
TOKENS/S     after the first one, as they came here
ADDED        to the first token by what is not the model: FIRST TOKEN less the load and prompt
             evaluation that the service reports; HTTP, chat template, tokenizer and queue
SERVICE      tokens/s as the service measures them at the runtime
RUNTIME      tokens/s as the runtime prints them itself, where it does; builds that feed the
             prompt token by token count it too, so theirs are higher than what one sees

\b
Examples:
  axm1 bench qwen3:8b
  axm1 bench qwen3:8b --lengths 64,256 --repeat 5 --json > bench.json"""


def _lengths(_: click.Context, __: click.Parameter, value: str) -> tuple[int, ...]:
    parts = [part.strip() for part in value.split(",")]
    if not all(part.isascii() and part.isdigit() and 0 < int(part) <= 10**6 for part in parts):
        raise click.BadParameter("expected numbers of tokens such as 32,128,512")
    return tuple(int(part) for part in parts)


@click.command("bench", help=_HELP)
@click.argument("model", shell_complete=complete_model)
@click.option(
    "--lengths",
    metavar="NUMBERS",
    callback=_lengths,
    default=",".join(map(str, _LENGTHS)),
    show_default=True,
    help="Tokens of the prompts.",
)
@click.option(
    "--repeat", metavar="NUMBER", type=click.IntRange(1, 1000), default=3, show_default=True, help="Of each."
)
@click.option(
    "--num-predict",
    metavar="NUMBER",
    type=click.IntRange(2, 10**6),
    default=64,
    show_default=True,
    help="Most tokens of an answer.",
)
@click.option("--json", "as_json", is_flag=True, help="Print every run and the figures of each length.")
@connected
def bench(
    client: Client, *, model: str, lengths: tuple[int, ...], repeat: int, num_predict: int, as_json: bool
) -> None:
    """Measure, and print a row for each length."""
    make = prompt_maker(client, model)
    with waiting(client, model, patience=0.0):
        measure(client, model, make(1), 2)  # loads it, and warms up what is cold
    room = ask_report(client, model).context_length
    results = {}
    for length in lengths:
        if room is not None and length + num_predict > room:
            tell(f"{length}: left out, the context has {room} tokens for prompt and answer")
            continue
        tell(f"{length}: {repeat} prompts")
        results[length] = [measure(client, model, make(length), num_predict) for _ in range(repeat)]
    if as_json:
        click.echo(json.dumps({"model": model, "lengths": list(_as_json(results))}, indent=2))
        return
    from axm1_llm.cli import drawing, terminal  # noqa: PLC0415 - rich is for commands that draw

    table = drawing.new_table("PROMPT", "FIRST TOKEN", "TOKENS/S", "ADDED", "SERVICE", "RUNTIME")
    for runs in results.values():
        table.add_row(*_row(runs))
    click.echo(
        f"{harmless(model)}: median (least to most) of {repeat}, answers of at most {num_predict} tokens"
    )
    terminal.show(table)


def _row(runs: Sequence[Run]) -> tuple[str, ...]:
    return (
        str(runs[0].prompt_tokens),
        _shown(Spread.of([run.first_token * 1000 for run in runs]), " ms", 0),
        _shown(Spread.of([run.speed for run in runs]), "", 1),
        _shown(Spread.of([run.added * 1000 for run in runs]), " ms", 1),
        _median(Spread.of([run.service_speed for run in runs])),
        _median(Spread.of([run.runtime_speed for run in runs])),
    )


def _shown(spread: Spread | None, unit: str, digits: int) -> str:
    if spread is None:
        return "-"
    return f"{spread.median:.{digits}f}{unit} ({spread.least:.{digits}f} to {spread.most:.{digits}f})"


def _median(spread: Spread | None) -> str:
    return "-" if spread is None else f"{spread.median:.1f}"


def _as_json(results: dict[int, list[Run]]) -> Iterator[dict[str, object]]:
    for length, runs in results.items():
        figures: dict[str, list[float | None]] = {
            "first_token_seconds": [run.first_token for run in runs],
            "tokens_per_second": [run.speed for run in runs],
            "added_seconds": [run.added for run in runs],
            "service_tokens_per_second": [run.service_speed for run in runs],
            "runtime_tokens_per_second": [run.runtime_speed for run in runs],
        }
        spreads = {name: Spread.of(values) for name, values in figures.items()}
        yield {
            "asked_tokens": length,
            **{name: asdict(spread) if spread else None for name, spread in spreads.items()},
            "runs": [asdict(run) for run in runs],
        }
