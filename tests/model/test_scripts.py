"""Scripts: what a lab wants the model to do."""

from __future__ import annotations

from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError

from agentcore_lab.discovery import RunningEngine
from agentcore_lab.lab_model import LabModel
from agentcore_lab.own_api import LabRefused
from tests.model.conftest import CLAUDE, TOOLS, call_of, result, text_of, user


@pytest.fixture
def model(engine: RunningEngine) -> LabModel:
    """The model, as a lab has it."""
    return LabModel(engine)


def ask(bedrock: Any, *messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Converse with the tools of these tests."""
    answer: dict[str, Any] = bedrock.converse(
        modelId=CLAUDE, messages=list(messages), toolConfig=TOOLS, **more
    )
    return answer


def test_a_text_is_answered_as_written(bedrock: Any, model: LabModel) -> None:
    """It goes before tools and rules, and capitals make no difference."""
    model.script("the WEATHER", "It rains, as always. You asked: {message}")
    answer = text_of(ask(bedrock, user("What is the weather in Paris?")))
    assert answer == "It rains, as always. You asked: What is the weather in Paris?"


def test_steps_follow_the_models_turns(bedrock: Any, model: LabModel) -> None:
    """One step for each turn after the user's text, by nothing but the messages; then rules again."""
    model.script(
        "trip",
        [
            {"text": "Let me see.", "tool": "get_weather", "input": {"city": "Oslo"}},
            {"tool": "add", "input": {"a": 1, "b": 2}},
            "All in all: {result}",
        ],
    )
    question = user("Plan my trip")
    first = ask(bedrock, question)
    text, called = first["output"]["message"]["content"]
    assert text == {"text": "Let me see."}
    assert called["toolUse"]["input"] == {"city": "Oslo"}
    messages = [question, first["output"]["message"], user(result(called["toolUse"], "sun"))]
    second = ask(bedrock, *messages)
    assert call_of(second)["name"] == "add"
    messages += [second["output"]["message"], user(result(call_of(second), "3"))]
    third = ask(bedrock, *messages)
    assert (text_of(third), third["stopReason"]) == ("All in all: 3", "end_turn")


def test_arguments_are_found_where_a_script_has_none(bedrock: Any, model: LabModel) -> None:
    """A script may leave them to the question."""
    model.script("outside", {"tool": "get_weather"})
    assert call_of(ask(bedrock, user('How is it outside in "Rome"?')))["input"] == {"city": "Rome"}


def test_a_script_may_be_for_one_agent(bedrock: Any, model: LabModel) -> None:
    """By its system prompt and its model's id."""
    model.script({"system": "planner", "model": "claude"}, "I plan.")
    system = [{"text": "You are the planner."}]
    assert text_of(ask(bedrock, user("hello"), system=system)) == "I plan."
    assert text_of(ask(bedrock, user("hello"))) == 'You said: "hello"'


def test_errors_can_be_rehearsed(bedrock: Any, model: LabModel) -> None:
    """An error of bedrock-runtime with its status, also where the answer would be streamed."""
    model.script("busy", {"error": "ThrottlingException", "text": "Too many requests"})
    with pytest.raises(bedrock.exceptions.ThrottlingException, match="Too many requests") as caught:
        ask(bedrock, user("busy?"))
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 429
    with pytest.raises(bedrock.exceptions.ThrottlingException):
        bedrock.converse_stream(modelId=CLAUDE, messages=[user("busy?")])
    model.script("broken", {"error": "ModelErrorException"})
    with pytest.raises(ClientError) as failed:
        ask(bedrock, user("broken?"))
    assert failed.value.response["ResponseMetadata"]["HTTPStatusCode"] == 424


def test_the_latest_script_goes_first(bedrock: Any, model: LabModel) -> None:
    """A cell that is run again replaces its script; clearing brings the rules back."""
    model.script("", "anything")
    model.script("hello", "one")
    model.script("hello", ["two"])
    assert model.scripts() == [
        {"when": {"message": "hello"}, "then": [{"text": "two"}]},
        {"when": {}, "then": [{"text": "anything"}]},
    ]
    assert text_of(ask(bedrock, user("hello"))) == "two"
    assert text_of(ask(bedrock, user("other"))) == "anything"
    assert repr(model) == "LabModel(2 scripts)"
    model.clear()
    assert text_of(ask(bedrock, user("hello"))) == 'You said: "hello"'


@pytest.mark.parametrize(
    ("when", "then", "said"),
    [
        ("a", [], "must have a step"),
        ("a", {"says": "b"}, "A step of then"),
        ("a", {"error": "NoSuchException"}, "one of AccessDeniedException"),
        ("a", {"input": {"a": 1}}, "goes with tool"),
        ("a", {"text": ""}, "must have text"),
        ({"question": "a"}, "b", "when must be a text"),
        ({"message": 1}, "b", "must be texts"),
    ],
)
def test_what_is_no_script_is_refused(model: LabModel, when: Any, then: Any, said: str) -> None:
    """With what is wrong with it."""
    with pytest.raises(LabRefused, match=said):
        model.script(when, then)


def test_a_web_page_sets_no_scripts(engine: RunningEngine) -> None:
    """Pages of another origin are refused."""
    for path in ("", "/clear"):
        answer = urllib3.request(
            "POST",
            f"{engine.url}/_lab/model/scripts{path}",
            json={"when": "a", "then": "b"},
            headers={"Origin": "https://example.org"},
        )
        assert answer.status == 403
