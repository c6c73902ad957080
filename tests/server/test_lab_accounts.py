"""Accounts of one engine: what the lab's own API tells one of them, it tells no other."""

from __future__ import annotations

import json
import uuid
from dataclasses import replace
from datetime import timedelta
from functools import partial
from pathlib import Path
from urllib.request import urlopen

import pytest
from typer.testing import CliRunner

from agentcore_lab.accounts.accounts import AccountError, Accounts, accounts_in
from agentcore_lab.accounts.handed_out import client_session, credentials_for, credentials_of_caller
from agentcore_lab.cli import app
from agentcore_lab.discovery import RunningEngine
from agentcore_lab.lab import Lab
from agentcore_lab.own_api import LabRefused, OwnApi
from agentcore_lab.panels.feed import Feed, Wish
from agentcore_lab.panels.world import Change
from agentcore_lab.sandbox.base import Usage
from agentcore_lab.settings import Settings
from agentcore_lab.testing import UNMETERED, FakeClock, Script, ScriptedBackend, engine_in_thread
from tests.conftest import HELLO, Clients, clients_of
from tests.model.conftest import CLAUDE, user
from tests.patience import eventually
from tests.runtime.calls import Answer, send
from tests.runtime.test_control_plane import refusal, settled, update
from tests.runtime.test_invocations import invoke, ready, scripted
from tests.server.sse import follow
from tests.signing import signed

MINE, HERS = "written by mine", "written by hers"
SHARED_ID = "one-id-that-both-accounts-chose-for-a-session"


@pytest.fixture
def alice(engine: RunningEngine, settings: Settings) -> str:
    """The id of a second account."""
    with accounts_in(settings.data_dir, engine.account_id) as accounts:
        return accounts.add("alice").id


@pytest.fixture
def hers(engine: RunningEngine, alice: str) -> Clients:
    """Her boto3 clients."""
    return clients_of(engine.url, account=alice)


def role_of(clients: Clients) -> str:
    """A role of the account that these clients are of."""
    made = clients.control.create_workload_identity(name=f"asked-{uuid.uuid4()}")["workloadIdentityArn"]
    return f"arn:aws:iam::{made.split(':')[4]}:role/Agents"


@pytest.fixture
def arns(aws: Clients, hers: Clients, backend: ScriptedBackend) -> tuple[str, str]:
    """A runtime of the default account and one of hers, each with a session of its own and one of the same id."""
    made = []
    for clients, name, words in ((aws, "mine", MINE), (hers, "hers", HERS)):
        script = Script(usage=Usage(1.0, 1024, None), log=(words,))
        arn = ready(clients, scripted(backend, script, name), name=name, roleArn=role_of(clients))
        for session_id in (SHARED_ID, f"{name}-{uuid.uuid4()}"):
            invoke(clients, arn, runtimeSessionId=session_id)
        made.append(arn)
    return made[0], made[1]


def listed(engine: RunningEngine, account: str | None, query: str = "") -> list[tuple[str, str]]:
    """Runtime and id of each session that an account is shown."""
    found = engine.api(account).fetch(f"sessions{query}")["sessions"]
    return [(session["agentRuntimeArn"], session["sessionId"]) for session in found]


def test_sessions_are_an_accounts_own(
    engine: RunningEngine, aws: Clients, alice: str, arns: tuple[str, str]
) -> None:
    """In lists, by id, with their logs; also where two accounts chose the same id, and after the end."""
    mine, hers = arns
    assert {arn for arn, _ in listed(engine, None)} == {mine}
    assert {arn for arn, _ in listed(engine, alice)} == {hers}
    assert listed(engine, None, f"?runtime={hers}") == []
    assert len(listed(engine, alice, f"?runtime={hers}&usage=1")) == 2
    for account, arn, words in ((None, mine, MINE), (alice, hers, HERS)):
        told = engine.api(account).fetch(f"sessions/{SHARED_ID}")["session"]
        assert (told["agentRuntimeArn"], told["logTail"]) == (arn, [words])
    her_session = next(session_id for _, session_id in listed(engine, alice) if session_id != SHARED_ID)
    for path in (f"sessions/{her_session}", f"sessions/{SHARED_ID}?runtime={hers}"):
        with pytest.raises(LabRefused, match="No session") as refused:
            engine.fetch(path)
        assert refused.value.status == 404
    aws.data.stop_runtime_session(agentRuntimeArn=mine, runtimeSessionId=SHARED_ID)
    assert engine.fetch(f"sessions/{SHARED_ID}")["session"]["state"] == "Terminated"
    assert engine.api(alice).fetch(f"sessions/{SHARED_ID}")["session"]["state"] == "Idle"


