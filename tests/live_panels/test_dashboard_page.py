"""The dashboard under a choice of runtime."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from agentcore_lab.lab import Lab
from agentcore_lab.panels.choice import DashboardPage
from tests.conftest import Clients
from tests.patience import eventually
from tests.runtime.test_control_plane import create
from tests.runtime.test_invocations import ready


@pytest.fixture
def page(lab: Lab) -> Iterator[DashboardPage]:
    """All runtimes."""
    page = lab.dashboard_page()
    yield page
    page.close()


def choose(page: DashboardPage, arn: str) -> None:
    """What the browser sends when a person chooses."""
    content: Any = {"data": {"method": "custom", "content": {"type": "choose", "arn": arn}}}
    page.choice._handle_msg({"content": content, "buffers": []})


def test_the_panels_of_the_chosen_runtime_stand_below(page: DashboardPage, aws: Clients) -> None:
    """Of all at first, without a prompt; of one with everything; the ones before follow nothing any more."""
    arn = ready(aws)
    create(aws, name="another")
    eventually(lambda: [each["name"] for each in page.choice.runtimes] == ["another", "hello_agent"])
    before = page.dashboard
    assert before.invoke is None
    choose(page, arn)
    assert repr(page).startswith("Dashboard(InvokePanel(runtime 'hello_agent'")
    assert [*page.children] == [page.choice, page.dashboard]
    assert before.sessions.comm is None
    choose(page, "")
    assert page.dashboard.invoke is None


def test_the_engine_is_named(page: DashboardPage, lab: Lab) -> None:
    """Where it is, what agents run in, region and account."""
    assert page.choice.engine == f"{lab.url} · scripted · us-west-2 · 123456789012"
