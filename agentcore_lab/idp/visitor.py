"""Someone at the provider's pages without a browser: signs in, consents, and says where they were sent.

For notebooks that run by themselves. What a person does with a mouse is done here through the same forms.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from html.parser import HTMLParser
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode, urljoin, urlsplit
from urllib.request import HTTPCookieProcessor, HTTPRedirectHandler, ProxyHandler, Request, build_opener

from agentcore_lab.plain_error import PlainError

_MOST_PAGES = 10
_PATIENCE_SECONDS = 30
_TICKED = frozenset({"checkbox", "radio"})


class NotConsented(PlainError):  # noqa: N818 - a state, named as one
    """The provider did not send the visitor back to the application; the message says what it showed."""


class _Stay(HTTPRedirectHandler):
    """A redirect is for the visitor to follow, or not."""

    def redirect_request(self, *_arguments: Any) -> None:
        """Nowhere."""


@dataclass(slots=True)
class _Form:
    action: str = ""
    fields: list[tuple[str, str]] = field(default_factory=list)
    names: set[str] = field(default_factory=set)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.found: list[_Form] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        said = dict(attrs)
        if tag == "form":
            self.found.append(_Form(said.get("action") or ""))
        elif tag == "input" and self.found and (name := said.get("name")):
            self.found[-1].names.add(name)
            if said.get("type") not in _TICKED or "checked" in said:
                self.found[-1].fields.append((name, said.get("value") or ""))

    def handle_data(self, data: str) -> None:
        if words := data.split():
            self.text.append(" ".join(words))


def consent(url: str, username: str, password: str, also: Collection[str] = ()) -> str:
    """Where the application's user is sent in the end, with code and state in the query; that address is not visited.

    ``url`` is the provider's authorization endpoint with the application's request, or an address that leads there:
    ``also`` are hosts with ports where redirects are followed too.

    Raises:
        NotConsented: the request was refused, the password is wrong.
    """
    # Cookies without the usual rules for names: a bare address is no domain.
    cookies = HTTPCookieProcessor(CookieJar(DefaultCookiePolicy(strict_ns_domain=0)))
    opener = build_opener(ProxyHandler({}), cookies, _Stay())
    homes = {urlsplit(url).netloc, *also}
    request = Request(url)  # noqa: S310 - whoever has the notebook chose the address
    signed_in = False
    for _ in range(_MOST_PAGES):
        status, headers, page = _visit(opener, request)
        if 300 <= status < 400:
            there = urljoin(request.full_url, str(headers["Location"]))
            if urlsplit(there).netloc not in homes:
                return there
            request = Request(there)  # noqa: S310 - on the same server
            continue
        forms = _Forms()
        forms.feed(page)
        form = next((each for each in forms.found if each.names & {"password", "request"}), None)
        if form is None or (signed_in and "password" in form.names):
            raise NotConsented(f"The identity provider answered {status}: {' '.join(forms.text[-12:])}")
        signed_in = signed_in or "password" in form.names
        request = _sent(form, request.full_url, {"login": username, "password": password, "action": "grant"})
    raise NotConsented("The identity provider sent the visitor in circles.")


def _sent(form: _Form, page: str, answers: dict[str, str]) -> Request:
    fields = [(name, value) for name, value in form.fields if name not in answers]
    body = urlencode([*fields, *answers.items()]).encode()
    parts = urlsplit(page)
    origin = {"Origin": f"{parts.scheme}://{parts.netloc}"}
    return Request(urljoin(page, form.action), body, origin)  # noqa: S310 - the form's own server


def _visit(opener: Any, request: Request) -> tuple[int, Any, str]:
    try:
        with opener.open(request, timeout=_PATIENCE_SECONDS) as response:
            return response.status, response.headers, response.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.headers, error.read().decode(errors="replace")
