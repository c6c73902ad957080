"""What is read from the installed models: operations, error codes, patterns."""

from __future__ import annotations

import re
import time
from itertools import product
from typing import Any

import pytest

from agentcore_lab.wire.models import CONTROL, DATA, MODEL, error_status, load_operations
from agentcore_lab.wire.patterns import compile_pattern
from agentcore_lab.wire.request_id import new_request_id

OPERATIONS = load_operations()


def test_all_operations_of_both_services() -> None:
    """Nothing the installed models know is left out, and the two runtime planes are told apart."""
    services = {operation.name: operation.service for operation in OPERATIONS}
    assert len(OPERATIONS) >= 250
    assert services["CreateAgentRuntime"] == CONTROL
    assert services["InvokeAgentRuntime"] == DATA
    assert load_operations() is OPERATIONS


def test_kinds_of_bodies() -> None:
    """Which operations stream is read from the model."""
    assert {item.name for item in OPERATIONS if item.streams_request} == {"InvokeAgentRuntime"}
    assert {item.name for item in OPERATIONS if item.streams_response} == {"InvokeAgentRuntime"}
    events = {item.name for item in OPERATIONS if item.event_stream_output}
    assert {"InvokeAgentRuntimeCommand", "InvokeCodeInterpreter", "InvokeHarness"} <= events


@pytest.mark.parametrize(
    ("code", "service", "status"),
    [
        ("ValidationException", CONTROL, 400),
        ("ServiceQuotaExceededException", DATA, 402),
        ("AccessDeniedException", None, 403),
        ("RetryableConflictException", DATA, 409),
        ("RuntimeClientError", DATA, 424),
        ("RuntimeClientError", CONTROL, 424),
        ("ThrottlingException", CONTROL, 429),
        ("ServiceUnavailableException", CONTROL, 503),
        ("UnauthorizedException", DATA, 401),
        ("UnknownOperationException", None, 404),
        ("NotImplementedException", CONTROL, 501),
        ("InvalidSignatureException", None, 403),
        ("ServiceQuotaExceededException", MODEL, 400),
        ("ModelErrorException", MODEL, 424),
        ("NobodysException", DATA, 500),
    ],
)
def test_status_of_an_error_code(code: str, service: str | None, status: int) -> None:
    """The status is the service's own, else the other service's, else the front door's, else 500."""
    assert error_status(code, service) == status


def patterns(shape: Any, seen: frozenset[str] = frozenset()) -> set[str]:
    """Every pattern in a shape."""
    found = {shape.metadata["pattern"]} if "pattern" in shape.metadata else set()
    if shape.name in seen:
        return found
    parts = [*getattr(shape, "members", {}).values()]
    parts += [getattr(shape, name) for name in ("member", "key", "value") if hasattr(shape, name)]
    return found.union(*(patterns(part, seen | {shape.name}) for part in parts))


def test_every_pattern_of_the_models_is_kept() -> None:
    """Each is compiled as it stands, save for Java's classes, and none is too hard to compile."""
    every = set().union(*(patterns(operation.model.input_shape) for operation in OPERATIONS))
    assert len(every) > 150
    for pattern in every:
        kept = compile_pattern(pattern).pattern
        assert kept.endswith(pattern) or (r"\p{C}" in pattern and len(kept) > 1000)


@pytest.mark.parametrize(
    ("pattern", "good", "bad"),
    [
        (r"[^\p{C}]*", ["", "plain äöü 猫🦜"], ["tab\t", "zero\u200bwidth", "\x00"]),
        (r"\w+", ["abc_9"], ["ä", "a-b"]),
        (r"\d+", ["12"], ["٣"]),
        (r"[a-z]+", ["a"], ["a\n", "", "1"]),
        (r"[!-~][ -~]*[!-~]$|^[!-~]", ["a", "a b"], [" a", "a ", ""]),
    ],
)
def test_patterns_mean_what_java_means(pattern: str, good: list[str], bad: list[str]) -> None:
    """Whole-string matches, ASCII classes, and Unicode categories."""
    matches = compile_pattern(pattern).fullmatch
    assert all(matches(text) for text in good)
    assert not any(matches(text) for text in bad)


def test_a_pattern_python_cannot_compile_constrains_nothing() -> None:
    """A newer model's pattern in Java's own syntax does not stop the engine."""
    assert compile_pattern(r"[a-z&&[^b]]++(?<name>x\z)").fullmatch("any\nthing")


JWT = "[A-Za-z0-9-_=]+.[A-Za-z0-9-_=]+.[A-Za-z0-9-_=]+"


@pytest.mark.parametrize("token", ["a" * 131_071, ".".join(["a" * 100, "b" * 800, "c" * 342]), "a." * 60_000])
def test_long_tokens_are_refused_quickly(token: str) -> None:
    """The JWT pattern's dots match anything: to try all ways to read such a token would take hours."""
    began = time.process_time()
    assert compile_pattern(JWT).fullmatch(token + "\n") is None
    assert time.process_time() - began < 30


def test_tokens_are_what_the_jwt_pattern_says() -> None:
    """Looking first at the separators changes nothing in what the pattern takes."""
    ours, plain = compile_pattern(JWT), re.compile(JWT)
    for length in range(8):
        for letters in product("a.!\n", repeat=length):
            text = "".join(letters)
            assert (ours.fullmatch(text) is None) == (plain.fullmatch(text) is None)


def test_request_ids_are_new() -> None:
    """A request id is a UUID4, another each time."""
    one, two = new_request_id(), new_request_id()
    assert one != two
    assert re.fullmatch(r"[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", one)
