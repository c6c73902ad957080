"""What came of each test, held against the known disagreements."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import pytest

from agentcore_lab.errors import NotImplementedException
from tools.foreign.disagreements import Disagreement

_UNANSWERED = NotImplementedException.__name__
"""In a failure: the engine says of itself that it does not answer the operation yet (docs/operations.md)."""


class Outcomes:
    """A pytest plugin that keeps, by test id, None for a test that passed and else how it failed.

    A test that was skipped counts as failed: it showed nothing.
    """

    def __init__(self) -> None:
        self.reports: dict[str, str | None] = {}

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Keep the first failure of set-up, call and tear-down."""
        name = report.nodeid.rpartition("/")[2]
        if report.passed:
            self.reports.setdefault(name, None)
        else:
            self.reports[name] = self.reports.get(name) or report.longreprtext

    def pytest_collectreport(self, report: pytest.CollectReport) -> None:
        """A file that cannot be imported fails as a test does."""
        if not report.passed:
            self.reports[report.nodeid.rpartition("/")[2]] = report.longreprtext

    def unexpected(self, known: Mapping[str, Disagreement]) -> list[str]:
        """One line for each failure that is not a known one, and each known one that is none any more."""
        return list(self._surprises(known))

    def summary(self, known: Mapping[str, Disagreement]) -> str:
        """The numbers, then each known disagreement with its reason, then what was unexpected."""
        passed = [name for name, failure in self.reports.items() if failure is None]
        disagreed = [
            name for name, expected in known.items() if expected.sign in (self.reports.get(name) or "")
        ]
        unanswered = [
            name for name, failure in self.reports.items() if name not in known and _is_unanswered(failure)
        ]
        surprises = self.unexpected(known)
        lines = [
            f"{len(passed)} passed, {len(disagreed)} disagreed, {len(unanswered)} need operations that are not "
            f"answered yet, {len(surprises)} unexpected",
            *(f"  disagreed     {name}: {known[name].reason} [{known[name].source}]" for name in disagreed),
            *(f"  not answered  {name}" for name in unanswered),
            *(f"  unexpected    {surprise}" for surprise in surprises),
        ]
        return "\n".join(lines) + "\n"

    def _surprises(self, known: Mapping[str, Disagreement]) -> Iterator[str]:
        for name, failure in self.reports.items():
            expected = known.get(name)
            if expected is None and failure is not None and not _is_unanswered(failure):
                yield f"{name}: failed, and is not listed as a disagreement"
            if expected is not None and failure is None:
                yield f"{name}: passed, and is listed as a disagreement"
            if expected is not None and failure is not None and expected.sign not in failure:
                yield f"{name}: failed otherwise than listed (its failure shows no {expected.sign!r})"
        yield from (f"{name}: is listed, and did not run" for name in known if name not in self.reports)


def _is_unanswered(failure: str | None) -> bool:
    return failure is not None and _UNANSWERED in failure
