"""What every part of an engine stands on."""

from __future__ import annotations

from dataclasses import dataclass

import aiohttp

from agentcore_lab.accounts.accounts import Accounts
from agentcore_lab.clock import Clock
from agentcore_lab.runtime.quotas import Quotas
from agentcore_lab.runtime.scopes import Scopes
from agentcore_lab.runtime.throttle import Throttle
from agentcore_lab.sandbox.base import Backend
from agentcore_lab.settings import Settings
from agentcore_lab.store.db import Database


@dataclass(frozen=True, slots=True)
class Ground:
    """``client`` asks agents, and whoever else answers HTTP; ``url`` is where the engine itself answers."""

    settings: Settings
    backend: Backend
    clock: Clock
    database: Database
    client: aiohttp.ClientSession
    accounts: Accounts
    scopes: Scopes
    quotas: Quotas
    throttle: Throttle
    url: str
