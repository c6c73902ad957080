"""The provider's file, followed: what it says when a request comes is what the database holds."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from allauth.idp.oidc.models import Client as ClientRow
from django.conf import settings
from django.contrib.auth.models import Group, User
from django.db import transaction
from django.http import HttpRequest, HttpResponse

from agentcore_lab.idp.state import FILE, Client, Person, State, read


class Followed:
    """Middleware that takes the file over when it has changed."""

    def __init__(self, respond: Callable[[HttpRequest], HttpResponse]) -> None:
        self._respond = respond
        self._lock = threading.Lock()
        self._seen: Any = None

    def __call__(self, request: HttpRequest) -> HttpResponse:
        """The answer of what follows, which sees the file as it is now."""
        with self._lock:
            stat = (settings.LAB_FOLDER / FILE).stat()
            if self._seen != (version := (stat.st_mtime_ns, stat.st_ino)):
                with transaction.atomic():
                    _take_over(read(settings.LAB_FOLDER))
                self._seen = version
        return self._respond(request)


def _take_over(state: State) -> None:
    for person in state.people:
        _person(person)
    for client in state.clients:
        _client(client)
    ClientRow.objects.exclude(id__in=[client.id for client in state.clients]).delete()


def _person(person: Person) -> None:
    first, _, last = person.name.partition(" ")
    user, _ = User.objects.update_or_create(
        username=person.username,
        defaults={"first_name": first, "last_name": last, "email": person.email},
    )
    if not user.check_password(person.password):
        user.set_password(person.password)
        user.save()
    user.groups.set([Group.objects.get_or_create(name=name)[0] for name in person.groups])
    user.emailaddress_set.update_or_create(email=person.email, defaults={"primary": True, "verified": True})


def _client(client: Client) -> None:
    row = ClientRow.objects.filter(id=client.id).first() or ClientRow(id=client.id)
    row.name = client.name
    row.type = ClientRow.Type.CONFIDENTIAL
    row.skip_consent = not client.asks
    row.set_grant_types(list(client.grants))
    row.set_scopes(list(client.scopes))
    row.set_default_scopes(list(client.scopes))
    row.set_redirect_uris(list(client.redirect_uris))
    if not (row.secret and row.check_secret(client.secret)):
        row.set_secret(client.secret)
    row.save()