def secrets_of(engine: RunningEngine, account: str, arn: str) -> list[str]:
    """What would give an account away in another's stream: its number, names, ids, words."""
    sessions = engine.api(account).fetch("sessions")["sessions"]
    ids = [session[name] for session in sessions for name in ("sessionId", "sandboxId")]
    return [account, arn.rpartition("/")[2], HERS, *(each for each in ids if each != SHARED_ID)]


def test_a_stream_tells_of_one_account_alone(
    engine: RunningEngine,
    aws: Clients,
    hers: Clients,
    backend: ScriptedBackend,
    clock: FakeClock,
    alice: str,
    arns: tuple[str, str],
) -> None:
    """Sessions, runtimes, calls, health checks, use and logs, which cannot be asked for by another's ids either."""
    her_ids = [
        session[name]
        for session in engine.api(alice).fetch("sessions")["sessions"]
        for name in ("sessionId", "sandboxId")
    ]
    wished = f"?usage=1&logs={','.join(each for each in her_ids if each != SHARED_ID)}"
    with follow(engine.url, wished) as reader, follow(engine.url, wished, alice) as her_reader:
        snapshot, her_snapshot = reader.next().data, her_reader.next().data
        for told, account, arn in ((snapshot, "123456789012", arns[0]), (her_snapshot, alice, arns[1])):
            assert told["engine"]["account_id"] == account
            assert {session["agentRuntimeArn"] for session in told["sessions"]} == {arn}
            assert [runtime["arn"] for runtime in told["runtimes"]] == [arn]
        first = reader.last_id
        for _ in range(3):
            invoke(hers, arns[1], runtimeSessionId=SHARED_ID)
        update(hers, arns[1].rpartition("/")[2], HELLO.replace("hello", "hers"), roleArn=role_of(hers))
        settled(hers, arns[1].rpartition("/")[2])
        clock.advance(timedelta(seconds=2))
        for kind in ("usage", "ping", "runtime", "invocation", "log"):
            if f"event: {kind}\n" not in her_reader.text:
                her_reader.until(kind)
        assert HERS in her_reader.text
        hers.data.stop_runtime_session(agentRuntimeArn=arns[1], runtimeSessionId=SHARED_ID)
        her_reader.until("session", lambda told: told["state"] == "Terminated")
        reader.until("usage")
        hidden = secrets_of(engine, alice, arns[1])
        invoke(aws, arns[0], runtimeSessionId=SHARED_ID)
        reader.until("invocation")
        assert [word for word in hidden if word in reader.text] == []
        assert [word for word in (arns[0].rpartition("/")[2], MINE) if word in her_reader.text] == []
    # Nor does a gap in the numbers tell how much happened elsewhere: they are of my few events alone.
    assert int(reader.last_id.rpartition("-")[2]) - int(first.rpartition("-")[2]) < 20
    assert her_snapshot["sessions"][0]["sessionId"] in her_ids


def test_a_call_between_accounts_is_told_to_whose_agent_it_was(
    engine: RunningEngine, aws: Clients, hers: Clients, alice: str, arns: tuple[str, str]
) -> None:
    """And where the agent's account did not allow it, to the caller's alone."""
    arn = arns[0]
    endpoint = f"{arn}/runtime-endpoint/DEFAULT"
    with follow(engine.url) as reader, follow(engine.url, "", alice) as her_reader:
        reader.next()
        her_reader.next()
        assert refusal(lambda: invoke(hers, arn, runtimeSessionId="refused-" + "x" * 33))[1] == 403
        told = her_reader.until("invocation").data
        assert (told["agentRuntimeArn"], told["status"], told["error"]) == (arn, 403, "AccessDeniedException")
        for resource in (arn, endpoint):
            statement = {
                "Effect": "Allow",
                "Principal": {"AWS": f"arn:aws:iam::{alice}:root"},
                "Action": "bedrock-agentcore:InvokeAgentRuntime",
                "Resource": resource,
            }
            text = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
            aws.control.put_resource_policy(resourceArn=resource, policy=text)
        invoke(hers, arn, runtimeSessionId="allowed-" + "x" * 33)
        told = reader.until("invocation").data
        assert (told["sessionId"], told["status"]) == ("allowed-" + "x" * 33, 200)
        assert "refused-" not in reader.text
        invoke(hers, arns[1], runtimeSessionId=SHARED_ID)
        her_reader.until("invocation", lambda told: told["sessionId"] == SHARED_ID)
        assert "allowed-" not in her_reader.text
    assert ("allowed-" + "x" * 33) in {session_id for _, session_id in listed(engine, None)}


