"""No secret shows: planted ones are looked for in logs, errors, events, the lab's API, files, notebooks, containers."""

from __future__ import annotations

import json
import logging
import os
import threading
import time
import uuid
from base64 import b64encode
from collections.abc import Iterable, Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote, quote_plus
from urllib.request import Request, urlopen

import nbformat
import pytest
from botocore.exceptions import ClientError
from nbclient import NotebookClient

from agentcore_lab.discovery import RunningEngine, engine_at, leave_note
from agentcore_lab.sandbox.docker_host import connect
from agentcore_lab.settings import Settings
from agentcore_lab.testing import FakeClock, Script, ScriptedBackend
from tests.clients.stage import Deployed, Stage
from tests.conftest import HELLO, Clients, clients_of
from tests.identity.issuer import Issuer
from tests.identity.oauth_server import CLIENT_SECRET, OAuthServer
from tests.identity.test_api_keys import provide as provide_key
from tests.identity.test_api_keys import token_for
from tests.identity.test_bearer_tokens import call, protected
from tests.identity.test_m2m import asking, custom
from tests.identity.test_oauth2_providers import provide
from tests.identity.test_runtime_tokens import show
from tests.identity.test_user_federation import RETURN_URL, World
from tests.identity.test_workload_identities import make
from tests.patience import PATIENCE
from tests.programs import ROOT, Program
from tests.runtime.calls import invocations, send
from tests.runtime.test_control_plane import create, settled

KEY = "canary-api-key-93b1"
USER = "canary-user-5e77"
BEARER = "canary-bearer.canary-bearer.canary-bearer"
PARAMETER = "canary-custom-parameter-21aa"


def hidden_in(text: str, secrets: Iterable[str]) -> list[str]:
    """The secrets that a text holds, as they are, as a URL or as HTTP Basic would have them, or whole families."""
    forms = {
        secret: {secret, quote(secret, safe=""), quote_plus(secret), json.dumps(secret)[1:-1]}
        for secret in secrets
    }
    basic = b64encode(f"the-client:{quote_plus(CLIENT_SECRET)}".encode()).decode()
    forms["HTTP Basic"] = {basic}
    # Codes, access tokens, refresh tokens and error descriptions of the tests' provider all begin so.
    forms["a canary"] = {"canary"}
    return [name for name, ways in forms.items() if any(way in text for way in ways)]


class Listener:
    """Follows an engine's event stream, and keeps all of it."""

    def __init__(self, url: str) -> None:
        self.text = ""
        engine = engine_at(url)
        assert engine is not None
        headers = engine.api().signed("GET", "events")
        self._response = urlopen(Request(f"{url}/_lab/events", headers=headers), timeout=180)
        self._thread = threading.Thread(target=self._read, daemon=True)
        self._thread.start()

    def _read(self) -> None:
        try:
            while line := self._response.readline():
                self.text += line.decode()
        except (OSError, ValueError):
            return

    def until(self, words: str) -> str:
        """All that was told, once these words were."""
        ends = time.monotonic() + PATIENCE
        while words not in self.text:
            assert time.monotonic() < ends, "the events did not come"
            time.sleep(0.05)
        return self.text


def files_of(data_dir: Path) -> str:
    """Every byte an engine has written: its database, the log of that, and what lies beside them."""
    files = [file for file in data_dir.rglob("*") if file.is_file() and not file.is_socket()]
    assert data_dir / "engine.db" in files
    return "\n".join(file.read_bytes().decode("latin-1") for file in files)


def logged_by_engine(caplog: pytest.LogCaptureFixture) -> str:
    """What was logged in the engine's thread: botocore in the test's own tells all it sends, if it is asked to."""
    own = threading.get_ident()
    return "\n".join(caplog.handler.format(each) for each in caplog.records if each.thread != own)


