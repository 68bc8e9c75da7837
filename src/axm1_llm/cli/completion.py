"""`axm1 completion`: click's scripts for the shells, but for bash: names of models have colons."""

from __future__ import annotations

import os

import click
from click.shell_completion import (
    BashComplete,
    CompletionItem,
    add_completion_class,
    get_completion_class,
    split_arg_string,
)

from axm1_llm.cli.root import CLIENTS

_PROGRAM = "axm1"
_VARIABLE = "_AXM1_COMPLETE"

_HELP = f"""{CLIENTS["completion"]}

Names of models come from the service that runs; where none answers within half a second, there are none.

\b
Install:
  axm1 completion bash > ~/.local/share/bash-completion/completions/axm1
  axm1 completion zsh > "${{fpath[1]}}/_axm1"
  axm1 completion fish > ~/.config/fish/completions/axm1.fish

\b
For this shell only:
  eval "$(axm1 completion bash)" """


class ColonBash(BashComplete):
    """Bash cuts words at each colon, and replaces only what stands behind the last one."""

    source_template = """\
%(complete_func)s() {
    local IFS=$'\\n' line
    COMPREPLY=()
    while read -r line; do
        case "${line%%%%,*}" in
            "") ;;
            dir) compopt -o dirnames ;;
            file) compopt -o default ;;
            *) COMPREPLY+=("${line#*,}") ;;
        esac
    done < <(env COMP_WORDS="${COMP_LINE:0:COMP_POINT}" COMP_CWORD=0 %(complete_var)s=bash_complete "$1")
}
complete -o nosort -F %(complete_func)s %(prog_name)s
"""

    @classmethod
    def _check_version(cls) -> None:
        # The script needs bash 4.4 only for `nosort`; click's look at it would start bash each time.
        return

    def get_completion_args(self) -> tuple[list[str], str]:
        """The words of the line, and the one that is not whole."""
        line = os.environ["COMP_WORDS"]
        words = split_arg_string(line)[1:]
        if not words or line[-1:].isspace():
            return words, ""
        return words[:-1], words[-1]

    def get_completions(self, args: list[str], incomplete: str) -> list[CompletionItem]:
        """What may follow, as bash wants it: without what stands before the word's last colon."""
        behind = incomplete.rfind(":") + 1
        found = super().get_completions(args, incomplete)
        return [CompletionItem(item.value[behind:], item.type) if behind else item for item in found]


add_completion_class(ColonBash, "bash")
_SHELLS = ("bash", "zsh", "fish")


@click.command("completion", help=_HELP)
@click.argument("shell", type=click.Choice(_SHELLS))
def completion(shell: str) -> None:
    """Print the script."""
    found = get_completion_class(shell)
    assert found is not None  # noqa: S101 - click knows these
    click.echo(found(click.get_current_context().find_root().command, {}, _PROGRAM, _VARIABLE).source())
