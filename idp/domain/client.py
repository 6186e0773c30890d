"""A registered client (relying party or service): its metadata in the words of RFC 7591, and the rules about it.

The method names without our usual verbs are those Authlib asks of a client (see docs/decisions). Metadata are parsed
once per client object: processes keep them for a while.
"""

from __future__ import annotations

import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property
from typing import Any
from urllib.parse import quote

from idp.domain.opening import Opening
from idp.domain.profile import DEFAULT, PROFILES, Profile, in_order


@dataclass(frozen=True)
class Client:
    client_id: str
    metadata: Mapping[str, Any]  # RFC 7591 §2 names, plus ours: profile, openings, resource_identifier, minimum_level
    secret_hash: str | None = field(default=None, repr=False)
    is_first_party: bool = False
    is_active: bool = True
    secret_sealed: bytes | None = field(
        default=None, repr=False
    )  # kept where the method signs with it (client_secret_jwt)
    registration_token_hash: str | None = field(default=None, repr=False)  # RFC 7592 §1.2
    created_at: datetime | None = field(default=None, compare=False)
    updated_at: datetime | None = field(default=None, compare=False)
    logo_fetched_at: datetime | None = field(default=None, compare=False)  # None: there is no picture of ours

    @property
    def name(self) -> str:
        return str(self.metadata.get("client_name") or self.client_id)

    def localized(self, name: str, locale: str) -> Any:
        """A member in the language where it is registered (RFC 7591 §2.2): under the very tag, else under one that
        says more than the language; else the member without a tag."""
        wanted = f"{name}#{locale}".lower()
        tagged = {key.lower(): value for key, value in self.metadata.items() if key.startswith(f"{name}#")}
        wider = (tagged[key] for key in sorted(tagged) if key.startswith(f"{wanted}-"))
        return tagged.get(wanted) or next(wider, None) or self.metadata.get(name)

    def localized_name(self, locale: str) -> str:
        return str(self.localized("client_name", locale) or self.name)

    @property
    def logo_path(self) -> str | None:
        """Where our copy of its logo is served; another path for another picture."""
        if self.logo_fetched_at is None:
            return None
        return f"/clients/{quote(self.client_id, safe='')}/logo?v={int(self.logo_fetched_at.timestamp())}"

    @property
    def initiate_login_uri(self) -> str | None:
        """Where others may begin a login to it (OpenID Connect Core §4)."""
        return self.metadata.get("initiate_login_uri")

    def is_provider(self, issuer: str) -> bool:
        """Whether the client is that provider itself, logging its own people in here."""
        return any(uri.startswith(f"{issuer}/") for uri in self.redirect_uris)

    @cached_property
    def redirect_uris(self) -> tuple[str, ...]:
        return tuple(self.metadata.get("redirect_uris", ()))

    @cached_property
    def profile(self) -> Profile:
        """What is demanded of the client and allowed it. Raises KeyError for a profile that does not exist: such a
        client is broken, never merely unprotected."""
        return PROFILES[self.metadata.get("profile", DEFAULT)]

    def has_opening(self, opening: Opening, *, are_allowed: bool) -> bool:
        """``are_allowed``: whether the deployment allows openings at all."""
        return are_allowed and self.profile.allows_openings and opening.value in self.openings

    @property
    def openings(self) -> tuple[str, ...]:
        """Its test-only relaxations, whether they count or not."""
        return tuple(self.metadata.get("openings", ()))

    @property
    def post_logout_redirect_uris(self) -> tuple[str, ...]:
        return tuple(self.metadata.get("post_logout_redirect_uris", ()))

    @property
    def backchannel_logout_uri(self) -> str | None:
        return self.metadata.get("backchannel_logout_uri")

    @property
    def frontchannel_logout_uri(self) -> str | None:
        return self.metadata.get("frontchannel_logout_uri")

    @cached_property
    def auth_method(self) -> str:
        return str(self.metadata.get("token_endpoint_auth_method", "client_secret_basic"))

    @property
    def is_public(self) -> bool:
        return self.auth_method == "none"

    @cached_property
    def grant_types(self) -> frozenset[str]:
        return frozenset(self.metadata.get("grant_types", ("authorization_code",)))

    @cached_property
    def response_types(self) -> frozenset[str]:
        return frozenset(in_order(item) for item in self.metadata.get("response_types", ("code",)))

    @cached_property
    def scope(self) -> frozenset[str]:
        return frozenset(str(self.metadata.get("scope", "openid")).split())

    @cached_property
    def request_uris(self) -> tuple[str, ...]:
        """Where its request objects may be fetched (OpenID Connect Core §6.2)."""
        return tuple(self.metadata.get("request_uris", ()))

    @property
    def request_object_alg(self) -> str | None:
        return self.metadata.get("request_object_signing_alg")

    @property
    def must_push(self) -> bool:
        """RFC 9126 §6."""
        return self.profile.must_push or self.metadata.get("require_pushed_authorization_requests") is True

    @property
    def must_sign_request(self) -> bool:
        """RFC 9101 §10.5."""
        return self.profile.must_sign_request or self.metadata.get("require_signed_request_object") is True

    @property
    def id_token_alg(self) -> str | None:
        return self.metadata.get("id_token_signed_response_alg")

    @property
    def must_use_dpop(self) -> bool:
        """Whether its every token request brings a DPoP proof (RFC 9449 §5.2)."""
        return bool(self.metadata.get("dpop_bound_access_tokens"))

    @property
    def uses_certificates(self) -> bool:
        """Whether its tokens are bound to its certificate (RFC 8705 §3.4), where no DPoP proof binds them."""
        return bool(self.metadata.get("tls_client_certificate_bound_access_tokens"))

    @property
    def must_bind_tokens(self) -> bool:
        """Whether it gets no access token that is not bound to a key."""
        return self.profile.must_bind_tokens or self.must_use_dpop or self.uses_certificates

    def lifetime(self, name: str) -> timedelta | None:
        """A lifetime of its own (ours: access_token_lifetime, …, in seconds); it only ever shortens."""
        seconds = self.metadata.get(name)
        return timedelta(seconds=seconds) if isinstance(seconds, int) and 0 < seconds < 2**31 else None

    @property
    def resource_identifier(self) -> str | None:
        """The audience this client is, where it is a resource server too: it may introspect tokens meant for it."""
        return self.metadata.get("resource_identifier")

    @cached_property
    def jwks(self) -> tuple[dict[str, Any], ...]:
        """Its public keys by value (RFC 7591 §2 ``jwks``)."""
        return tuple((self.metadata.get("jwks") or {}).get("keys", ()))

    @property
    def jwks_uri(self) -> str | None:
        """Where its public keys are published; idp.protocol.client_keys fetches them."""
        return self.metadata.get("jwks_uri")

    def get_client_id(self) -> str:
        return self.client_id

    def get_default_redirect_uri(self) -> str | None:
        """None: a redirect URI is always demanded in the request, even where only one is registered."""
        return None

    def get_allowed_scope(self, scope: str | None) -> str:
        asked = (scope or "").split()
        return " ".join(item for item in asked if item in self.scope)

    def check_redirect_uri(self, redirect_uri: str) -> bool:
        return redirect_uri in self.redirect_uris

    def check_client_secret(self, client_secret: str) -> bool:
        """Compare in constant time; the secret is random (≥ 256 bits), so a plain SHA-256 keeps it safe at rest."""
        given = hashlib.sha256(client_secret.encode("utf-8", "surrogatepass")).hexdigest()
        return hmac.compare_digest(given, self.secret_hash or "")

    def check_endpoint_auth_method(self, method: str, endpoint: str) -> bool:
        return method == self.auth_method

    def check_response_type(self, response_type: str) -> bool:
        return in_order(response_type) in self.response_types

    def check_grant_type(self, grant_type: str) -> bool:
        return grant_type in self.grant_types

    @property
    def client_metadata(self) -> Mapping[str, Any]:
        return self.metadata