ROUTES = [
    ("GET", "sessions"),
    ("GET", f"sessions/{SHARED_ID}"),
    ("GET", "events"),
    ("GET", "clock"),
    ("POST", "clock"),
    ("GET", "model/scripts"),
    ("POST", "model/scripts"),
    ("POST", "model/scripts/clear"),
    ("GET", "idp"),
    ("POST", "idp"),
]


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_nothing_is_told_to_nobody(engine: RunningEngine, clock: FakeClock, method: str, path: str) -> None:
    """Unsigned, with a bearer token, or signed with another body than is sent; the words say how it is done."""
    url, before = f"{engine.url}/_lab/{path}", clock.now()
    body = b'{"advanceSeconds": 1}' if method == "POST" else None
    answer = send(engine.url, method, f"/_lab/{path}", body, sign=False)
    assert refused(answer) == (403, "MissingAuthenticationTokenException")
    assert "curl --aws-sigv4 aws:amz:REGION:agentcore-lab" in answer.json["message"]
    token = {"Authorization": "Bearer abc"}
    assert refused(send(engine.url, method, f"/_lab/{path}", body, token)) == (
        403,
        "IncompleteSignatureException",
    )
    stolen = signed(method, url, b"{}", service="agentcore-lab")
    assert refused(send(engine.url, method, f"/_lab/{path}", body, stolen)) == (
        403,
        "InvalidSignatureException",
    )
    assert clock.now() == before


def refused(answer: Answer) -> tuple[int, str]:
    """Status and code of a refusal."""
    return answer.status, answer.headers["x-amzn-errortype"]


def test_a_signature_is_for_this_api_and_this_region(engine: RunningEngine) -> None:
    """One for AWS's own service does not open it, nor one for elsewhere."""
    for_aws = signed("GET", f"{engine.url}/_lab/sessions")
    answer = send(engine.url, "GET", "/_lab/sessions", None, for_aws)
    assert refused(answer) == (403, "InvalidSignatureException")
    assert "correct service: 'agentcore-lab'" in answer.json["message"]
    elsewhere = replace(engine.api(), region="eu-west-1")
    with pytest.raises(LabRefused, match="valid region, not 'eu-west-1'"):
        elsewhere.fetch("sessions")


def test_what_finds_an_engine_is_open_and_tells_of_nobody(
    engine: RunningEngine, alice: str, arns: tuple[str, str]
) -> None:
    """The status: where the engine is and what it plays, not what anybody has there."""
    with urlopen(f"{engine.url}/_lab/status", timeout=10) as response:
        told = json.load(response)
    assert (told["instance"], told["region"]) == (engine.instance, "us-west-2")
    assert "sessions" not in told
    text = json.dumps(told)
    assert [each for each in (alice, *arns, SHARED_ID) if each in text] == []


def test_the_clock_is_the_engines_and_its_own_accounts_to_set(
    engine: RunningEngine, clock: FakeClock, alice: str
) -> None:
    """All read it, and all are told when it was set; a request that anybody could have sent sets nothing."""
    with pytest.raises(LabRefused, match="share its clock: its default account alone") as denied:
        engine.api(alice).send("clock", {"advanceSeconds": 60})
    assert denied.value.status == 403
    with follow(engine.url, "", alice) as reader:
        reader.next()
        engine.send("clock", {"advanceSeconds": 60})
        assert reader.until("clock").data["aheadSeconds"] == 60
    assert engine.api(alice).fetch("clock")["now"] == clock.now().isoformat()


