"""Converse and ConverseStream of the scripted model, as a boto3 client has them."""

from __future__ import annotations

import json
import threading
from typing import Any

import boto3
import pytest
import urllib3
from botocore.exceptions import ClientError

from agentcore_lab.accounts.handed_out import client_environment
from agentcore_lab.discovery import RunningEngine
from agentcore_lab.settings import Settings
from tests.model.conftest import CLAUDE, TOOLS, assistant, call_of, result, text_of, user


def ask(bedrock: Any, *messages: dict[str, Any], **more: Any) -> dict[str, Any]:
    """Converse."""
    answer: dict[str, Any] = bedrock.converse(modelId=CLAUDE, messages=list(messages), **more)
    return answer


def refusal(bedrock: Any, *messages: dict[str, Any], **more: Any) -> tuple[str, int, str]:
    """Code, status and message of the error Converse answers with."""
    with pytest.raises(ClientError) as caught:
        ask(bedrock, *messages, **more)
    response = caught.value.response
    return (
        response["Error"]["Code"],
        response["ResponseMetadata"]["HTTPStatusCode"],
        response["Error"]["Message"],
    )


def test_a_plain_answer_says_what_it_was_asked(bedrock: Any) -> None:
    """A text, end_turn, and usage counted in words."""
    answer = ask(bedrock, user("Hello there, model"))
    assert text_of(answer) == 'You said: "Hello there, model"'
    assert answer["stopReason"] == "end_turn"
    assert answer["usage"] == {"inputTokens": 3, "outputTokens": 5, "totalTokens": 8}
    assert answer["metrics"]["latencyMs"] >= 0
    assert answer["output"]["message"]["role"] == "assistant"


def test_the_same_question_has_the_same_answer(bedrock: Any) -> None:
    """Nothing depends on when, or how often, it is asked."""
    first, second = (ask(bedrock, user("What is 17 + 25?"), toolConfig=TOOLS) for _ in range(2))
    assert first["output"] == second["output"]


def test_a_tool_is_called_and_its_result_is_the_answer(bedrock: Any) -> None:
    """The round trip of a tool: tool_use with arguments from the question, then an answer with the result."""
    question = user("What is 17 plus 25?")
    asked = ask(bedrock, question, toolConfig=TOOLS)
    call = call_of(asked)
    assert asked["stopReason"] == "tool_use"
    assert (call["name"], call["input"]) == ("add", {"a": 17, "b": 25})
    answer = ask(bedrock, question, asked["output"]["message"], user(result(call, "42")), toolConfig=TOOLS)
    assert answer["stopReason"] == "end_turn"
    assert text_of(answer) == "add answered: 42"


def test_a_failed_tool_is_said_to_have_failed(bedrock: Any) -> None:
    """The status of a result is not lost."""
    question = user("What is the weather in Paris?")
    asked = ask(bedrock, question, toolConfig=TOOLS)
    call = call_of(asked)
    assert call["input"] == {"city": "Paris"}
    back = user(result(call, "no such city", status="error"))
    answer = ask(bedrock, question, asked["output"]["message"], back, toolConfig=TOOLS)
    assert text_of(answer) == "get_weather failed: no such city"


def test_ids_of_calls_differ_within_a_conversation(bedrock: Any) -> None:
    """The same question asked again makes another call."""
    question = user("What is 1 plus 1?")
    first = ask(bedrock, question, toolConfig=TOOLS)
    messages = [question, first["output"]["message"], user(result(call_of(first), "2")), assistant("Two.")]
    second = ask(bedrock, *messages, question, toolConfig=TOOLS)
    assert call_of(first)["toolUseId"] != call_of(second)["toolUseId"]


def test_no_tool_is_called_that_does_not_fit(bedrock: Any) -> None:
    """Tools that share no words with the question are left alone."""
    assert ask(bedrock, user("Write a poem"), toolConfig=TOOLS)["stopReason"] == "end_turn"


