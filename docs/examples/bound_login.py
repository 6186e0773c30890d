"""A login with everything that makes it strong: a pushed request (RFC 9126), a client that signs (RFC 7523), a signed
answer (JARM), tokens bound to a key (RFC 9449). It needs httpx and joserfc, and the demonstration running:

    .venv/bin/python docs/examples/bound_login.py var/demo/target.json

Open the address it prints, log in, and paste the address at which the browser ends: nobody listens there.
"""

from __future__ import annotations

import base64
import hashlib
import json
import secrets
import sys
import time
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlencode, urlsplit

import httpx
from joserfc import jwt
from joserfc.jwk import ECKey, KeySet

target = json.loads(Path(sys.argv[1]).read_text())
client = target["clients"]["private_key_jwt"]
provider = httpx.get(f"{target['issuer']}/.well-known/openid-configuration").json()
own_key = ECKey.import_key(next(key for key in client["jwks_private"]["keys"] if key["kty"] == "EC"))
proof_key = ECKey.generate_key("P-256")  # for this login only; the private part never leaves the client


def check(is_right: bool, what: str) -> None:
    if not is_right:
        sys.exit(f"refused: {what}")


def digest(text: str) -> str:
    return base64.urlsafe_b64encode(hashlib.sha256(text.encode()).digest()).rstrip(b"=").decode()


def authentication() -> dict[str, str]:
    """private_key_jwt: a new assertion for every call, its audience the issuer."""
    now = int(time.time())
    about = {"iss": client["client_id"], "sub": client["client_id"], "aud": provider["issuer"]}
    claims = about | {"iat": now, "exp": now + 60, "jti": secrets.token_urlsafe(16)}
    return {
        "client_assertion_type": "urn:ietf:params:oauth:client-assertion-type:jwt-bearer",
        "client_assertion": jwt.encode({"alg": "ES256", "kid": own_key.kid}, claims, own_key),
    }


def proof(method: str, url: str, token: str | None = None) -> dict[str, str]:
    """A DPoP proof: a new one for every call; beside a token it names the token."""
    claims: dict[str, Any] = {"htm": method, "htu": url, "iat": int(time.time()), "jti": secrets.token_urlsafe(16)}
    if token is not None:
        claims["ath"] = digest(token)
    header = {"typ": "dpop+jwt", "alg": "ES256", "jwk": proof_key.as_dict(private=False)}
    return {"DPoP": jwt.encode(header, claims, proof_key)}


def post(endpoint: str, **form: str) -> dict[str, Any]:
    url = provider[endpoint]
    answer = httpx.post(url, data=form | authentication(), headers=proof("POST", url))
    answer.raise_for_status()
    return dict(answer.json())


def read(token: str) -> dict[str, Any]:
    """The claims of a JWT that the provider signed for us and that still counts."""
    keys = KeySet.import_key_set(httpx.get(provider["jwks_uri"]).json())
    claims = dict(jwt.decode(token, keys, algorithms=provider["id_token_signing_alg_values_supported"]).claims)
    check(claims["iss"] == provider["issuer"] and claims["aud"] == client["client_id"], "a JWT that is not for us")
    check(claims["exp"] > time.time(), "a JWT that is too old")
    return claims


# 1. Push the request. The proof binds the code to our key already (RFC 9449 §10.1).
verifier, state, nonce = (secrets.token_urlsafe(32) for _ in range(3))
pushed = post(
    "pushed_authorization_request_endpoint",
    response_type="code",
    response_mode="jwt",
    client_id=client["client_id"],
    redirect_uri=client["redirect_uri"],
    scope="openid profile offline_access",
    state=state,
    nonce=nonce,
    code_challenge=digest(verifier),
    code_challenge_method="S256",
)

# 2. Send the browser with nothing but the reference.
query = urlencode({"client_id": client["client_id"], "request_uri": pushed["request_uri"]})
print(f"{provider['authorization_endpoint']}?{query}", flush=True)

# 3. The answer is one JWT: read it, then compare.
arrived = parse_qs(urlsplit(input("Where the browser ended: ")).query)
answer = read(arrived["response"][0])
check(answer.get("state") == state, "an answer to another request")
check("code" in answer, answer.get("error", "an answer without a code"))

# 4. Redeem the code; the tokens are bound to the same key.
tokens = post(
    "token_endpoint",
    grant_type="authorization_code",
    code=answer["code"],
    redirect_uri=client["redirect_uri"],
    code_verifier=verifier,
)
check(tokens["token_type"] == "DPoP", "an unbound token")  # noqa: S105
check(read(tokens["id_token"])["nonce"] == nonce, "an ID token of another login")

# 5. Show the access token with a proof. As a plain bearer token it is refused.
url, token = provider["userinfo_endpoint"], tokens["access_token"]
person = httpx.get(url, headers={"Authorization": f"DPoP {token}"} | proof("GET", url, token))
print("As a bearer token:", httpx.get(url, headers={"Authorization": f"Bearer {token}"}).status_code)
print("Hello,", person.json()["name"])

# 6. Refresh: authenticated, and with a proof again.
print("New", post("token_endpoint", grant_type="refresh_token", refresh_token=tokens["refresh_token"])["token_type"])
