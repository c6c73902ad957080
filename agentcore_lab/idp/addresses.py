"""The provider's addresses: OpenID Connect, signing in, and a front page that says what this is."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import include, path

from agentcore_lab.idp.exchange import Tokens


def front(request: HttpRequest) -> HttpResponse:
    """What this is, and who is signed in."""
    return render(request, "front.html")


urlpatterns: list[Any] = [
    path("", front),
    # Before allauth's own, which it extends.
    path("identity/o/api/token", Tokens.as_view()),
    path("", include("allauth.idp.urls")),
    path("accounts/", include("allauth.account.urls")),
]
