"""Request rates: a second's worth at once, then as many as the clock allows."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from agentcore_lab.runtime.throttle import Kind, control_kind
from agentcore_lab.settings import Settings
from agentcore_lab.testing import UNMETERED, FakeClock, ScriptedBackend, engine_in_thread
from tests.conftest import Clients, clients_of
from tests.runtime.test_control_plane import refusal
from tests.runtime.test_invocations import invoke, ready

CALLS: list[tuple[Kind, Callable[[Clients, str], Any]]] = [
    (Kind.GET, lambda aws, arn: aws.control.get_agent_runtime(agentRuntimeId=arn.rpartition("/")[2])),
    (Kind.LIST, lambda aws, _: aws.control.list_agent_runtimes()),
    (Kind.MUTATING, lambda aws, arn: aws.control.tag_resource(resourceArn=arn, tags={"a": "b"})),
    (Kind.DATA, lambda aws, arn: invoke(aws, arn, runtimeSessionId="s" * 33)),
    (Kind.NEW_SESSION, lambda aws, arn: invoke(aws, arn, runtimeSessionId=str(uuid.uuid4()))),
]


@pytest.mark.parametrize(("kind", "call"), CALLS, ids=[kind.name for kind, _ in CALLS])
def test_calls_above_the_rate_are_throttled_until_time_has_passed(
    settings: Settings,
    backend: ScriptedBackend,
    clock: FakeClock,
    kind: Kind,
    call: Callable[[Clients, str], Any],
) -> None:
    """AWS: ThrottlingException, 429, "Rate exceeded"; a fifth of a second allows a fifth of the rate."""
    with engine_in_thread(settings, backend, clock) as engine:
        arn = ready(clients_of(engine.url))
    metered = replace(settings, quotas={**UNMETERED, kind.value: 5})
    with engine_in_thread(metered, backend, clock) as engine:
        aws = clients_of(engine.url)
        for _ in range(5):
            call(aws, arn)
        assert refusal(lambda: call(aws, arn))[:3] == ("ThrottlingException", 429, "Rate exceeded")
        clock.advance(timedelta(seconds=0.2))
        call(aws, arn)
        assert refusal(lambda: call(aws, arn))[0] == "ThrottlingException"


def test_what_an_operation_counts_as() -> None:
    """AWS tells three kinds of control-plane calls apart."""
    kinds = [control_kind(name) for name in ("GetAgentRuntime", "ListTagsForResource", "TagResource")]
    assert kinds == [Kind.GET, Kind.LIST, Kind.MUTATING]
