"""nginx as a proxy of one address, with a configuration and a folder of its own."""

from __future__ import annotations

import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

_START_SECONDS = 10

# One worker, as the engine is one process; nothing is held back or written to disk, as the engine holds nothing.
_CONFIGURATION = """
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  client_max_body_size 0;
  keepalive_requests 1000000000;
  upstream agent {{ server {host}:{port}; keepalive 64; keepalive_requests 1000000000; }}
  server {{
    listen 127.0.0.1:{listen};
    location / {{
      proxy_pass http://agent;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_buffering off;
      proxy_request_buffering off;
      proxy_read_timeout 300s;
    }}
  }}
}}
"""


class NoNginx(Exception):  # noqa: N818 - a state, named as one
    """nginx is not installed, or does not start; the message says which."""


@dataclass(frozen=True, slots=True)
class Nginx:
    """A running nginx."""

    port: int
    pid: int
    version: str


@contextmanager
def nginx_before(host: str, port: int, folder: Path) -> Iterator[Nginx]:
    """nginx in front of ``host:port`` until the end of the block. Raises NoNginx."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        raise NoNginx(
            "nginx is not installed (Debian, Ubuntu: apt-get install nginx-light; macOS: brew install nginx)"
        )
    said = subprocess.run([program, "-v"], capture_output=True, text=True, check=True).stderr
    listen = _free_port()
    folder.mkdir(parents=True)
    configuration = folder / "nginx.conf"
    configuration.write_text(_CONFIGURATION.format(folder=folder, host=host, port=port, listen=listen))
    command = [program, "-p", str(folder), "-c", str(configuration), "-e", str(folder / "error.log")]
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        _await_listening(listen, process, folder / "error.log")
        yield Nginx(listen, process.pid, said.strip().rpartition("/")[2])
    finally:
        process.terminate()
        process.wait(10)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _await_listening(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    for _ in range(_START_SECONDS * 20):
        if process.poll() is not None:
            raise NoNginx(f"nginx does not start: {log.read_text() if log.exists() else process.returncode}")
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.05)
    raise NoNginx(f"nginx does not listen: {log.read_text()}")
