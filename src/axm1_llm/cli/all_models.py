"""`axm1 list --all`: what the descriptor file describes, beside what the service offers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from axm1_llm.cli.client import UnreachableError
from axm1_llm.cli.reports import ask_list, parse_reports, plain_name, report_path
from axm1_llm.descriptors.names import name_key

if TYPE_CHECKING:
    from axm1_llm.cli.client import Client
    from axm1_llm.cli.reports import Report
    from axm1_llm.descriptors import Descriptors

NO_SERVICE, NOT_OFFERED = "no service", "not offered"


@dataclass(frozen=True, slots=True)
class Row:
    """One model.

    Attributes:
        name: its name.
        state: the service's word for it, "not offered" when the service does not have it, or "no service".
        folder: its folder; empty when only the service has it.
        problem: why it cannot be used, or what is strange about it; empty: nothing is.
    """

    name: str
    state: str
    folder: str
    problem: str


def all_models(descriptors: Descriptors, client: Client) -> tuple[Row, ...]:
    """The descriptor's models in its order, then those that only the service has.

    Raises:
        ServiceError: the service answered with an error, or is another kind of server.
    """
    reports = _reports(client)
    rows = []
    for model in descriptors.models:
        problem = model.problem() or model.tokenizer_problem() or ""
        if reports is None:
            state = NO_SERVICE
        else:
            report = reports.pop(name_key(model.model_name), None)
            state = report.state if report else NOT_OFFERED
            problem = problem or (report.failure.reason if report and report.failure else "")
        rows.append(Row(model.model_name, state, str(model.model_path), problem))
    only_there = (reports or {}).values()
    rows.extend(Row(each.model, each.state, "", f"is not in {descriptors.source}") for each in only_there)
    return tuple(rows)


def _reports(client: Client) -> dict[str, Report] | None:
    """By the names' keys; None: no service answers."""
    try:
        ask_list(client)  # tells an llm-service from another kind of server
        found = parse_reports(client, client.get(report_path(None)))
    except UnreachableError:
        return None
    return {name_key(plain_name(report.model)): report for report in found}
