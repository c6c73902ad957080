"""moto as a process of its own: ``python -m agentcore_lab.neighbours.child SOCKET STATE``.

It serves on a Unix socket that only the engine knows, says ``ready`` on its output, and ends with its input, which
the engine holds open: an engine that is killed takes it along.
"""

from __future__ import annotations

import fcntl
import logging
import os
import re
import shutil
import signal
import sys
import tempfile
import threading
from pathlib import Path
from typing import Any

from moto import settings as moto_settings
from moto.core.config import default_user_config
from moto.moto_server import werkzeug_app
from moto.moto_server.werkzeug_app import (
    DomainDispatcherApplication,
    MotoRequestHandler,
    create_backend_app,
)
from werkzeug.serving import make_server
from werkzeug.wsgi import get_input_stream

from agentcore_lab.neighbours.kms import salt_as_long_as_the_hash
from agentcore_lab.neighbours.state import State, Watch

log = logging.getLogger(__name__)

READY = "ready"
_IN_MEMORY_BYTES = 1 << 20
_SAVE_SECONDS = 0.3
_ACTION_BYTES = 4096
_ACTION = re.compile(r"(?:^|&)Action=(\w+)")
_READING = ("Describe", "List", "Get", "BatchGet", "Head", "Query", "Scan", "Search", "Lookup", "Filter")


class Services(DomainDispatcherApplication):  # type: ignore[misc,unused-ignore]
    """moto's services alone, saved as they change, without moto's interface to its state and EC2's metadata."""

    def __init__(self, watch: Watch) -> None:
        super().__init__(create_backend_app)
        self._watch = watch

    def __call__(self, environ: dict[str, Any], start_response: Any) -> Any:
        """Answer one request; its body is here before moto is, for an upload may take its time."""
        with tempfile.SpooledTemporaryFile(_IN_MEMORY_BYTES) as body:
            shutil.copyfileobj(get_input_stream(environ), body, _IN_MEMORY_BYTES)
            environ.pop("HTTP_TRANSFER_ENCODING", None)
            environ["wsgi.input_terminated"] = False
            environ["CONTENT_LENGTH"] = str(body.tell())
            body.seek(0)
            beginning = body.read(_ACTION_BYTES)
            body.seek(0)
            environ["wsgi.input"] = body
            name = self._service(environ)
            with self._watch.using(name, changes=changes_something(environ, beginning)):
                if name not in self.app_instances:
                    self.app_instances[name] = self.create_app(name)  # type: ignore[arg-type]
                return self.app_instances[name](environ, start_response)

    def _service(self, environ: dict[str, Any]) -> str:
        host = self.infer_service_region_host(environ, environ.get("PATH_INFO", ""))
        return str(self.get_backend_for_host(host or "s3.us-east-1.amazonaws.com"))


def changes_something(environ: dict[str, Any], beginning: bytes) -> bool:
    """Whether a request may change anything: by its method, or by the verb its operation begins with."""
    if environ["REQUEST_METHOD"] in {"GET", "HEAD", "OPTIONS"}:
        return False
    found = _ACTION.search(beginning.decode(errors="replace"))
    action = environ.get("HTTP_X_AMZ_TARGET", "").rpartition(".")[2] or (found[1] if found else "")
    return not action.startswith(_READING)


def main(socket_path: str, state_folder: str) -> None:
    """Serve until standard input ends."""
    os.umask(0o077)
    signal.signal(
        signal.SIGINT, signal.SIG_IGN
    )  # a Ctrl-C in the engine's terminal is the engine's to handle
    logging.getLogger("werkzeug").setLevel(logging.WARNING)
    # Buckets in host names are the engine's to read: moto would take any first label for one.
    moto_settings.S3_IGNORE_SUBDOMAIN_BUCKETNAME = True
    # No web page is to read what is here.
    werkzeug_app.DISABLE_GLOBAL_CORS = True  # type: ignore[attr-defined]
    # Scripts attach AWS's own policies to their roles.
    default_user_config["iam"]["load_aws_managed_policies"] = True
    salt_as_long_as_the_hash()
    state = State(Path(state_folder))
    # The moto of an engine that was killed may still be saving.
    lock = (Path(state_folder) / "lock").open("w")
    fcntl.flock(lock, fcntl.LOCK_EX)
    if lost := state.load():
        log.warning("another version of moto has saved %s: put aside in %s", ", ".join(lost), state_folder)
    watch = Watch(state)
    server = make_server(
        f"unix://{socket_path}",
        0,
        Services(watch),
        threaded=True,
        request_handler=MotoRequestHandler,
    )
    for forever in (server.serve_forever, lambda: watch.save_for_ever(_pause, _complain)):
        threading.Thread(target=forever, daemon=True).start()
    print(READY, flush=True)  # noqa: T201 - the engine waits for it
    sys.stdin.buffer.read()
    watch.save()
    # An engine that was killed cannot take its folder away.
    shutil.rmtree(Path(socket_path).parent, ignore_errors=True)
    os._exit(0)


def _pause() -> None:
    threading.Event().wait(_SAVE_SECONDS)


def _complain() -> None:
    log.exception("what has changed could not be saved")


if __name__ == "__main__":
    main(*sys.argv[1:])
