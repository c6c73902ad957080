"""The local identity provider: django-allauth's OpenID Connect server, set up for a lab, a program of its own.

Nothing here knows the engine, and the engine imports ``state`` and ``child`` alone: Django lives in the other process.
"""

FOLDER = "idp"
"""Where in a data directory the provider keeps what must survive: keys, people, clients, what was issued."""
