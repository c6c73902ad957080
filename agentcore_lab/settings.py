"""Where the engine lives and how it is set up: the one reader of the environment."""

from __future__ import annotations

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, Self, cast, get_args
from urllib.parse import urlsplit

from platformdirs import user_cache_path, user_data_path

from agentcore_lab.plain_error import PlainError

SandboxChoice = Literal["auto", "docker", "process"]

DEFAULT_PORT = 4599
LAB_KEY_PREFIX = "AKIALAB"
LAB_TEMPORARY_KEY_PREFIX = "ASIALAB"
"""Of the access keys that engines issue, permanent and temporary ones."""

MIN_PING_SECONDS = 0.1
MAX_PING_SECONDS = 3600.0


class BadSetting(PlainError, ValueError):  # noqa: N818 - a state, named as one
    """A variable of the environment holds a value that cannot be used."""


@dataclass(frozen=True, slots=True)
class Settings:
    """One engine's settings.

    ``data_dir`` holds what must survive a restart (the database, the process sandbox's images); one engine owns
    it at a time. ``cache_dir`` holds what can be made again (wheels, base images' file systems, virtual
    environments) and is shared by all engines of a user. ``fast_lifecycle``: a call that changes a runtime or an
    endpoint returns when the change has settled, where AWS's returns before. ``quotas``: limits that differ from
    AWS's defaults, by name (runtime/quotas.py). ``ping_seconds`` lie between two health checks of a
    session, which ends after ``unhealthy_after`` failures in succession. ``max_sessions`` may be active at once.
    None is what AWS does, as far as that is known (runtime/limits.py). ``model`` is what answers bedrock-runtime
    (model/choice.py), ``model_key`` the key that a server of models may want. ``idp``: the
    local identity provider starts with the engine. ``tls``: the engine's port takes HTTPS,
    and leads clients that use it as a proxy to the engine under AWS's own names (docs/tls.md). ``sigv4``: signatures
    are verified. ``hosts``: names of this machine that clients may ask for besides its own (server/hosts.py).
    ``url``: an engine of somebody else's, used with the credentials in the environment; none is started then.
    """

    data_dir: Path
    cache_dir: Path
    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    sandbox: SandboxChoice = "auto"
    region: str = "us-west-2"
    account_id: str = "123456789012"
    fast_lifecycle: bool = False
    quotas: Mapping[str, int] = field(default_factory=dict)
    ping_seconds: float | None = None
    unhealthy_after: int | None = None
    max_sessions: int | None = None
    model: str = "scripted"
    idp: bool = False
    sigv4: bool = True
    hosts: tuple[str, ...] = ()
    model_key: str = field(default="", repr=False)
    tls: bool = False
    url: str = ""

    @property
    def tls_dir(self) -> Path:
        """Where the authority and the file that clients trust lie."""
        return self.data_dir / "tls"

    def client_environment(self, url: str) -> dict[str, str]:
        """The variables that point any AWS client at an engine: endpoints and region.

        Credentials come on top of them (accounts/credentials.py). Which client reads which variable: CONTRACT,
        section 18.
        """
        return {
            "AWS_ENDPOINT_URL": url,
            "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE": url,
            "AWS_ENDPOINT_URL_BEDROCK_AGENTCORE_CONTROL": url,
            "AWS_ENDPOINT_URL_BEDROCK_RUNTIME": url,
            "AWS_BEDROCK_RUNTIME_ENDPOINT": url,  # LiteLLM's, and so of the frameworks that bring it
            "BEDROCK_AGENTCORE_DP_ENDPOINT": url,
            "BEDROCK_AGENTCORE_CP_ENDPOINT": url,
            "AWS_REGION": self.region,
            "AWS_DEFAULT_REGION": self.region,
        }

    def engine_environment(self) -> dict[str, str]:
        """The variables that lead another process, a notebook's kernel, to the same engine."""
        return {
            "AGENTCORE_LAB_DATA_DIR": str(self.data_dir),
            "AGENTCORE_LAB_CACHE_DIR": str(self.cache_dir),
            "AGENTCORE_LAB_SANDBOX": self.sandbox,
            "AGENTCORE_LAB_MODEL": self.model,
            "AGENTCORE_LAB_IDP": "1" if self.idp else "0",
            "AGENTCORE_LAB_SIGV4": "1" if self.sigv4 else "0",
            "AGENTCORE_LAB_FAST_LIFECYCLE": "1" if self.fast_lifecycle else "0",
            "AGENTCORE_LAB_TLS": "1" if self.tls else "0",
        }

    @classmethod
    def load(cls, environ: Mapping[str, str] | None = None, **overrides: Any) -> Self:
        """Settings from ``AGENTCORE_LAB_*`` variables and defaults; ``overrides`` that are not None win.

        Raises:
            BadSetting: a variable holds a value that cannot be used; the message names the variable.
        """
        env = os.environ if environ is None else environ
        sandbox = env.get("AGENTCORE_LAB_SANDBOX", "auto")
        if sandbox not in get_args(SandboxChoice):
            raise BadSetting(f"AGENTCORE_LAB_SANDBOX is {sandbox!r}: use auto, docker or process")
        port = env.get("AGENTCORE_LAB_PORT", str(DEFAULT_PORT))
        if not port.isdecimal() or int(port) > 65535:
            raise BadSetting(f"AGENTCORE_LAB_PORT is {port!r}: use a port number")
        settings = cls(
            data_dir=Path(env.get("AGENTCORE_LAB_DATA_DIR") or user_data_path("agentcore-lab")),
            cache_dir=Path(env.get("AGENTCORE_LAB_CACHE_DIR") or user_cache_path("agentcore-lab")),
            host=env.get("AGENTCORE_LAB_HOST", "127.0.0.1"),
            port=int(port),
            sandbox=cast("SandboxChoice", sandbox),
            region=env.get("AGENTCORE_LAB_REGION", "us-west-2"),
            fast_lifecycle=_switch(env, "AGENTCORE_LAB_FAST_LIFECYCLE"),
            quotas=_quotas(env.get("AGENTCORE_LAB_QUOTAS", "")),
            ping_seconds=_seconds(env, "AGENTCORE_LAB_PING_SECONDS"),
            unhealthy_after=_count(env, "AGENTCORE_LAB_UNHEALTHY_AFTER"),
            max_sessions=_count(env, "AGENTCORE_LAB_MAX_SESSIONS"),
            model=env.get("AGENTCORE_LAB_MODEL") or "scripted",
            model_key=env.get("AGENTCORE_LAB_MODEL_KEY", ""),
            tls=_switch(env, "AGENTCORE_LAB_TLS"),
            idp=_switch(env, "AGENTCORE_LAB_IDP"),
            sigv4=_switch(env, "AGENTCORE_LAB_SIGV4", "1"),
            hosts=tuple(env.get("AGENTCORE_LAB_HOSTS", "").replace(",", " ").split()),
            url=_url(env.get("AGENTCORE_LAB_URL", "")),
        )
        if overrides.get("data_dir") is not None or overrides.get("port") is not None:
            settings = replace(settings, url="")  # who names an engine of his own means that one
        return replace(settings, **{key: value for key, value in overrides.items() if value is not None})


