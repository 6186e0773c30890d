"""The relying-party kit: what an integrator installs to let people log in with Tongxing and to trust its tokens.

It owns the relying party's side of the protocol (`relying_party`), the resource server's side (`resource`), and a
server-side session store (`sessions`). It knows discovery and HTTP only: nothing of the provider's code, no Authlib,
and Flask only in the modules whose names begin with `flask_`.
"""
