"""The identity provider: registration, login, sessions, OpenID Connect, and trust in other identity providers.

It owns people, companies, sessions, consents, grants and keys. It knows nothing of service matters; relying parties
reach it over HTTP only.
"""