def refusals(aws: Clients, token: str) -> str:
    """What the engine says to calls that bring secrets and fail."""
    wrong: list[tuple[Any, dict[str, Any]]] = [
        (aws.control.create_api_key_credential_provider, {"name": "weather", "apiKey": KEY}),
        (aws.control.create_api_key_credential_provider, {"name": "not a name", "apiKey": KEY}),
        (aws.control.update_api_key_credential_provider, {"name": "nobody", "apiKey": KEY}),
        (
            aws.control.create_oauth2_credential_provider,
            {
                "name": "calendar",
                "credentialProviderVendor": "GithubOauth2",
                "oauth2ProviderConfigInput": {
                    "includedOauth2ProviderConfig": {"clientId": "c", "clientSecret": CLIENT_SECRET}
                },
            },
        ),
        (
            aws.data.get_resource_api_key,
            {"workloadIdentityToken": token[:-8] + "AAAAAAA=", "resourceCredentialProviderName": "weather"},
        ),
        (
            aws.data.get_resource_api_key,
            {"workloadIdentityToken": token, "resourceCredentialProviderName": "nobody"},
        ),
        (
            aws.data.complete_resource_token_auth,
            {
                "userIdentifier": {"userId": USER},
                "sessionUri": "urn:ietf:params:oauth:request_uri:unknown",
            },
        ),
        (
            aws.data.complete_resource_token_auth,
            {
                "userIdentifier": {"userToken": BEARER},
                "sessionUri": "urn:ietf:params:oauth:request_uri:unknown",
            },
        ),
    ]
    told = []
    for each, params in wrong:
        with pytest.raises(ClientError) as caught:
            each(**params)
        told.append(str(caught.value.response))
    return "\n".join(told)


def test_nothing_of_it_shows_on_an_engine(
    aws: Clients,
    engine: RunningEngine,
    server: OAuthServer,
    issuer: Issuer,
    settings: Settings,
    backend: ScriptedBackend,
    clock: FakeClock,
    caplog: pytest.LogCaptureFixture,
) -> None:
    """Every flow, and many failures, with all logging on: only who asks with the right token has the secret."""
    caplog.set_level(logging.DEBUG)
    told = Listener(engine.url)
    make(aws, allowedResourceOauth2ReturnUrls=[RETURN_URL])
    provide_key(aws, key=KEY)
    provide(aws, "CustomOauth2", custom(server))
    world = World(aws, engine, server)

    token = token_for(aws, USER)
    aws.data.get_resource_api_key(workloadIdentityToken=token, resourceCredentialProviderName="weather")
    aws.data.get_resource_oauth2_token(**asking(token, customParameters={"tenant": PARAMETER}))
    parameters = {"login_hint": USER, "tenant": PARAMETER}
    first = world.granted(USER, customParameters=parameters, customState="canary-state")
    clock.advance(timedelta(hours=1))
    assert world.ask(USER)["accessToken"] != first

    backend.add(HELLO, Script(answer=show))
    arn = settled(aws, create(aws, "named_users")["agentRuntimeId"])["agentRuntimeArn"]
    session_id = str(uuid.uuid4())
    answer = aws.data.invoke_agent_runtime(
        agentRuntimeArn=arn, runtimeSessionId=session_id, runtimeUserId=USER, payload=b"{}"
    )
    minted = json.load(answer["response"])["workloadaccesstoken"]
    jwt = issuer.token(sub=USER, exp=int(clock.now().timestamp()) + 3600)
    of_jwt = call(engine, protected(aws, issuer), jwt).json["workloadaccesstoken"]
    bearer = send(engine.url, "POST", invocations(arn), b"{}", {"Authorization": f"Bearer {BEARER}"})
    assert bearer.status in {401, 403}
    server.seconds = 0
    asked = world.ask(USER, forceAuthentication=True)
    world.consent(asked)
    server.codes.clear()
    with pytest.raises(ClientError) as caught:
        world.complete(asked, USER)

    secrets = {KEY, CLIENT_SECRET, USER, BEARER, jwt, PARAMETER, token, minted, of_jwt, *server.issued}
    places = {
        "errors": refusals(aws, token) + str(caught.value.response) + bearer.body.decode(),
        "control plane": str(
            [
                aws.control.get_api_key_credential_provider(name="weather"),
                aws.control.get_oauth2_credential_provider(name="calendar"),
                aws.control.list_oauth2_credential_providers(),
            ]
        ),
        "log": logged_by_engine(caplog),
        "events": told.until(session_id),
        "lab's API": json.dumps([engine.fetch("sessions"), engine.fetch(f"sessions/{session_id}")]),
        "files": files_of(settings.data_dir),
    }
    assert {
        place: hidden_in(text, secrets) for place, text in places.items() if hidden_in(text, secrets)
    } == {}