def test_the_caller_can_insist_on_a_tool(bedrock: Any) -> None:
    """toolChoice names a tool, or wants any, whatever the words are."""
    named = {**TOOLS, "toolChoice": {"tool": {"name": "add"}}}
    assert call_of(ask(bedrock, user("Write a poem"), toolConfig=named))["input"] == {"a": 0, "b": 0}
    any_of_them = {**TOOLS, "toolChoice": {"any": {}}}
    assert ask(bedrock, user("Write a poem"), toolConfig=any_of_them)["stopReason"] == "tool_use"


def test_the_conversation_is_remembered(bedrock: Any) -> None:
    """What the user said of themselves is found again, and only there."""
    told = [user("Hello! My name is Ada."), assistant("Hello.")]
    assert text_of(ask(bedrock, *told, user("What is my name?"))) == "Your name is Ada."
    assert text_of(ask(bedrock, user("What is my name?"))) == "You have not told me your name."
    assert "My name is Ada" in text_of(ask(bedrock, *told, user("And now?")))


def test_the_system_prompt_gives_a_role(bedrock: Any) -> None:
    """It speaks as what it is told to be, and counts the words of it."""
    system = [{"text": "You are a travel agent. Answer in upper case."}]
    answer = ask(bedrock, user("hello"), system=system)
    assert text_of(answer) == 'AS A TRAVEL AGENT: YOU SAID: "HELLO"'
    assert answer["usage"]["inputTokens"] == 10


def test_an_answer_ends_at_its_limit(bedrock: Any) -> None:
    """maxTokens and stop sequences cut it, and the stop reason says which."""
    cut = ask(bedrock, user("one two three"), inferenceConfig={"maxTokens": 3})
    assert (text_of(cut), cut["stopReason"]) == ('You said: "one', "max_tokens")
    assert cut["usage"]["outputTokens"] == 3
    stopped = ask(bedrock, user("one two three"), inferenceConfig={"stopSequences": ["two"]})
    assert (text_of(stopped), stopped["stopReason"]) == ('You said: "one ', "stop_sequence")


def test_events_of_a_text_come_in_order(bedrock: Any) -> None:
    """messageStart, several deltas, contentBlockStop, messageStop, metadata."""
    stream = bedrock.converse_stream(modelId=CLAUDE, messages=[user("one two three four")])["stream"]
    events = [next(iter(event.items())) for event in stream]
    names = [name for name, _ in events]
    deltas = [body["delta"]["text"] for name, body in events if name == "contentBlockDelta"]
    assert names == [
        "messageStart",
        *["contentBlockDelta"] * len(deltas),
        "contentBlockStop",
        "messageStop",
        "metadata",
    ]
    assert len(deltas) > 2
    assert "".join(deltas) == 'You said: "one two three four"'
    assert events[-2][1] == {"stopReason": "end_turn"}
    assert events[-1][1]["usage"]["totalTokens"] == 10


def test_events_of_a_tool_call_come_in_order(bedrock: Any) -> None:
    """contentBlockStart names the call, its arguments come as pieces of JSON."""
    stream = bedrock.converse_stream(
        modelId=CLAUDE, messages=[user("What is 17 plus 25?")], toolConfig=TOOLS
    )["stream"]
    events = [next(iter(event.items())) for event in stream]
    assert events[1][0] == "contentBlockStart"
    assert events[1][1]["start"]["toolUse"]["name"] == "add"
    pieces = [body["delta"]["toolUse"]["input"] for name, body in events if name == "contentBlockDelta"]
    assert len(pieces) > 1
    assert json.loads("".join(pieces)) == {"a": 17, "b": 25}
    assert events[-2][1] == {"stopReason": "tool_use"}


@pytest.mark.parametrize(
    ("messages", "said"),
    [
        ([assistant("Hi")], "must start with a user message"),
        ([], "must start with a user message"),
        ([user("a"), user("b")], "must alternate between user and assistant roles"),
        ([user(" ")], "messages.0.content.0 is blank"),
        ([user()], "messages.0 is empty"),
        ([user("a"), assistant("b"), user(result({"toolUseId": "x"}, "1"))], "exceeds the number of toolUse"),
        (
            [user("a"), assistant({"toolUse": {"toolUseId": "x", "name": "add", "input": {}}}), user("b")],
            "Expected toolResult blocks at messages.2.content for the following Ids: x",
        ),
    ],
)
def test_a_conversation_bedrock_would_refuse_is_refused(
    bedrock: Any, messages: list[dict[str, Any]], said: str
) -> None:
    """A ValidationException of status 400 in Bedrock's words."""
    code, status, message = refusal(bedrock, *messages, toolConfig=TOOLS)
    assert (code, status) == ("ValidationException", 400)
    assert said in message


