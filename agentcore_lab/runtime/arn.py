"""Names of things: ids and ARNs of runtimes and of what hangs on them (CONTRACT: section 3.1)."""

from __future__ import annotations

import re
import secrets
import string
from dataclasses import dataclass

from agentcore_lab.errors import ResourceNotFoundException, ValidationException

_ID_ALPHABET = string.ascii_letters + string.digits
_RUNTIME_ID = re.compile(r"[a-zA-Z][a-zA-Z0-9_]{0,99}-[a-zA-Z0-9]{10}")
_RUNTIME_ARN = re.compile(
    r"arn:aws(?:-[^:]+)?:bedrock-agentcore:(?P<region>[a-z0-9-]+):(?P<account>[0-9]{12}):runtime/(?P<id>[^/]+)"
)


@dataclass(frozen=True, slots=True)
class Scope:
    """The account and region a resource lives in; nothing is visible outside its scope."""

    account_id: str
    region: str

    def runtime_arn(self, runtime_id: str) -> str:
        """``arn:aws:bedrock-agentcore:…:runtime/{id}``."""
        return self._arn(f"runtime/{runtime_id}")

    def endpoint_arn(self, runtime_id: str, endpoint: str) -> str:
        """``…:runtime/{id}/runtime-endpoint/{name}``."""
        return self._arn(f"runtime/{runtime_id}/runtime-endpoint/{endpoint}")

    def workload_identity_arn(self, name: str) -> str:
        """``…:workload-identity-directory/default/workload-identity/{name}``."""
        return self._arn(f"workload-identity-directory/default/workload-identity/{name}")

    def credential_provider_arn(self, kind: str, name: str) -> str:
        """``arn:aws:acps:…:token-vault/default/{kind}/{name}``: the service of the model's pattern."""
        return f"arn:aws:acps:{self.region}:{self.account_id}:token-vault/default/{kind}/{name}"

    def secret_arn(self, name: str) -> str:
        """``arn:aws:secretsmanager:…:secret:{name}``."""
        return f"arn:aws:secretsmanager:{self.region}:{self.account_id}:secret:{name}"

    def _arn(self, resource: str) -> str:
        return f"arn:aws:bedrock-agentcore:{self.region}:{self.account_id}:{resource}"


def new_id(name: str) -> str:
    """``{name}-{10 letters or digits}``, AWS's form of a runtime id and of an endpoint id."""
    return f"{name}-{''.join(secrets.choice(_ID_ALPHABET) for _ in range(10))}"


def runtime_id_in(reference: str, account_id: str | None, scope: Scope) -> str:
    """The runtime id a data-plane caller means by an ARN, or by a bare id together with an account id.

    Raises:
        ValidationException: neither an ARN nor an id, or an id without the account.
        ResourceNotFoundException: a runtime of another account or region.
    """
    if match := _RUNTIME_ARN.fullmatch(reference):
        if (match["account"], match["region"]) != (scope.account_id, scope.region):
            raise not_found(match["id"])
        return match["id"]
    if not _RUNTIME_ID.fullmatch(reference):
        raise ValidationException(
            f"Value '{reference[:200]}' at 'agentRuntimeArn' is neither the ARN nor the id of an agent runtime"
        )
    if account_id is None:
        raise ValidationException("accountId is required when agentRuntimeArn is an agent runtime id")
    if account_id != scope.account_id:
        raise not_found(reference)
    return reference


def scope_named(reference: str, account_id: str | None, own: Scope) -> Scope:
    """Where the runtime is that a caller of ``own`` means: an ARN says it, a bare id leaves it to the rest."""
    if match := _RUNTIME_ARN.match(reference):
        return Scope(match["account"], match["region"])
    return Scope(account_id or own.account_id, own.region)


def not_found(runtime_id: str) -> ResourceNotFoundException:
    """AWS's words for an unknown runtime (CONTRACT: section 24)."""
    return ResourceNotFoundException(
        f"Agent '{runtime_id}' was not found. Please check the agent ID and try again."
    )


@dataclass(frozen=True, slots=True)
class Resource:
    """What can be tagged: a runtime, or the endpoint of that name; ``endpoint`` is empty for the runtime itself."""

    runtime_id: str
    endpoint: str = ""

    def arn(self, scope: Scope) -> str:
        """Its ARN in the account and region it lives in."""
        if self.endpoint:
            return scope.endpoint_arn(self.runtime_id, self.endpoint)
        return scope.runtime_arn(self.runtime_id)
