"""The control-plane operations on the token vault (CONTRACT: section 6)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from agentcore_lab.errors import InvalidField, ValidationException
from agentcore_lab.identity.vault import VAULT, TokenVault, VaultKey, require_vault
from agentcore_lab.runtime.arn import Scope
from agentcore_lab.runtime.operations import Operation, Params, Result

_CUSTOMER = "CustomerManagedKey"
_SERVICE = "ServiceManagedKey"


class VaultOperations:
    """Show the vault, and change the key it is encrypted with."""

    def __init__(self, vault: TokenVault) -> None:
        self._vault = vault

    def table(self) -> dict[str, Operation]:
        """Every operation this class answers, by AWS's name."""
        return {
            "GetTokenVault": self.get,
            "SetTokenVaultCMK": self.set_key,
            "ResetTokenVaultKeyMaterial": self.reset,
        }

    async def get(self, scope: Scope, params: Params) -> Result:
        """AWS: GetTokenVault."""
        require_vault(params.get("tokenVaultId", VAULT))
        return _shown(self._vault.key(scope))

    async def set_key(self, scope: Scope, params: Params) -> Result:
        """AWS: SetTokenVaultCMK; each call encrypts the vault anew, also with the same configuration."""
        require_vault(params.get("tokenVaultId", VAULT))
        return _shown(self._vault.set_key(scope, _kms_key(params["kmsConfiguration"])))

    async def reset(self, scope: Scope, params: Params) -> Result:
        """AWS: ResetTokenVaultKeyMaterial."""
        require_vault(params["tokenVaultId"])
        return _shown(self._vault.reset(scope))


def _kms_key(configuration: Mapping[str, Any]) -> str | None:
    arn: str | None = configuration.get("kmsKeyArn")
    if (configuration["keyType"] == _CUSTOMER) != (arn is not None):
        why = f"is required with {_CUSTOMER}, and not allowed with {_SERVICE}"
        raise ValidationException(
            f"kmsConfiguration.kmsKeyArn {why}.", fields=(InvalidField("kmsConfiguration.kmsKeyArn", why),)
        )
    return arn


def _shown(key: VaultKey) -> Result:
    configuration = {"keyType": _SERVICE if key.kms_key_arn is None else _CUSTOMER}
    if key.kms_key_arn is not None:
        configuration["kmsKeyArn"] = key.kms_key_arn
    # lastModifiedDate is a timestamp without a format: epoch seconds in JSON.
    return {
        "tokenVaultId": VAULT,
        "kmsConfiguration": configuration,
        "lastModifiedDate": key.last_modified_at,
    }
