"""The Django project of the provider, all in memory: settings, addresses, and the file of its folder taken over."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import django
from django.conf import settings
from django.core.management import call_command
from django.core.wsgi import get_wsgi_application

from agentcore_lab.idp.state import State

ACCESS_TOKEN_SECONDS = 3600


def open_project(folder: Path, issuer: str, state: State) -> Any:
    """Set Django up, bring its database to date, and return the WSGI application. Once a process."""
    settings.configure(**_settings(folder, issuer, state))
    django.setup()
    call_command("migrate", verbosity=0, interactive=False)
    return get_wsgi_application()


def _settings(folder: Path, issuer: str, state: State) -> dict[str, Any]:
    host = urlsplit(issuer).hostname
    return {
        "LAB_FOLDER": folder,
        "LAB_ISSUER": issuer,
        "SECRET_KEY": state.cookie_secret,
        "DEBUG": False,
        # A page whose name was made to lead here (DNS rebinding) sends another host, and is refused.
        "ALLOWED_HOSTS": [host],
        "INSTALLED_APPS": [
            "django.contrib.auth",
            "django.contrib.contenttypes",
            "django.contrib.sessions",
            "django.contrib.messages",
            "allauth",
            "allauth.account",
            "allauth.idp.oidc",
        ],
        "MIDDLEWARE": [
            "agentcore_lab.idp.followed.Followed",
            "django.middleware.security.SecurityMiddleware",
            "django.contrib.sessions.middleware.SessionMiddleware",
            "django.middleware.common.CommonMiddleware",
            "django.middleware.csrf.CsrfViewMiddleware",
            "django.contrib.auth.middleware.AuthenticationMiddleware",
            "django.contrib.messages.middleware.MessageMiddleware",
            "django.middleware.clickjacking.XFrameOptionsMiddleware",
            "allauth.account.middleware.AccountMiddleware",
        ],
        "DATABASES": {
            "default": {"ENGINE": "django.db.backends.sqlite3", "NAME": str(folder / "provider.db")}
        },
        "DEFAULT_AUTO_FIELD": "django.db.models.BigAutoField",
        "ROOT_URLCONF": "agentcore_lab.idp.addresses",
        "TEMPLATES": [
            {
                "BACKEND": "django.template.backends.django.DjangoTemplates",
                "DIRS": [str(Path(__file__).parent / "templates")],
                "APP_DIRS": True,
                "OPTIONS": {
                    "context_processors": [
                        "django.template.context_processors.request",
                        "django.contrib.auth.context_processors.auth",
                        "django.contrib.messages.context_processors.messages",
                    ]
                },
            }
        ],
        "AUTHENTICATION_BACKENDS": ["allauth.account.auth_backends.AuthenticationBackend"],
        # Quick enough for a token on every call; the secrets are random ones of 144 bits.
        "PASSWORD_HASHERS": ["django.contrib.auth.hashers.ScryptPasswordHasher"],
        "USE_TZ": True,
        "USE_I18N": False,
        # Cookies know no ports: JupyterLab has some of these names on the same address.
        "SESSION_COOKIE_NAME": "agentcore_lab_idp_session",
        "CSRF_COOKIE_NAME": "agentcore_lab_idp_csrf",
        "ACCOUNT_ADAPTER": "agentcore_lab.idp.adapters.AccountAdapter",
        "ACCOUNT_LOGIN_METHODS": {"username"},
        "ACCOUNT_SIGNUP_FIELDS": ["username*", "password1*"],
        "ACCOUNT_EMAIL_VERIFICATION": "none",
        "ACCOUNT_SESSION_REMEMBER": False,
        "LOGIN_REDIRECT_URL": "/",
        "IDP_OIDC_ADAPTER": "agentcore_lab.idp.adapters.OidcAdapter",
        "IDP_OIDC_ACCESS_TOKEN_FORMAT": "jwt",
        "IDP_OIDC_ACCESS_TOKEN_EXPIRES_IN": ACCESS_TOKEN_SECONDS,
        "IDP_OIDC_ID_TOKEN_EXPIRES_IN": ACCESS_TOKEN_SECONDS,
        # Keys may be rotated at any moment: clients are asked to keep them for a few minutes at most.
        "IDP_OIDC_JWKS_CACHE_CONTROL": 300,
        "LOGGING": {"version": 1, "disable_existing_loggers": False},
    }