def test_tool_blocks_need_tools(bedrock: Any) -> None:
    """A history with calls of tools is refused where the request offers none."""
    history = [user("a"), assistant({"toolUse": {"toolUseId": "x", "name": "add", "input": {}}})]
    code, _, message = refusal(bedrock, *history, user(result({"toolUseId": "x"}, "1")))
    assert code == "ValidationException"
    assert message.startswith("The toolConfig field must be defined")


def test_what_the_service_model_forbids_is_refused(bedrock: Any) -> None:
    """Constraints come from botocore's model of bedrock-runtime."""
    code, status, message = refusal(bedrock, user("a"), inferenceConfig={"temperature": 2.0})
    assert (code, status) == ("ValidationException", 400)
    assert "inferenceConfig.temperature" in message


def test_a_model_of_the_accounts_own_is_not_found(bedrock: Any) -> None:
    """Custom models are nowhere here; foundation models and inference profiles are, by ARN too."""
    own = "arn:aws:bedrock:us-west-2:123456789012:provisioned-model/abcdefghijkl"
    with pytest.raises(bedrock.exceptions.ResourceNotFoundException):
        bedrock.converse(modelId=own, messages=[user("a")])
    profile = f"arn:aws:bedrock:us-west-2:123456789012:inference-profile/{CLAUDE}"
    assert bedrock.converse(modelId=profile, messages=[user("a")])["stopReason"] == "end_turn"


def test_operations_without_an_answer_say_so(bedrock: Any) -> None:
    """What is modelled and not handled is 501, and named."""
    with pytest.raises(ClientError, match="ListAsyncInvokes") as caught:
        bedrock.list_async_invokes()
    assert caught.value.response["ResponseMetadata"]["HTTPStatusCode"] == 501


def test_tokens_are_counted_before_they_are_sent(bedrock: Any) -> None:
    """CountTokens says what the same Converse call will."""
    asked = {"messages": [user("What is 17 plus 25?")], "toolConfig": TOOLS}
    counted = bedrock.count_tokens(modelId=CLAUDE, input={"converse": asked})["inputTokens"]
    assert counted == bedrock.converse(modelId=CLAUDE, **asked)["usage"]["inputTokens"]


def test_pictures_up_to_bedrocks_limit_are_taken(bedrock: Any) -> None:
    """A message may be far larger than a call of the control plane."""
    picture = {"image": {"format": "png", "source": {"bytes": bytes(5_000_000)}}}
    assert ask(bedrock, user("look", picture))["usage"]["inputTokens"] == 2


def test_a_web_page_may_not_ask(engine: RunningEngine) -> None:
    """A page of another origin in the user's browser gets no answers at the user's cost."""
    answer = urllib3.request(
        "POST",
        f"{engine.url}/model/{CLAUDE}/converse",
        json={"messages": [user("a")]},
        headers={"Origin": "https://example.org"},
    )
    assert answer.status == 403


def test_the_environment_is_all_a_client_needs(
    engine: RunningEngine, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A client made without any argument finds the model."""
    for name, value in client_environment(engine).items():
        monkeypatch.setenv(name, value)
    client = boto3.Session().client("bedrock-runtime")
    assert text_of(client.converse(modelId=CLAUDE, messages=[user("hello")])) == 'You said: "hello"'


def test_many_may_ask_at_once(bedrock: Any) -> None:
    """Every caller gets the answer to its own question."""
    answers: dict[int, str] = {}

    def one(number: int) -> None:
        answers[number] = text_of(ask(bedrock, user(f"number {number}")))

    threads = [threading.Thread(target=one, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert answers == {number: f'You said: "number {number}"' for number in range(8)}
