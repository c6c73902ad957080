"""What a notebook starts with: an engine, plain boto3 clients that reach it, builds and panels."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import quote

import boto3
from botocore.config import Config

from agentcore_lab.accounts.brought import credentials_brought
from agentcore_lab.accounts.credentials import Credentials
from agentcore_lab.accounts.handed_out import credentials_for, credentials_of_caller, session_of
from agentcore_lab.cleanup.calls import place, watch_engine
from agentcore_lab.cleanup.ledger import ledger_of
from agentcore_lab.cleanup.scratch import Scratch, clean
from agentcore_lab.images.build import Builder, Built, image_uri
from agentcore_lab.images.choose import builder_for
from agentcore_lab.lab_builds import EngineBuilder
from agentcore_lab.lab_clock import LabClock
from agentcore_lab.lab_idp import LabIdp
from agentcore_lab.lab_model import LabModel
from agentcore_lab.lab_runtimes import SETTLE_SECONDS, delete_runtime, settled_endpoint, settled_runtime
from agentcore_lab.launch import NotYours, find_or_start, stop
from agentcore_lab.looks.card import card, facts
from agentcore_lab.own_api import OwnApi
from agentcore_lab.panels.build import BuildProgress
from agentcore_lab.panels.calls import Source
from agentcore_lab.panels.feed import feed_at, feed_of
from agentcore_lab.panels.of_lab import Panels
from agentcore_lab.panels.session_detail import SessionDetail
from agentcore_lab.panels.views import SessionList
from agentcore_lab.sandbox.docker_probe import docker_unavailable
from agentcore_lab.settings import SandboxChoice, Settings, apply_to_process
from agentcore_lab.tls.trust import client_variables
from agentcore_lab.waiting import NotSettled

_READ_SECONDS = 15 * 60
"""A synchronous request may take 15 minutes (AWS: bedrock-agentcore-limits); botocore's own default is 60 s."""

__all__ = ["Lab", "NotSettled"]


