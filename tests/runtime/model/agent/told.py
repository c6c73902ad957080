"""An agent without dependencies that answers /ping as it is told to, and /invocations with what EDITION says.

``POST /told`` with ``{"code": 503, "body": {…}}`` tells it. Calls with ``{"hold": true}`` are answered after a
``POST /told`` with ``{"release": true}``. BROKEN in its environment makes it end at once.
"""

# An agent, not a part of the engine: it reads its own environment.
# ruff: noqa: D103
from __future__ import annotations

import json
import os
import signal
import sys
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

told: dict[str, Any] = {"code": 200, "body": {"status": "Healthy"}}
releases = [threading.Event()]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer(told["code"], told["body"])

    def do_POST(self) -> None:
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/told" and asked.pop("release", False):
            releases.append(threading.Event())
            releases[-2].set()
        elif self.path == "/told":
            told.update(asked)
        elif asked.get("hold"):
            releases[-1].wait()
        self._answer(200, {"edition": os.environ.get("EDITION")})

    def _answer(self, status: int, result: dict[str, Any]) -> None:
        body = json.dumps(result).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *arguments: Any) -> None:
        pass


def main() -> None:
    if os.environ.get("BROKEN"):
        sys.exit("broken, as it was told to be")
    server = ThreadingHTTPServer(("0.0.0.0", 8080), Handler)
    server.daemon_threads = True
    signal.signal(signal.SIGTERM, lambda *_: threading.Thread(target=server.shutdown).start())
    server.serve_forever()


main()
