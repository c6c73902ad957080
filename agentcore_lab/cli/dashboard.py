"""``dashboard``: the panels as a page of their own, served by Voilà."""

from __future__ import annotations

import json
import logging
import secrets
import signal
import socket
import subprocess
import sys
import time
import webbrowser
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated, Any, TextIO

import typer
from rich.console import Console

from agentcore_lab.cli.options import Account, DataDir, Port, Sandbox, fail, settings_from
from agentcore_lab.lab import Lab
from agentcore_lab.panels.views import RuntimeName
from agentcore_lab.settings import apply_to_process

DEFAULT_PAGE_PORT = 8866
_PAGE = "agentcore-lab.ipynb"
_LOG = "dashboard.log"
_TOLD_CHARACTERS = 2000
_POLL_SECONDS = 0.1
_NOT_FOR_VOILA = ["@jupyter-notebook/lab-extension"]
"""Notebook 7 brings it to JupyterLab; Voilà, which loads JupyterLab's extensions, has not what it needs."""

_KERNEL_GONE_SECONDS = 300
"""A page that was closed leaves its kernel; after so long nobody will come back for it."""


def dashboard(
    runtime: Annotated[
        str | None, typer.Argument(metavar="[RUNTIME]", help="The runtime to begin with: name, id or ARN.")
    ] = None,
    headless: Annotated[
        bool, typer.Option("--headless", "--no-open", help="Print the address, open no browser.")
    ] = False,
    page_port: Annotated[
        int, typer.Option(help="The page's port; another one when it is taken.", min=1, max=65535)
    ] = DEFAULT_PAGE_PORT,
    theme: Annotated[str, typer.Option(help="light or dark.")] = "light",
    port: Port = None,
    data_dir: DataDir = None,
    sandbox: Sandbox = None,
    account: Account = None,
) -> None:
    """Show the live panels of all runtimes of an account as a page, until Ctrl-C. Starts the engine if none runs."""
    if theme not in {"light", "dark"}:
        raise typer.BadParameter(f"{theme!r} is neither light nor dark", param_hint="--theme")
    settings = settings_from(port=port, data_dir=data_dir, sandbox=sandbox)
    apply_to_process(settings.engine_environment())
    with Console().status("Looking for the engine …"):
        lab = Lab(sandbox=settings.sandbox, data_dir=settings.data_dir, port=port, account=account)
    arn = _arn(lab, runtime) if runtime else None
    with TemporaryDirectory(prefix="agentcore-lab-dashboard-") as folder:
        (Path(folder) / _PAGE).write_text(json.dumps(_notebook(arn, account)))
        with (settings.data_dir / _LOG).open("w+") as log:
            raise typer.Exit(_serve(Path(folder), page_port, theme, log, headless=headless))


def _serve(folder: Path, wanted: int, theme: str, log: TextIO, *, headless: bool) -> int:
    port, token = _free(wanted), secrets.token_urlsafe(24)
    # In a file of its folder, which is this user's alone: a command line is read by whoever uses this machine.
    (folder / "voila.json").write_text(json.dumps(_configuration(port, token, theme)))
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    address = f"http://127.0.0.1:{port}/?token={token}"
    with subprocess.Popen(
        [sys.executable, "-m", "voila", _PAGE], cwd=folder, stdout=log, stderr=subprocess.STDOUT
    ) as voila:
        try:
            while voila.poll() is None and not _listens(port):
                time.sleep(_POLL_SECONDS)
            if voila.poll() is not None:
                log.seek(0)
                fail(f"The dashboard did not start:\n{log.read()[-_TOLD_CHARACTERS:]}")
            typer.echo(f"The dashboard: {address}\nCtrl-C ends it; the engine goes on.")
            if not headless:
                webbrowser.open(address)
            return voila.wait()
        except KeyboardInterrupt:
            voila.terminate()
            voila.wait()
            return 0


def _configuration(port: int, token: str, theme: str) -> dict[str, Any]:
    return {
        "Voila": {
            "ip": "127.0.0.1",
            "port": port,
            "port_retries": 0,
            "open_browser": False,
            "token": token,
            "log_level": logging.WARNING,
        },
        "VoilaConfiguration": {"theme": theme, "extension_denylist": _NOT_FOR_VOILA},
        "MappingKernelManager": {"cull_interval": 60, "cull_idle_timeout": _KERNEL_GONE_SECONDS},
    }


def _free(wanted: int) -> int:
    """The port that is wanted, or another one when something listens there."""
    with socket.socket() as listener:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind(("127.0.0.1", wanted))
        except OSError:
            listener.bind(("127.0.0.1", 0))
        port: int = listener.getsockname()[1]
        return port


def _listens(port: int) -> bool:
    try:
        with socket.create_connection(("127.0.0.1", port), timeout=1):
            return True
    except OSError:
        return False


def _arn(lab: Lab, wanted: str) -> str:
    pages = lab.control.get_paginator("list_agent_runtimes").paginate()
    arns = [str(item["agentRuntimeArn"]) for page in pages for item in page["agentRuntimes"]]
    names = [RuntimeName.parse(arn) for arn in arns]
    found = [name.arn for name in names if wanted in {name.arn, name.id, name.name}]
    if not found:
        there = ", ".join(name.name for name in names) or "none"
        fail(f"There is no agent runtime {wanted}. Those that are there: {there}.")
    return found[0]


def _notebook(arn: str | None, account: str | None) -> dict[str, Any]:
    whose = f"account={account!r}" if account else ""
    source = f"from agentcore_lab import Lab\n\nlab = Lab({whose})\nlab.dashboard_page({arn!r})"
    cell: dict[str, Any] = {
        "cell_type": "code",
        "id": "dashboard",
        "metadata": {},
        "source": source,
        "outputs": [],
        "execution_count": None,
    }
    kernel = {"name": "python3", "display_name": "Python 3", "language": "python"}
    return {
        "cells": [cell],
        "metadata": {"kernelspec": kernel, "title": "agentcore-lab"},
        "nbformat": 4,
        "nbformat_minor": 5,
    }
