"""What the kit gives back is worth reading: text that does not change from run to run, HTML in the host's colours."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from agentcore_lab.images.build import Built
from agentcore_lab.lab import Lab
from agentcore_lab.looks.card import card, facts, folded, pill, table
from agentcore_lab.panels.answer import Answer, Failure, Figures
from agentcore_lab.panels.views import SessionList, SessionView
from tests.conftest import Clients
from tests.runtime.test_invocations import invoke, ready

NOW = datetime(2026, 1, 1, tzinfo=UTC)
ARN = "arn:aws:bedrock-agentcore:us-west-2:123456789012:runtime/hello-aB3dE5fG7h"


def idle(session_id: str, seconds: float) -> SessionView:
    """An idle session with so many seconds left."""
    ends = NOW + timedelta(seconds=seconds)
    return SessionView(session_id, "Idle", "1", idle_ends_at=ends, as_of=NOW, runtime_arn=ARN)


@pytest.mark.parametrize(
    ("one", "other", "text"),
    [
        (
            Built("1.dkr.ecr/hello:latest", "sha256:1", "arm64", 0.1, reused=False),
            Built("2.dkr.ecr/hello:latest", "sha256:2", "arm64", 0.2, reused=True),
            "Built(hello:latest, arm64)",
        ),
        (idle("a" * 33, 5), idle("b" * 33, 899), "Session(Idle, version 1, DEFAULT)"),
        (SessionList([idle("a" * 33, 5)]), SessionList([idle("b" * 33, 7)]), "1 session: 1 Idle"),
        (
            Answer("a" * 33, "hi", "hi", figures=Figures(total=1)),
            Answer("b" * 33, "hi", "hi", figures=Figures(total=2)),
            "Answer(hi)",
        ),
    ],
)
def test_texts_do_not_tell_what_differs_between_runs(one: Any, other: Any, text: str) -> None:
    """No ids, no times: nbval and papermill compare them."""
    assert repr(one) == repr(other) == text


def test_texts_of_a_running_lab(lab: Lab, aws: Clients) -> None:
    """The Lab, its clock, a session; and what HTML adds to them."""
    session_id = "s" * 33
    invoke(aws, ready(aws), runtimeSessionId=session_id)
    detail = lab.session(session_id)
    assert repr(detail) == "Session(Idle, version 1, DEFAULT)"
    assert f"Session {session_id}" in str(detail)
    assert repr(lab) == "Lab(sandbox='scripted', region='us-west-2')"
    assert repr(lab.clock) == "LabClock(the time of the machine)"
    for thing, words in ((lab, lab.url), (lab.clock, "2026-01-01"), (detail, "ends in 15:00 unless invoked")):
        assert words in thing._repr_html_()
    assert "ends in 15:00 unless invoked" in lab.sessions()._repr_html_()


def test_what_an_agent_says_is_not_html() -> None:
    """Answers, logs, names and reasons are text, whatever is in them."""
    evil = "<script>alert(1)</script>"
    failure = Failure(evil, evil, "Cause.", "Mend.", log=(evil,))
    shown = [
        Answer(evil, evil, evil)._repr_html_(),
        Answer(evil, failure=failure)._repr_html_(),
        SessionView(evil, "Terminated", evil, reason=evil)._repr_html_(),
        card(evil, evil, facts([(evil, evil)]), table([evil], [[evil]]), folded(evil, evil), state=evil),
    ]
    assert all("<script" not in each for each in shown)
    assert all("&lt;script" in each for each in shown)


def test_a_state_is_a_word_and_a_shape() -> None:
    """Colour says nothing that they do not say."""
    assert re.sub(r"<[^>]+>", "", pill("Idle")) == "◐Idle"
    assert re.sub(r"<[^>]+>", "", pill("CREATE_FAILED")) == "▲CREATE_FAILED"


def test_an_empty_list_says_what_would_fill_it() -> None:
    """Instead of nothing."""
    assert repr(SessionList()) == str(SessionList()) == "No sessions"
    assert "The first invocation of a runtime starts one." in SessionList()._repr_html_()
