"""The list of commands.

Each is imported only when it is asked for, so that `axm1 --help` is there at once.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

import click

from axm1_llm import __version__
from axm1_llm.cli.exits import Exit
from axm1_llm.cli.terminal import harmless
from axm1_llm.errors import Axm1Error, SettingsError

if TYPE_CHECKING:
    from collections.abc import Mapping

    from click.shell_completion import CompletionItem

SERVICES: Mapping[str, str] = {
    "serve": "Run both services on this machine.",
    "demo": "Run both services with a small real model, without a card.",
    "llm-service": "Run the llm-service only: the REST API, and the models behind it.",
    "tokenizer-service": "Run the tokenizer-service only.",
}
_ASKING: Mapping[str, str] = {
    "chat": "Chat with a model in the terminal.",
    "run": "Ask a model, or chat with it.",
    "bench": "Measure how fast a model answers.",
}
MODELS: Mapping[str, str] = {
    "list": "List the models.",
    "show": "Show what a model is and can do.",
    "ps": "List the models that are loaded, and until when.",
    "load": "Load a model onto its card.",
    "stop": "Have a model leave its card.",
    "pull": "Download a model from the hub, and add it.",
    "add": "Add a model's folder to the descriptor file.",
    "remove": "Take a model out of the descriptor file.",
}
_WATCHING: Mapping[str, str] = {
    "status": "Show what the models are doing.",
    "logs": "Show what the runtime of a model prints.",
}
_SHELL: Mapping[str, str] = {
    "completion": "Print what completes commands and names of models in a shell.",
}
HOST: Mapping[str, str] = {
    "doctor": "Find out what is wrong with this machine and its models, and mend it.",
    "systemd": "Print or install the systemd units of the services.",
}
CLIENTS: Mapping[str, str] = {**_ASKING, **MODELS, **_WATCHING, **_SHELL}
# A command is the attribute of the module beside its name.
_MODULES: Mapping[str, tuple[str, str]] = {
    "chat": ("chat.command", "chat"),
    "run": ("run", "run"),
    "bench": ("bench.command", "bench"),
    "list": ("listing", "list_models"),
    "show": ("showing", "show_model"),
    "ps": ("loaded", "ps"),
    "load": ("loading", "load"),
    "stop": ("loading", "stop"),
    "add": ("adding", "add"),
    "remove": ("removing", "remove"),
    "status": ("status", "status"),
    "logs": ("logs", "logs"),
    "completion": ("completion", "completion"),
    "systemd": ("systemd", "systemd"),
    "doctor": ("doctor", "doctor"),
    "pull": ("pull", "pull_model"),
}
_SECTIONS: Mapping[str, Mapping[str, str]] = {
    "Services": SERVICES,
    "This machine": HOST,
    "Ask a model": _ASKING,
    "Models": MODELS,
    "Watch": _WATCHING,
    "Shell": _SHELL,
}
_EPILOG = f"""\b
Exit codes:
  {Exit.OK:<4} it worked (also: a watch that Ctrl-C ended)
  {Exit.ERROR:<4} it failed; standard error says why
  {Exit.USAGE:<4} the command line or a setting cannot be used
  {Exit.INTERRUPTED:<4} Ctrl-C ended it

`axm1 COMMAND --help` shows the options of a command and their variables."""


class CommandList(click.Group):
    """Commands that are imported when they are asked for; their errors become one line and an exit code."""

    def list_commands(self, ctx: click.Context) -> list[str]:  # noqa: ARG002 - click's signature
        """The names, in the order of the help."""
        return [name for commands in _SECTIONS.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:  # noqa: ARG002 - click's
        """The command of that name."""
        # Imported here, since pydantic alone takes longer than the whole of `axm1 --help`.
        command: click.Command | None = None
        if cmd_name in SERVICES:
            command = _imported("service", "service_command")(cmd_name, SERVICES[cmd_name])
        elif cmd_name in _MODULES:
            command = _imported(*_MODULES[cmd_name])
        return command

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[CompletionItem]:
        """The commands and options that begin so, without importing any command."""
        from click.shell_completion import CompletionItem  # noqa: PLC0415 - only a shell asks

        return [
            *(
                CompletionItem(name, help=summary)
                for commands in _SECTIONS.values()
                for name, summary in commands.items()
                if name.startswith(incomplete)
            ),
            *click.Command.shell_complete(self, ctx, incomplete),
        ]

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """The lists of commands, without importing any."""
        width = max(len(name) for name in self.list_commands(ctx))
        for title, commands in _SECTIONS.items():
            with formatter.section(title):
                formatter.write_dl([(name.ljust(width), summary) for name, summary in commands.items()])

    def invoke(self, ctx: click.Context) -> object:
        """Run the command that was asked for."""
        try:
            return super().invoke(ctx)
        except Axm1Error as error:
            click.echo(f"Error: {harmless(str(error))}", err=True)
            ctx.exit(Exit.USAGE if isinstance(error, SettingsError) else Exit.ERROR)
        except KeyboardInterrupt:
            click.echo(err=True)  # the shell's prompt shall not stand behind "^C"
            ctx.exit(Exit.INTERRUPTED)


def _imported(module: str, name: str) -> Any:  # noqa: ANN401 - a command, or what makes one
    return getattr(import_module(f"axm1_llm.cli.{module}"), name)


axm1 = CommandList(
    name="axm1",
    help="Language models on the AX-M1 card behind the API that Ollama's clients speak.",
    epilog=_EPILOG,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
    params=[],
)
click.version_option(__version__, prog_name="axm1", message="%(prog)s %(version)s")(axm1)
