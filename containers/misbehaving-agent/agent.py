"""Does everything wrong that a container can do wrong, one fault at a time, so that one can see what becomes of it.

The payload names the fault, ``{"fault": "status", "code": 503}``; faults.py holds them all. A few faults happen
at the start, before there is a payload: START=exits | silent | unhealthy in the environment. It is written on the
standard library, because every web framework would keep it from most of this.
"""

import json
import os
import signal
import socket
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from faults import FAULTS, health

START = os.environ.get("START", "")


class Agent(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_GET(self):
        """/ping: the platform's health check."""
        if health.get("hangs"):
            time.sleep(3600)
        self.answer(health["code"], b'{"status": "Healthy"}')

    def do_POST(self):
        """/invocations: do as the payload says; without a fault, answer like a good agent."""
        asked = json.loads(self.rfile.read(int(self.headers.get("Content-Length", 0))) or "{}")
        print(f"asked for {asked}", flush=True)
        FAULTS[asked.get("fault", "none")](self, asked)

    def log_message(self, *_arguments):
        """No line a request: the log is for what is asked."""

    def answer(self, code=200, body=b'{"fault": "none"}', content_type="application/json", **headers):
        self.send_response(code)
        for name, value in {"Content-Type": content_type, "Content-Length": len(body), **headers}.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)

    def begin(self, content_type="text/plain"):
        """Start an answer whose length nobody knows yet."""
        self.send_response(200)
        self.send_header("Content-Type", content_type)
        self.send_header("Transfer-Encoding", "chunked")
        self.end_headers()

    def chunk(self, data):
        self.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def end(self):
        self.chunk(b"")

    def hang_up(self):
        self.close_connection = True
        self.connection.shutdown(socket.SHUT_RDWR)


def stop(_signal, _frame):
    if health.get("deaf"):
        print("SIGTERM ignored", flush=True)
    else:
        raise SystemExit(0)


if __name__ == "__main__":
    signal.signal(signal.SIGTERM, stop)  # only the main thread may do this, so it is done before it is needed
    if START == "exits":
        raise SystemExit("cannot start, as asked")
    if START == "unhealthy":
        health["code"] = 503
    if START == "silent":
        time.sleep(3600)
    ThreadingHTTPServer(("0.0.0.0", 8080), Agent).serve_forever()