def test_what_a_model_has_to_say_is_an_accounts_own(engine: RunningEngine, lab: Lab, alice: str) -> None:
    """A script of one is neither listed for the other, nor said to it, nor cleared by it."""
    hers = Lab(data_dir=engine.data_dir, account="alice")
    hers.model.script("weather", "Her sun shines.")
    lab.model.script("weather", "My rain falls.")

    def asked(account: str | None) -> str:
        client = client_session(engine, account).client("bedrock-runtime", endpoint_url=engine.url)
        answer = client.converse(modelId=CLAUDE, messages=[user("The weather?")])
        return str(answer["output"]["message"]["content"][0]["text"])

    assert (asked(None), asked(alice)) == ("My rain falls.", "Her sun shines.")
    assert [script["then"] for script in hers.model.scripts()] == [[{"text": "Her sun shines."}]]
    hers.model.clear()
    assert (len(lab.model.scripts()), asked(None)) == (1, "My rain falls.")


def test_quotas_are_an_accounts_own(settings: Settings, backend: ScriptedBackend, clock: FakeClock) -> None:
    """AWS: active sessions and request rates are counted by account."""
    metered = replace(settings, max_sessions=1, quotas={**UNMETERED, "list_calls_per_second": 2})
    with engine_in_thread(metered, backend, clock) as engine:
        with accounts_in(settings.data_dir, engine.account_id) as accounts:
            accounts.add("alice")
        for clients in (clients_of(engine.url), clients_of(engine.url, account="alice")):
            arn = ready(clients, roleArn=role_of(clients))
            invoke(clients, arn, runtimeSessionId=str(uuid.uuid4()))
            assert refusal(partial(invoke, clients, arn))[0] == "ServiceQuotaExceededException"
            for _ in range(2):
                clients.control.list_agent_runtimes()
            assert refusal(clients.control.list_agent_runtimes)[0] == "ThrottlingException"


def test_without_verification_who_says_nothing_is_the_default_account(
    settings: Settings, backend: ScriptedBackend, clock: FakeClock
) -> None:
    """--no-sigv4, as for AWS's routes: a key that is known is still its account's; pages of others get nothing."""
    with engine_in_thread(replace(settings, sigv4=False), backend, clock) as engine:
        with accounts_in(settings.data_dir, engine.account_id) as accounts:
            accounts.add("alice")
        mine = ready(clients_of(engine.url))
        invoke(clients_of(engine.url), mine, runtimeSessionId=SHARED_ID)
        with urlopen(f"{engine.url}/_lab/sessions", timeout=10) as response:
            assert [session["agentRuntimeArn"] for session in json.load(response)["sessions"]] == [mine]
        with follow(engine.url) as reader:
            assert [session["agentRuntimeArn"] for session in reader.next().data["sessions"]] == [mine]
        assert engine.api("alice").fetch("sessions")["sessions"] == []
        page = {"Origin": "https://example.org"}
        answer = send(engine.url, "GET", "/_lab/sessions", None, page, sign=False)
        assert refused(answer) == (403, "AccessDeniedException")


@pytest.fixture
def taken_back(monkeypatch: pytest.MonkeyPatch) -> set[str]:
    """Access keys that the engine knows no longer."""
    keys: set[str] = set()
    known = Accounts.of_key
    monkeypatch.setattr(
        Accounts, "of_key", lambda accounts, key: None if key in keys else known(accounts, key)
    )
    return keys


def test_a_stream_ends_with_its_credentials(
    engine: RunningEngine, hers: Clients, alice: str, taken_back: set[str]
) -> None:
    """However long it is open; what happens after their end is told no more."""
    with follow(engine.url, "", alice) as reader:
        reader.next()
        arn = ready(hers, roleArn=role_of(hers))
        reader.until("runtime", lambda told: told["status"] == "READY")
        taken_back.add(engine.api(alice).credentials.access_key_id)
        engine.send("clock", {"advanceSeconds": 60})
        with pytest.raises(EOFError):
            reader.until("clock")
    assert arn in reader.text


class Follower:
    """Notes nothing: it has the feed follow the engine."""

    def changed(self, change: Change) -> None:
        """Something is new."""

    def wish(self) -> Wish:
        """Nothing besides."""
        return Wish()


