"""What code artifacts are made with."""

from __future__ import annotations

from dataclasses import dataclass

from agentcore_lab.accounts.accounts import Accounts
from agentcore_lab.codezip.objects import Objects, S3Objects
from agentcore_lab.images.choose import code_builder_for
from agentcore_lab.images.code_builder import CodeBuilder
from agentcore_lab.sandbox.base import Backend
from agentcore_lab.settings import Settings


@dataclass(frozen=True, slots=True)
class Packaging:
    """Where the zips of code artifacts are fetched, and what makes images of them."""

    objects: Objects
    builder: CodeBuilder


def own_packaging(settings: Settings, backend: Backend, url: str, accounts: Accounts) -> Packaging:
    """The S3 of the engine at ``url``, read with the accounts' own credentials, and the builder of its backend."""
    objects = S3Objects(
        url, settings.region, lambda account_id: accounts.credentials(account_id).environment()
    )
    return Packaging(objects, code_builder_for(backend.name, settings))