class Lab(Panels):
    """The engine of a data directory, found or started, and what a notebook needs to work with it.

    ``control`` and ``data`` are plain boto3 clients of ``bedrock-agentcore-control`` and ``bedrock-agentcore``. The
    same environment variables are set in this process, so clients of the user's own reach the engine too. ``clock`` is
    the engine's, which can be set ahead. What is wrong, if something is, is told in a sentence with the mend.
    """

    def __init__(
        self,
        *,
        sandbox: SandboxChoice | None = None,
        data_dir: Path | str | None = None,
        port: int | None = None,
        account: str | None = None,
    ) -> None:
        """Find the engine, or start one in the background; it outlives this process (``agentcore-lab down`` ends it).

        Without ``account``, its name or id, the account is that of the environment's credentials, if the engine has
        issued them, and else the default one. Where ``AGENTCORE_LAB_URL`` names somebody else's engine, that one is
        used with the environment's credentials; ``data_dir`` or ``port`` mean an engine of one's own all the same.

        Raises:
            NoEngineThere: none answers where ``AGENTCORE_LAB_URL`` leads.
            WrongSandbox: an engine runs already, with another sandbox than the one asked for.
            NoTls: an engine without TLS runs already, and ``AGENTCORE_LAB_TLS`` asks for it.
            EngineDidNotStart: a new engine did not come up; the message is its own sentence, or the end of its log.
            AccountError: there is no such ``account``, which is the name or id of one of the engine's.
            BadSetting: a variable ``AGENTCORE_LAB_…`` holds a value that cannot be used.
        """
        settings = Settings.load(
            sandbox=sandbox, data_dir=Path(data_dir).expanduser().resolve() if data_dir else None, port=port
        )
        self._engine = find_or_start(settings, any_port=port is None)
        # The engine that was found plays its own region, whatever this process would have asked for.
        self._credentials = self._credentials_of(settings, account)
        self._settings = replace(
            settings, region=self._engine.region, account_id=self._credentials.account_id
        )
        self._api = OwnApi(self._engine.url, self._engine.region, self._credentials)
        self.clock = LabClock(self._api)
        self.model = LabModel(self._api)
        apply_to_process(self.environment)
        boto3.setup_default_session()  # the one before keeps the credentials it found first
        watch_engine(self.url)
        self._place = place(self.url)
        self._made = ledger_of(self._place)
        config = Config(read_timeout=_READ_SECONDS)
        self._session = session_of(self._credentials, self.region)
        self.control: Any = self._session.client(
            "bedrock-agentcore-control", endpoint_url=self.url, config=config
        )
        self.data: Any = self._session.client("bedrock-agentcore", endpoint_url=self.url, config=config)

    def _credentials_of(self, settings: Settings, account: str | None) -> Credentials:
        if settings.url:
            return credentials_brought(self.url, self.region, account)
        return credentials_for(self._engine, account or credentials_of_caller(self._engine).account_id)

    @property
    def url(self) -> str:
        """Where the engine answers."""
        return self._engine.url

    @property
    def sandbox(self) -> str:
        """What agents run in: ``docker`` or ``process``."""
        return self._engine.sandbox

    @property
    def region(self) -> str:
        """The region the engine plays."""
        return self._engine.region

    @property
    def account_id(self) -> str:
        """The account that this process's clients are of."""
        return self._credentials.account_id

    @property
    def role_arn(self) -> str:
        """An execution role to name in CreateAgentRuntime; the engine asks no more of it than its form."""
        return f"arn:aws:iam::{self.account_id}:role/AgentCoreLabRole"

    @property
    def environment(self) -> dict[str, str]:
        """The variables that point any AWS client at this engine."""
        variables = {**self._settings.client_environment(self.url), **self._credentials.environment()}
        if self._engine.tls and not self._settings.url:
            variables |= client_variables(self.url, self.region, Path(self._engine.data_dir) / "tls")
        return variables

    def image_uri(self, name: str, tag: str = "latest") -> str:
        """The ECR-shaped name of an image of this account."""
        return image_uri(name, self._settings, tag)

    def build(self, folder: Path | str, *, name: str | None = None, tag: str = "latest") -> Built:
        """Build the agent in ``folder`` and give the image an ECR name, with a progress bar.

        ``name`` is the repository's name, the folder's when left out. Nothing is emulated on the way, and building
        again with nothing changed takes no time.

        Raises:
            BuildError: the Dockerfile, its packages or this machine do not allow it.
        """
        source = Path(folder).expanduser().resolve()
        builder = self._builder()
        with BuildProgress.shown(name or source.name) as progress:
            return builder.build(source, self.image_uri(name or source.name, tag), on_step=progress.step)

    def _builder(self) -> Builder:
        # Somebody else's engine has Docker or folders that this user may not use: it builds itself.
        if self._settings.url:
            return EngineBuilder(self._client, self.account_id, self.region)
        return builder_for(self.sandbox, self._settings)

    def _client(self, service: str) -> Any:
        return self._session.client(service, endpoint_url=self.url)

    def idp(self) -> LabIdp:
        """The local identity provider (OpenID Connect), started if it does not run; it ends with the engine.

        Raises:
            LabRefused: it did not start; the engine's log says why.
        """
        return LabIdp(self._api)

    def scratch(self) -> Scratch:
        """A block at whose end all that this process made inside it is deleted, whichever boto3 client made it.

        Runtimes, endpoints, identities, sessions it opened, and what services to come can create. What other
        notebooks make meanwhile stays, and so does what was there before. ``docs/decisions`` says how.

        Raises:
            NotCleaned: at the end, something could not be deleted; the message names it.
        """
        return Scratch(self._place, self._clients)

    def cleanup(self) -> list[str]:
        """Delete all that this process made on the engine since its first ``Lab()``; what that was, in words.

        Raises:
            NotCleaned: something could not be deleted; the message names it.
        """
        return clean(self._made, self._clients)

    @property
    def _clients(self) -> dict[str, Any]:
        return {client.meta.service_model.service_name: client for client in (self.control, self.data)}

    def delete_runtime(self, name: str) -> bool:
        """Delete the runtime of this name, if there is one, and wait until it is gone; whether there was one.

        Raises:
            NotSettled: it was still there after a minute, or had not settled before.
        """
        return delete_runtime(self.control, name)

    def wait_until_settled(self, runtime_id: str, timeout: float = SETTLE_SECONDS) -> dict[str, Any]:
        """GetAgentRuntime's answer once the runtime is READY or has failed; ``timeout`` is in seconds.

        Raises:
            NotSettled: it was still being created, updated or deleted by then.
        """
        return settled_runtime(self.control, runtime_id, timeout)

    def wait_for_endpoint(
        self, runtime_id: str, name: str, version: str | None = None, *, timeout: float = SETTLE_SECONDS
    ) -> dict[str, Any]:
        """GetAgentRuntimeEndpoint's answer once the endpoint is READY, or has failed; ``timeout`` is in seconds.

        With ``version`` it is READY when it serves that version.

        Raises:
            NotSettled: it was still being created, moved or deleted by then.
        """
        return settled_endpoint(self.control, runtime_id, name, version, timeout)

    def sessions(self, runtime_arn: str | None = None) -> SessionList:
        """Every session of a runtime, or of all of the account's: the living first, then the ended, latest first.

        AWS has no such call.
        """
        query = f"?runtime={quote(runtime_arn, safe='')}" if runtime_arn else ""
        return SessionList.of(self._api.fetch(f"sessions{query}"))

    def session(self, session_id: str, runtime_arn: str | None = None) -> SessionDetail:
        """All that is known of a session: state, what comes next, use, health, diagnostics, log; ended ones too.

        ``lab.session(id).wait("Terminated")`` waits for a state. AWS has no such call.

        Raises:
            LabRefused: the engine knows no such session.
        """
        query = f"?runtime={quote(runtime_arn, safe='')}" if runtime_arn else ""
        path = f"sessions/{quote(session_id, safe='')}{query}"
        return SessionDetail.of(self._api.fetch(path), lambda: self._api.fetch(path))

    @property
    def _source(self) -> Source:
        clients = {"control": self.control, "data": self.data}
        own = not self._settings.url
        feed = feed_of(self._settings.data_dir, self.account_id) if own else feed_at(self._api)
        return Source(feed, clients, self._api.send)

    def stop(self) -> None:
        """End the engine and every session; runtimes and versions stay in the data directory.

        Raises:
            NotYours: it is somebody else's.
        """
        if self._settings.url:
            raise NotYours(f"The engine at {self.url} is somebody else's, who may stop it.")
        stop(self._engine)

    def __repr__(self) -> str:
        return f"Lab(sandbox={self.sandbox!r}, region={self.region!r})"

    def _repr_html_(self) -> str:
        rows = [
            ("Engine", f"{self.url} · agentcore-lab {self._engine.version}"),
            ("Sandbox", f"{self.sandbox} · {self._engine.isolation}"),
            ("Account and region", f"{self.account_id} · {self.region}"),
            ("Data", "kept by whoever runs the engine" if self._settings.url else self._engine.data_dir),
        ]
        # Whoever asked for nothing may have expected containers.
        if self._settings.sandbox == "auto" and self.sandbox == "process" and (why := docker_unavailable()):
            rows.insert(2, ("No containers", why))
        return card("Lab", self.sandbox, facts(rows))
