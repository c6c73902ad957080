"""How agents call out, put together: credential providers, the token vault and workload access tokens."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

from agentcore_lab.clock import Clock
from agentcore_lab.identity.api_key_operations import ApiKeyOperations
from agentcore_lab.identity.key_files import KeyFiles
from agentcore_lab.identity.operations import IdentityOperations
from agentcore_lab.identity.providers import CredentialProviders
from agentcore_lab.identity.runtime_tokens import RuntimeTokens
from agentcore_lab.identity.token_operations import TokenOperations
from agentcore_lab.identity.vault import TokenVault
from agentcore_lab.identity.vault_operations import VaultOperations
from agentcore_lab.identity.workload import WorkloadIdentities
from agentcore_lab.identity.workload_tokens import WorkloadTokens
from agentcore_lab.runtime.operations import Operation
from agentcore_lab.runtime.quotas import Quotas
from agentcore_lab.store.db import Database


@dataclass(frozen=True, slots=True)
class Outbound:
    """One engine's identity service. ``operations``: what it answers, by AWS's names; ``mint``: tokens for agents."""

    identities: WorkloadIdentities
    providers: CredentialProviders
    mint: RuntimeTokens
    operations: dict[str, Operation]


def open_outbound(database: Database, data_dir: Path, clock: Clock, quotas: Quotas) -> Outbound:
    """The identity service of the engine that owns ``data_dir``; keys that no vault uses are removed."""
    identities = WorkloadIdentities(database, clock, quotas)
    vault = TokenVault(database, KeyFiles(data_dir), clock)
    vault.open()
    providers = CredentialProviders(database, vault, clock, quotas)
    tokens = WorkloadTokens(identities, clock)
    operations = {
        **IdentityOperations(identities).table(),
        **ApiKeyOperations(providers).table(),
        **VaultOperations(vault).table(),
        **TokenOperations(tokens, providers).table(),
    }
    return Outbound(identities, providers, RuntimeTokens(tokens), operations)
