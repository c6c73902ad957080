"""An agent without dependencies that shows, on request, what a sandbox does to it.

PROBE_MODE in its environment says how it starts: ``crash`` ends at once, ``stubborn`` ignores SIGTERM.
"""

# An agent, not a part of the engine: it reads its own environment and prints.
# ruff: noqa: D103, T201
from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

Payload = dict[str, Any]

MODE = os.environ.get("PROBE_MODE", "")
terminated = threading.Event()
remembered: list[str] = []
served: dict[int, int] = {}  # by the port it listens on, which need not be the one it asked for


def remember(payload: Payload) -> Payload:
    remembered.append(payload["word"])
    return {"remembered": remembered}


def keep(payload: Payload) -> Payload:
    for folder in (Path.cwd(), Path.home(), Path(os.environ.get("TMPDIR", "/tmp"))):
        (folder / payload["name"]).touch()
    return kept(payload)


def kept(payload: Payload) -> Payload:
    places = {"work": Path.cwd(), "home": Path.home(), "tmp": Path(os.environ.get("TMPDIR", "/tmp"))}
    return {name: (folder / payload["name"]).exists() for name, folder in places.items()}


def write(payload: Payload) -> Payload:
    file = Path(os.environ[payload["folder"]], payload["name"])
    file.write_text("x" * payload.get("size", 1), encoding="utf-8")
    return {}


def found(payload: Payload) -> Payload:
    return {"found": sorted(path.name for path in Path(os.environ[payload["folder"]]).iterdir())}


def about(payload: Payload) -> Payload:
    edition = Path("edition.txt").read_text(encoding="utf-8").strip()
    return {"environment": dict(os.environ), "edition": edition, "folder": str(Path.cwd())}


def say(payload: Payload) -> Payload:
    for line in payload.get("out", ()):
        print(line, flush=True)
    for line in payload.get("err", ()):
        print(line, file=sys.stderr, flush=True)
    return {}


def flood(payload: Payload) -> Payload:
    line = "x" * 1023 + "\n"
    for _ in range(payload["kilobytes"]):
        sys.stdout.write(line)
    print("the end", flush=True)
    return {}


def end(payload: Payload) -> Payload:
    threading.Timer(0.05, os._exit, (payload["code"],)).start()
    return {}


def until_terminated(payload: Payload) -> Payload:
    terminated.wait()
    return {"ended by": "SIGTERM"}


def serve(payload: Payload) -> Payload:
    """Another server in this process, which answers with its port."""
    server = ThreadingHTTPServer(("0.0.0.0", payload["port"]), OtherPort)
    served[server.server_port] = payload["port"]
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return {"serving": payload["port"]}


def serve_in_a_child(payload: Payload) -> Payload:
    """Another server in a process of its own: the module of the standard library."""
    subprocess.Popen([sys.executable, "-m", "http.server", str(payload["port"])])
    return {"serving": payload["port"]}


ACTIONS = {
    f.__name__: f
    for f in (
        serve,
        serve_in_a_child,
        remember,
        keep,
        kept,
        write,
        found,
        about,
        say,
        flood,
        end,
        until_terminated,
    )
}


class Handler(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self._answer(200 if self.path == "/ping" else 404, {"status": "Healthy"})

    def do_POST(self) -> None:
        payload = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if payload["action"] == "leave_children":
            self._leave_children()
        else:
            self._answer(200, ACTIONS[payload["action"]](payload))

    def _answer(self, status: int, result: Payload) -> None:
        body = json.dumps(result).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def _leave_children(self) -> None:
        """An answer that ends only when every process that holds the connection is gone."""
        self.send_response(200)
        self.end_headers()
        sleep = ["sleep", "600"]
        held = self.connection.fileno()
        # A plain child, one away in a session of its own, and one there that has no environment and ignores SIGTERM.
        subprocess.Popen(sleep, stdout=held)
        subprocess.Popen(sleep, stdout=held, start_new_session=True)
        deaf = ["/bin/sh", "-c", "trap '' TERM; echo 3 children; exec sleep 600"]
        subprocess.Popen(deaf, stdout=held, start_new_session=True, env={})
        threading.Event().wait()  # to return would end the connection for the children too

    def log_message(self, *arguments: Any) -> None:
        pass


class OtherPort(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(f"{served[self.connection.getsockname()[1]]} {self.path}".encode())

    def log_message(self, *arguments: Any) -> None:
        pass


def main() -> None:
    if MODE == "crash":
        print("about to fail", flush=True)
        sys.exit("Traceback: no such thing")  # exit code 1, the text on stderr
    if MODE == "stubborn":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    else:
        signal.signal(signal.SIGTERM, lambda *_: terminated.set())
    server = ThreadingHTTPServer(("0.0.0.0", 8080), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, daemon=True).start()
    terminated.wait()
    time.sleep(0.2)  # what waits for the signal still gets its answer


main()
