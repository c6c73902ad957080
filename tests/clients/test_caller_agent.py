"""Agents that call agents: a bare boto3 client inside a sandbox reaches the engine it runs on."""

from __future__ import annotations

from tests.clients.stage import Stage, new_session_id


def test_an_agent_calls_others_and_survives_their_failures(stage: Stage) -> None:
    """Endpoint, region and credentials come from the platform; answers and errors come back one for each agent."""
    session_id = new_session_id()
    with (
        stage.deployed("caller-agent") as caller,
        stage.deployed("hello-agent") as hello,
        stage.deployed("misbehaving-agent") as other,
    ):
        nobody = f"{hello.arn[:-10]}0123456789"
        asked = {"prompt": "Ada", "agents": [hello.arn, other.arn, nobody]}
        answers = caller.ask(asked, runtimeSessionId=session_id)["answers"]
        again = caller.ask(asked, runtimeSessionId=session_id)["answers"]
    assert [answer["agent"] for answer in answers] == asked["agents"]
    assert answers[0]["answer"]["answer"] == "Hello Ada, nice to meet you."
    assert answers[1]["answer"] == {"fault": "none"}
    assert answers[2]["error"] == "ResourceNotFoundException"
    assert again[0]["answer"]["answer"] == "Hello Ada, welcome back."
    assert again[0]["session"] == answers[0]["session"] != session_id
