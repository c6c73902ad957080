"""How agents call out, put together: credential providers, the token vault and workload access tokens."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import aiohttp

from agentcore_lab.clock import Clock
from agentcore_lab.identity.api_key_operations import ApiKeyOperations
from agentcore_lab.identity.authorization_server import AuthorizationServers
from agentcore_lab.identity.consent_flow import ConsentFlow
from agentcore_lab.identity.consents import Consents
from agentcore_lab.identity.key_files import KeyFiles
from agentcore_lab.identity.oauth2_operations import Oauth2Operations
from agentcore_lab.identity.oauth2_tokens import Oauth2Tokens
from agentcore_lab.identity.operations import IdentityOperations
from agentcore_lab.identity.provider_secrets import Kept, ProviderSecrets
from agentcore_lab.identity.providers import CredentialProviders
from agentcore_lab.identity.resource_token_operations import ResourceTokenOperations
from agentcore_lab.identity.runtime_tokens import RuntimeTokens
from agentcore_lab.identity.token_operations import TokenOperations
from agentcore_lab.identity.tokens import JwtTokens
from agentcore_lab.identity.user_tokens import UserTokens
from agentcore_lab.identity.user_verification import UserVerification
from agentcore_lab.identity.vault import TokenVault
from agentcore_lab.identity.vault_operations import VaultOperations
from agentcore_lab.identity.workload import WorkloadIdentities
from agentcore_lab.identity.workload_tokens import WorkloadTokens
from agentcore_lab.runtime.operations import Operation
from agentcore_lab.runtime.quotas import Quotas
from agentcore_lab.store.db import Database


@dataclass(frozen=True, slots=True)
class Outbound:
    """One engine's identity service.

    ``operations``: what it answers, by AWS's names; ``mint``: tokens for agents; ``flow``: users' consents.
    """

    identities: WorkloadIdentities
    providers: CredentialProviders
    mint: RuntimeTokens
    flow: ConsentFlow
    operations: dict[str, Operation]


def open_outbound(
    database: Database,
    data_dir: Path,
    clock: Clock,
    quotas: Quotas,
    client: aiohttp.ClientSession,
    url: str,
    of_users: JwtTokens,
    external: Kept,
) -> Outbound:
    """The identity service of the engine that owns ``data_dir``; keys that no vault uses are removed.

    ``client`` speaks to authorization servers, ``url`` is where browsers find the engine; ``of_users`` verifies JWTs,
    ``external`` has the secrets and keys that callers keep themselves.
    """
    identities = WorkloadIdentities(database, clock, quotas)
    vault = TokenVault(database, KeyFiles(data_dir), clock)
    vault.open()
    providers = CredentialProviders(database, vault, clock, quotas)
    secrets = ProviderSecrets(providers, external)
    tokens = WorkloadTokens(identities, clock)
    servers, consents = AuthorizationServers(client), Consents(clock)
    kept = UserTokens(database, vault, clock)
    flow = ConsentFlow(consents, providers, secrets, servers, kept, url)
    resources = Oauth2Tokens(tokens, identities, providers, secrets, servers, consents, kept, clock, url)
    operations = {
        **IdentityOperations(identities).table(),
        **ApiKeyOperations(providers).table(),
        **VaultOperations(vault).table(),
        **Oauth2Operations(providers, url).table(),
        **TokenOperations(tokens, providers, secrets, UserVerification(of_users)).table(),
        **ResourceTokenOperations(resources, flow).table(),
    }
    return Outbound(identities, providers, RuntimeTokens(tokens), flow, operations)