@pytest.fixture(
    params=[
        pytest.param("process", marks=pytest.mark.process),
        pytest.param("docker", marks=[pytest.mark.docker, pytest.mark.long]),
    ]
)
def stage(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[tuple[Stage, Path]]:
    """A real engine, with its log."""
    program = Program(tmp_path / "data")
    with program.serving("--sandbox", request.param, "--port", "0") as serving:
        yield Stage(program, serving.engine, clients_of(serving.engine.url)), serving.log


def test_nothing_of_it_shows_around_a_sandbox(stage: tuple[Stage, Path], server: OAuthServer) -> None:
    """An agent that has key and tokens: engine's log, agent's log, files, and what `docker inspect` tells."""
    on, log = stage
    provide_key(on.aws, key=KEY)
    provide(on.aws, "CustomOauth2", custom(server))
    session_id = str(uuid.uuid4())
    with on.deployed("identity-agent") as agent:
        with_user = {"runtimeUserId": USER, "runtimeSessionId": session_id}
        assert "sha256" in agent.ask({"credential": "api-key", "provider": "weather"}, **with_user)
        m2m = {"credential": "m2m", "provider": "calendar", "scopes": ["read"]}
        assert "sha256" in agent.ask(m2m, **with_user)
        places = {
            "session": json.dumps(agent.session(session_id)),
            "log": log.read_text(),
            "files": files_of(on.program.data_dir),
            "containers": inspected(agent) if on.engine.sandbox == "docker" else "",
        }
    secrets = {KEY, CLIENT_SECRET, USER, *server.issued}
    assert {
        place: hidden_in(text, secrets) for place, text in places.items() if hidden_in(text, secrets)
    } == {}


def inspected(agent: Deployed) -> str:
    """``docker inspect`` and ``docker logs`` of the engine's containers."""
    client = connect()
    try:
        runtime_id = agent.arn.rpartition("/")[2]
        mine = [each for each in client.containers.list() if runtime_id in json.dumps(each.attrs)]
        assert mine, "a session runs"
        return "\n".join(json.dumps(each.attrs) + each.logs().decode() for each in mine)
    finally:
        client.close()


CELLS = (
    "import os\nfrom agentcore_lab import Lab\nlab = Lab()\nlab",
    "key = os.environ['PLANTED']\nlab.control.create_api_key_credential_provider(name='weather', apiKey=key)",
    "lab.control.get_api_key_credential_provider(name='weather')",
    "try:\n    lab.control.create_api_key_credential_provider(name='weather', apiKey=key)\n"
    "except Exception as error:\n    print(error, error.response)",
    "lab.control.create_workload_identity(name='my-agent')",
    "token = lab.data.get_workload_access_token_for_user_id(workloadName='my-agent', userId=key)\n"
    "lab.data.get_resource_api_key(workloadIdentityToken=token['workloadAccessToken'],\n"
    "    resourceCredentialProviderName='weather')['apiKey'] == key",
    "with lab.scratch() as scratch:\n"
    "    lab.control.create_api_key_credential_provider(name='passing', apiKey=key)\n"
    "    print(scratch, list(scratch))",
    "print(lab.cleanup())",
)


@pytest.mark.notebook
def test_nothing_of_it_stays_in_a_notebook(
    engine: RunningEngine, settings: Settings, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """What is stored of a notebook that gives and gets a key has the key nowhere, unless its author prints it."""
    leave_note(engine)
    for name, value in {
        **settings.engine_environment(),
        "PLANTED": KEY,
        "JUPYTER_PREFER_ENV_PATH": "1",
        "PYTHONPATH": os.pathsep.join([str(ROOT)]),
    }.items():
        monkeypatch.setenv(name, value)
    v4: Any = nbformat.v4
    notebook = v4.new_notebook(cells=[v4.new_code_cell(cell) for cell in CELLS])
    NotebookClient(notebook, timeout=120, resources={"metadata": {"path": str(tmp_path)}}).execute()
    assert "'text/plain': 'True'" in str(notebook.cells[5]["outputs"])
    assert hidden_in(json.dumps(notebook), {KEY}) == []