def test_panels_say_that_their_credentials_are_good_no_longer(
    engine: RunningEngine, alice: str, taken_back: set[str]
) -> None:
    """In the engine's words, which answers all the while; once they are good again, panels go on by themselves."""
    feed, follower = Feed(lambda: engine.api(alice)), Follower()
    feed.follow(follower)
    try:
        assert feed.connection.state == "open"
        assert feed.world.engine["account_id"] == alice
        key = engine.api(alice).credentials.access_key_id
        taken_back.add(key)
        engine.send("clock", {"advanceSeconds": 60})
        eventually(lambda: "security token included in the request is invalid" in feed.connection.notice)
        taken_back.clear()
        eventually(lambda: feed.connection.state == "open")
    finally:
        feed.leave(follower)


def test_a_notebook_of_an_account_shows_its_own(
    lab: Lab, engine: RunningEngine, alice: str, arns: tuple[str, str]
) -> None:
    """``Lab(account=…)``: lists, descriptions and every panel."""
    hers = Lab(data_dir=engine.data_dir, account="alice")
    for of_account, arn, words in ((lab, arns[0], MINE), (hers, arns[1], HERS)):
        assert {view.runtime_arn for view in of_account.sessions()} == {arn}
        assert words in str(of_account.session(SHARED_ID))
        page = of_account.dashboard_page()
        try:
            assert [runtime["arn"] for runtime in page.choice.runtimes] == [arn]
            assert page.choice.engine.endswith(f" · {of_account.account_id}")
            assert len(page.dashboard.sessions.sessions) == 2
            other = ({*arns} - {arn}).pop().rpartition("/")[2]
            shown = [str(panel.get_state()) for panel in page.dashboard.children]
            assert [text for text in shown if other in text] == []
        finally:
            page.close()


def test_commands_ask_as_an_account(
    engine: RunningEngine, alice: str, arns: tuple[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """``--account``, or whose credentials a shell has set; the default account's without either."""
    her_name = arns[1].rpartition("/")[2]
    assert told(engine, "sessions").count(her_name) == 0
    assert told(engine, "sessions", "--account", "alice").count(her_name) == 2
    assert HERS in told(engine, "sessions", SHARED_ID, "--account", alice)
    status = json.loads(told(engine, "status", "--account", "alice", "--json"))
    assert (status["sessions"], [each["agentRuntimeArn"] for each in status["runtimes"]]) == (2, [arns[1]])
    for name, value in credentials_for(engine, "alice").environment().items():
        monkeypatch.setenv(name, value)
    assert MINE not in told(engine, "sessions", SHARED_ID)
    assert "(default)" not in told(engine, "sessions", "stop", SHARED_ID)
    assert "default account alone" in told(engine, "clock", "advance", "15m")
    assert MINE in told(engine, "sessions", SHARED_ID, "--account", "default")
    assert engine.fetch(f"sessions/{SHARED_ID}")["session"]["state"] == "Idle"
    assert engine.api(alice).fetch(f"sessions/{SHARED_ID}")["session"]["state"] == "Terminated"


def test_credentials_alone_are_enough(
    engine: RunningEngine, alice: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A learner of a class has the output of ``env``, and cannot read the engine's directory."""
    (tmp_path / "file").touch()
    elsewhere = replace(engine, data_dir=str(tmp_path / "file" / "data"))
    monkeypatch.delenv("AWS_ACCESS_KEY_ID", raising=False)
    with pytest.raises(AccountError, match="cannot be read"):
        credentials_of_caller(elsewhere)
    hers = credentials_for(engine, "alice")
    for name, value in hers.environment().items():
        monkeypatch.setenv(name, value)
    found = credentials_of_caller(elsewhere)
    assert (found.access_key_id, found.secret_access_key) == (hers.access_key_id, hers.secret_access_key)
    assert OwnApi(engine.url, engine.region, found).fetch("sessions")["sessions"] == []
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "of another engine")
    assert credentials_of_caller(engine) == credentials_for(engine)


def told(engine: RunningEngine, *arguments: str) -> str:
    """What a command prints, on a wide terminal."""
    where = ("--port", engine.url.rpartition(":")[2])
    return CliRunner().invoke(app, [*arguments, *where], env={"COLUMNS": "250"}).output
