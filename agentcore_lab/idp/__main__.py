"""The provider as a program: ``python -m agentcore_lab.idp FOLDER HOST PORT``; it ends when its standard input does.

Whoever starts it holds the other end of that pipe: should they die, the provider goes with them. Once it listens it
says so with one line of JSON.
"""

from __future__ import annotations

import fcntl
import json
import os
import signal
import socket
import sys
import threading
from pathlib import Path

import waitress

from agentcore_lab.clock import SystemClock
from agentcore_lab.idp.state import read_or_make
from agentcore_lab.settings import apply_to_process

_ADDRESS = "address.json"
_LOCK = "running.lock"


def main() -> None:
    """Serve until standard input ends. Port 0 is the one it had last time, or any."""
    os.umask(0o077)
    # Ctrl-C is its parent's affair.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    folder, host, port = Path(sys.argv[1]), sys.argv[2], int(sys.argv[3])
    state = read_or_make(folder, SystemClock().now())
    lock = (folder / _LOCK).open("w")
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        sys.exit(f"An identity provider already runs on {folder}.")
    listener = _listen(folder, host, port)
    issuer = f"http://{host}:{listener.getsockname()[1]}"
    # oauthlib wants TLS unless told that this is a laboratory.
    apply_to_process({"OAUTHLIB_INSECURE_TRANSPORT": "1"})
    # Imported here: it takes a second, in which the address is already this program's.
    from agentcore_lab.idp.project import open_project  # noqa: PLC0415

    server = waitress.create_server(
        open_project(folder, issuer, state), sockets=[listener], threads=4, ident="agentcore-lab-idp"
    )
    print(json.dumps({"issuer": issuer}), flush=True)  # noqa: T201 - this is how its parent learns
    threading.Thread(target=_until_orphaned, daemon=True).start()
    server.run()


def _listen(folder: Path, host: str, port: int) -> socket.socket:
    """A socket at the port asked for; without one at the last time's, if it is free: tokens name their issuer."""
    note = folder / _ADDRESS
    wanted = [port] if port else [*_noted(note, host), 0]
    for each in wanted:
        listener = socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, each))
        except OSError as error:
            listener.close()
            refusal = error
            continue
        note.write_text(json.dumps({"host": host, "port": listener.getsockname()[1]}))
        return listener
    sys.exit(f"The identity provider cannot listen on {host}:{port}: {refusal.strerror}.")


def _noted(note: Path, host: str) -> list[int]:
    try:
        noted = json.loads(note.read_text())
        return [int(noted["port"])] if noted["host"] == host else []
    except (OSError, ValueError, KeyError, TypeError):
        return []


def _until_orphaned() -> None:
    sys.stdin.read()
    os._exit(0)


if __name__ == "__main__":
    main()
