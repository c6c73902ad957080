"""moto as a process of its own: ``python -m agentcore_lab.neighbours.child SOCKET``.

It serves on a Unix socket that only the engine knows, says ``ready`` on its output, and ends with its input, which
the engine holds open: an engine that is killed takes it along.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
import threading
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

READY = "ready"


class Services(DomainDispatcherApplication):  # type: ignore[misc,unused-ignore]
    """moto's services alone, without its own interface to its state and EC2's metadata."""

    def get_application(self, environ: dict[str, Any]) -> Any:
        """The application of the service a request is for."""
        with self.lock:
            host = self.infer_service_region_host(environ, environ.get("PATH_INFO", ""))
            backend = self.get_backend_for_host(host or "s3.us-east-1.amazonaws.com")
            if backend not in self.app_instances:
                self.app_instances[backend] = self.create_app(backend)
            return self.app_instances[backend]


def main(socket_path: str) -> None:
    """Serve until standard input ends."""
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
    server = make_server(
        f"unix://{socket_path}",
        0,
        Services(create_backend_app),
        threaded=True,
        request_handler=MotoRequestHandler,
    )
    threading.Thread(target=server.serve_forever, daemon=True).start()
    print(READY, flush=True)  # noqa: T201 - the engine waits for it
    sys.stdin.buffer.read()
    os._exit(0)


if __name__ == "__main__":
    main(sys.argv[1])
