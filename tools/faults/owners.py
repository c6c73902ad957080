"""Faults in what is whose: accounts, policies, the vault, users' consents and workload tokens."""

from __future__ import annotations

from tools.faults.fault import Fault

_ACCOUNTS = ("tests/runtime/test_accounts.py", "tests/identity/test_accounts.py")
_OWN_API = ("tests/server/test_lab_accounts.py",)
_VAULT = ("tests/identity/test_vault.py",)
_USERS = ("tests/identity/test_user_federation.py", "tests/identity/test_users_of_tokens.py")
_WORKLOADS = (
    "tests/identity/test_api_keys.py",
    "tests/identity/test_workload_identities.py",
    "tests/identity/test_runtime_tokens.py",
    *_ACCOUNTS,
)
_POLICIES = ("tests/authorization/test_policies.py", "tests/runtime/test_authorization.py")

FAULTS = (
    Fault(
        "account-sees-another",
        "a runtime of one account is not there for another",
        "runtime/repository.py",
        '            "SELECT * FROM runtime WHERE id = ? AND account_id = ? AND region = ?",\n'
        "            (runtime_id, scope.account_id, scope.region),",
        '            "SELECT * FROM runtime WHERE id = ?",\n            (runtime_id,),',
        _ACCOUNTS,
    ),
    Fault(
        "account-lists-another",
        "an account lists its own runtimes",
        "runtime/repository.py",
        '            "SELECT * FROM runtime WHERE account_id = ? AND region = ? AND id > ? ORDER BY id LIMIT ?",\n'
        "            (scope.account_id, scope.region, after, limit),",
        '            "SELECT * FROM runtime WHERE id > ? ORDER BY id LIMIT ?",\n            (after, limit),',
        _ACCOUNTS,
    ),
    Fault(
        "client-token-of-another-account",
        "a clientToken is one account's",
        "runtime/idempotency.py",
        "                self._answer((scope.account_id, scope.region, name, token), operation, scope, params)",
        '                self._answer(("", scope.region, name, token), operation, scope, params)',
        _ACCOUNTS,
    ),
    Fault(
        "arn-of-another-account",
        "an ARN of another account names nothing of this one's",
        "runtime/resources.py",
        '        if match is None or (match["account"], match["region"]) != (scope.account_id, scope.region):',
        "        if match is None:",
        ("tests/runtime/test_tags.py",),
    ),
    Fault(
        "deny-ignored",
        "an explicit Deny refuses",
        "authorization/decision.py",
        "        if effect is Effect.DENY:",
        "        if effect is Effect.DENY and identity is None:",
        _POLICIES,
    ),
    Fault(
        "allowed-by-nobody",
        "who is of another account must be allowed by the resource",
        "authorization/decision.py",
        "        if effect is not Effect.ALLOW and foreign:",
        "        if effect is not Effect.ALLOW and identity is None:",
        _POLICIES,
    ),
    Fault(
        "another-user-id-for-free",
        "to speak for a user needs leave of its own",
        "runtime/authorization.py",
        '    if operation in _FOR_USERS and "runtimeUserId" in params:',
        "    if operation not in _FOR_USERS:",
        _POLICIES,
    ),
    Fault(
        "vault-in-plain",
        "the vault's secrets are not on the disk in plain",
        "identity/vault.py",
        "    return nonce + cipher.encrypt(nonce, secret, owner.encode())",
        "    return nonce + secret",
        _VAULT,
        also=(
            (
                "identity/vault.py",
                "        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], owner.encode())",
                "        return sealed[_NONCE_BYTES:]",
            ),
        ),
    ),
    Fault(
        "vault-not-bound",
        "a secret is sealed to its owner",
        "identity/vault.py",
        "    return nonce + cipher.encrypt(nonce, secret, owner.encode())",
        "    return nonce + cipher.encrypt(nonce, secret, None)",
        _VAULT,
        also=(
            (
                "identity/vault.py",
                "        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], owner.encode())",
                "        return cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], None)",
            ),
        ),
    ),
    Fault(
        "token-of-another-user",
        "a user's token in the vault is that user's alone",
        "identity/user_tokens.py",
        "wanted.workload, wanted.user.id\n",
        'wanted.workload, "everybody"\n',
        _USERS,
        ("05",),
    ),
    Fault(
        "token-of-another-workload",
        "a user's token in the vault is one workload's alone",
        "identity/user_tokens.py",
        "wanted.workload, wanted.user.id\n",
        '"every-agent", wanted.user.id\n',
        _USERS,
    ),
    Fault(
        "consent-widened",
        "a consent to some scopes is none to others",
        "identity/user_tokens.py",
        "    asked = json.dumps([sorted(wanted.scopes), ",
        "    asked = json.dumps([[], ",
        _USERS,
    ),
    Fault(
        "consent-of-another-user",
        "only the user a consent began with completes it",
        "identity/consent_flow.py",
        "        if wanted.scope != scope or not same_user or consent.stage",
        "        if wanted.scope != scope or not (same_user or user) or consent.stage",
        _USERS,
    ),
    Fault(
        "session-uri-of-another-user",
        "a consent's session is its user's alone",
        "identity/oauth2_tokens.py",
        "        if (ours.scope, ours.provider, ours.workload, ours.user.id) != (\n"
        "            wanted.scope,\n"
        "            wanted.provider,\n"
        "            wanted.workload,\n"
        "            wanted.user.id,\n"
        "        ):",
        "        if (ours.scope, ours.provider, ours.workload) != (\n"
        "            wanted.scope,\n"
        "            wanted.provider,\n"
        "            wanted.workload,\n"
        "        ):",
        _USERS,
    ),
    Fault(
        "state-used-twice",
        "a provider's answer counts once",
        "identity/consents.py",
        "        uri = self._uri_by_state.pop(state, None)",
        "        uri = self._uri_by_state.get(state)",
        _USERS,
        also=(
            (
                "identity/consent_flow.py",
                "        if consent is None or consent.stage is not Stage.ASKED:",
                "        if consent is None:",
            ),
        ),
    ),
    Fault(
        "consent-for-ever",
        "a consent must be given within ten minutes",
        "identity/consents.py",
        "            if consent.ends_at > now:",
        "            if consent.ends_at > now or consent.uri:",
        _USERS,
    ),
    Fault(
        "answer-of-another-provider",
        "a consent is answered by the provider that was asked",
        "identity/consent_flow.py",
        '        if provider.configuration["callbackId"] != callback_id or foreign:',
        "        if not callback_id:",
        _USERS,
    ),
    Fault(
        "return-to-anywhere",
        "a user comes back to a registered URL alone",
        "identity/oauth2_tokens.py",
        "        if return_url not in allowed:",
        "        if not return_url:",
        _USERS,
    ),
    Fault(
        "workload-token-of-another-account",
        "a workload token is one account's",
        "identity/workload_tokens.py",
        '        if (said["account"], said["region"]) != (scope.account_id, scope.region):',
        '        if not said["account"]:',
        _WORKLOADS,
    ),
    Fault(
        "workload-token-for-ever",
        "a workload token lasts 15 minutes",
        "identity/workload_tokens.py",
        '        if self._clock.now() >= datetime.fromtimestamp(said["until"], UTC):',
        '        if not said["until"]:',
        _WORKLOADS,
    ),
    Fault(
        "workload-token-inherited",
        "a token of a workload that is gone is not its namesake's",
        "identity/workload_tokens.py",
        '        if identity.created_at.isoformat() != said["since"]:',
        '        if not said["since"]:',
        _WORKLOADS,
    ),
    Fault(
        "workload-token-of-a-runtime",
        "nobody gets himself a token of a runtime's workload",
        "identity/workload_tokens.py",
        "        if self._identities.get(scope, workload).runtime_id is not None:",
        "        if not self._identities.get(scope, workload).name:",
        _WORKLOADS,
    ),
    Fault(
        "token-made-up",
        "an agent gets no token that its caller has made up",
        "runtime/workload_token.py",
        "    clean = {name: value for name, value in headers.items() if name.lower() != TO_AGENT.lower()}",
        "    clean = headers",
        ("tests/identity/test_runtime_tokens.py", "tests/runtime/test_invocations.py"),
    ),
    Fault(
        "proof-talked-away",
        "whom a bearer token proves cannot be talked away",
        "identity/runtime_tokens.py",
        "        acts_for = self._named(scope, params, headers) if user is None else _proved(user)",
        "        acts_for = self._named(scope, params, headers) or (user and _proved(user))",
        ("tests/identity/test_runtime_tokens.py", "tests/identity/test_bearer_tokens.py"),
    ),
    Fault(
        "own-api-shows-all-sessions",
        "the lab's own API shows an account its own sessions",
        "runtime/roll.py",
        "        living = [session for session in self.alive() if session.scope.account_id == account_id]",
        "        living = self.alive()",
        _OWN_API,
    ),
    Fault(
        "own-api-tells-all",
        "what happens in one account is not told in another",
        "runtime/events.py",
        "        if events := self._records.get(account_id):\n            events.tell(kind, key, value)",
        "        for events in self._records.values():\n            events.tell(kind, key, value)",
        _OWN_API,
    ),
    Fault(
        "own-api-asks-nobody",
        "the lab's own API asks who calls",
        "server/lab_door.py",
        "_WANTS = Wants(frozenset({SERVICE}), regional=True, most=2 * 1024 * 1024)",
        "_WANTS = Wants(frozenset({SERVICE}), regional=True, most=2 * 1024 * 1024, nobody=True)",
        _OWN_API,
    ),
    Fault(
        "anybody-sets-the-clock",
        "the clock is the default account's to set",
        "server/lab_door.py",
        "            if scope.account_id != self._owner:",
        "            if not scope.account_id:",
        _OWN_API,
    ),
    Fault(
        "stream-outlives-its-key",
        "nothing is told after credentials have ended",
        "server/events.py",
        "            if not self._door.lasts(request):",
        "            if quiet and not self._door.lasts(request):",
        _OWN_API,
    ),
    Fault(
        "refused-caller-is-told-on",
        "of a call that its policies refuse an account learns nothing",
        "server/traces.py",
        "            account_id = caller if trace.authorized is None else owner",
        "            account_id = owner",
        _OWN_API,
    ),
    Fault(
        "one-model-for-all",
        "what a model has to say is an account's own",
        "model/scripts.py",
        "        return self._scripts.setdefault(account_id, Scripts())",
        '        return self._scripts.setdefault("", Scripts())',
        _OWN_API,
    ),
    Fault(
        "rates-of-all-together",
        "request rates are an account's own",
        "runtime/throttle.py",
        "        now, rate = self._clock.now(), self._rates[kind]",
        '        now, rate, account_id = self._clock.now(), self._rates[kind], ""',
        _OWN_API,
    ),
)
