"""OAuth 2.0 and OpenID Connect on Authlib's core server and joserfc: every rule of the protocol, one concept a module.

Knows no Flask and writes no SQL: the web layer hands over :class:`~idp.protocol.messages.Request` and renders
:class:`~idp.protocol.messages.Reply`; storage decides what may happen once. Authlib is imported here and nowhere else,
and only its core (never its Flask or SQLAlchemy integrations, never its JOSE).
"""
