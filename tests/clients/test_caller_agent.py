"""Agents that call agents: a bare boto3 client inside a sandbox reaches the engine it runs on."""

from __future__ import annotations

from tests.clients.stage import Stage, eventually, new_session_id


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


def test_an_agent_reaches_the_engine_under_aws_own_name(stage: Stage) -> None:
    """boto3 with AWS's URL written into the code: the name leads to the engine, whose certificate boto3 believes."""
    wait_for_https(stage)
    with stage.deployed("caller-agent", HARD_CODED="1") as caller, stage.deployed("hello-agent") as hello:
        answers = caller.ask({"prompt": "Ada", "agents": [hello.arn]})["answers"]
    assert answers[0]["answer"]["answer"] == "Hello Ada, nice to meet you."


def wait_for_https(stage: Stage) -> None:
    """On containers one engine of a machine has port 443: wait until this one does, should another be there."""
    log = stage.program.data_dir.with_suffix(".log")
    taken = "cannot be listened on"
    eventually(lambda: taken not in log.read_text() or "from now on" in log.read_text(), seconds=600)
