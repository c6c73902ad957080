"""What the weather agent promises, checked as its callers see it: with plain boto3."""

import json
import uuid
from pathlib import Path

import boto3
import pytest

WEATHER = Path(__file__).parents[1] / "agents" / "weather"


def ask(runtime, city, session):
    answer = boto3.client("bedrock-agentcore").invoke_agent_runtime(
        agentRuntimeArn=runtime.arn, runtimeSessionId=session, payload=json.dumps({"city": city})
    )
    return json.loads(answer["response"].read())


@pytest.fixture
def weather(agentcore_runtime):
    return agentcore_runtime(WEATHER)


def test_it_knows_the_weather(weather):
    assert ask(weather, "Berlin", str(uuid.uuid4()))["forecast"] == "rain"


def test_a_session_remembers_what_it_was_asked_until_it_has_been_idle_for_15_minutes(
    weather, agentcore_clock
):
    session = str(uuid.uuid4())
    ask(weather, "Berlin", session)
    assert ask(weather, "Lisbon", session)["asked"] == ["Berlin", "Lisbon"]
    agentcore_clock.advance(minutes=16)
    assert ask(weather, "Lisbon", session)["asked"] == ["Lisbon"]


def test_a_new_version_answers_new_sessions(weather, agentcore_runtime):
    assert weather.version == "1"
    assert agentcore_runtime(WEATHER, environment={"UNITS": "metric"}).version == "2"