def _quotas(text: str) -> dict[str, int]:
    """``runtimes=20,endpoints_per_runtime=3`` as numbers by name."""
    pairs = [pair.partition("=") for pair in text.replace(" ", "").split(",") if pair]
    if not all(name and number.isdecimal() for name, _, number in pairs):
        raise BadSetting(f"AGENTCORE_LAB_QUOTAS is {text!r}: use name=number, parted by commas")
    return {name: int(number) for name, _, number in pairs}


def _url(text: str) -> str:
    parts = urlsplit(text)
    if text and (parts.scheme not in {"http", "https"} or not parts.hostname):
        raise BadSetting(
            f"AGENTCORE_LAB_URL is {text!r}: use an engine's address, such as http://127.0.0.1:4599"
        )
    return text.rstrip("/")


def _switch(env: Mapping[str, str], name: str, default: str = "0") -> bool:
    text = env.get(name, default)
    if text not in {"0", "1"}:
        raise BadSetting(f"{name} is {text!r}: use 1 or 0")
    return text == "1"


def _seconds(env: Mapping[str, str], name: str) -> float | None:
    text = env.get(name)
    if text is None:
        return None
    try:
        seconds = float(text)
    except ValueError:
        seconds = 0.0
    if not MIN_PING_SECONDS <= seconds <= MAX_PING_SECONDS:
        raise BadSetting(f"{name} is {text!r}: use {MIN_PING_SECONDS:g} to {MAX_PING_SECONDS:g} seconds")
    return seconds


def _count(env: Mapping[str, str], name: str) -> int | None:
    text = env.get(name)
    if text is None:
        return None
    if not text.isdecimal() or int(text) < 1:
        raise BadSetting(f"{name} is {text!r}: use a whole number from 1")
    return int(text)


def apply_to_process(variables: Mapping[str, str]) -> None:
    """Set environment variables of this process, for the AWS clients its user makes."""
    for other in {"AWS_SESSION_TOKEN", "AWS_PROFILE"} - set(variables):
        os.environ.pop(other, None)
    os.environ.update(variables)


def lab_key_in_environment(environ: Mapping[str, str] | None = None) -> tuple[str, str, str | None] | None:
    """An engine's key that AWS clients of this process take up, its secret and session token; None: no engine's."""
    env = os.environ if environ is None else environ
    key, secret = env.get("AWS_ACCESS_KEY_ID", ""), env.get("AWS_SECRET_ACCESS_KEY", "")
    if not secret or not key.startswith((LAB_KEY_PREFIX, LAB_TEMPORARY_KEY_PREFIX)):
        return None
    return key, secret, env.get("AWS_SESSION_TOKEN") or None


@contextmanager
def process_environment_kept() -> Iterator[None]:
    """Within it the environment may be changed; afterwards it is what it was."""
    before = dict(os.environ)
    try:
        yield
    finally:
        os.environ.clear()
        os.environ.update(before)
