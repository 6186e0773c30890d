"""What is measured, one function a row of the table."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from urllib.parse import urlencode

import httpx

from bench import load, proofs
from bench.load import Measured
from bench.seed import CHALLENGE, PASSWORD, REDIRECT_URI, SCOPE, USERNAME, VERIFIER, Seeded


@dataclass(frozen=True)
class Load:
    """Where and as whom to ask, for how many seconds."""

    issuer: str
    basic: str
    seeded: Seeded
    seconds: int


def client_credentials(on: Load) -> Measured:
    return _fixed(on, "POST", "/token", {"authorization": on.basic, "body": "grant_type=client_credentials"})


def code_exchange(on: Load) -> Measured:
    values = {"authorization": on.basic, "body": _exchange(), "codes": on.seeded.codes[_REFRESH_SEEDS:]}
    return load.run("codes.lua", on.issuer, values, seconds=on.seconds)


def refresh(on: Load) -> Measured:
    tokens = [_redeem(on, code)["refresh_token"] for code in on.seeded.codes[:_REFRESH_SEEDS]]
    return load.run("refresh.lua", on.issuer, {"authorization": on.basic, "tokens": tokens}, seconds=on.seconds)


def introspection(on: Load) -> Measured:
    body = urlencode({"token": _access_token(on)})
    return _fixed(on, "POST", "/introspect", {"authorization": on.basic, "body": body})


def userinfo(on: Load) -> Measured:
    return _fixed(on, "GET", "/userinfo", {"authorization": f"Bearer {_access_token(on)}"})


def silent_sso(on: Load) -> Measured:
    values = {
        "authorization": on.basic,
        "cookie": f"tx_session={on.seeded.session_cookie}",
        "authorize": _authorize(),
        "body": _exchange(),
    }
    return load.run("sso.lua", on.issuer, values, seconds=on.seconds)


def pushed_and_bound_login(on: Load) -> Measured:
    """PAR, /authorize and a token request with a proof: three requests a login."""
    values = {
        "authorization": on.basic,
        "cookie": f"tx_session={on.seeded.session_cookie}",
        "pushed": urlencode(_asked()),
        "authorize": "/authorize?client_id=bench&request_uri=",
        "body": _exchange(),
        "proofs": proofs.sign("POST", f"{on.issuer}/token", on.seconds * 1000),
    }
    return load.run("par_dpop.lua", on.issuer, values, seconds=on.seconds)


def bound_userinfo(on: Load) -> Measured:
    url = f"{on.issuer}/userinfo"
    token = _access_token(on, proof=proofs.sign("POST", f"{on.issuer}/token", 1)[0])
    values = {
        "authorization": f"DPoP {token}",
        "path": "/userinfo",
        "proofs": proofs.sign("GET", url, on.seconds * 3000, access_token=token),
    }
    return load.run("proofs.lua", on.issuer, values, seconds=on.seconds)


def password_login(on: Load) -> Measured:
    with httpx.Client() as http:
        page = http.get(f"{on.issuer}/login")
        token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', page.text)
        if token is None:
            raise SystemExit("the login page holds no CSRF token")
        cookie = "; ".join(f"{name}={value}" for name, value in http.cookies.items())
    body = urlencode({"username": USERNAME, "password": PASSWORD, "csrf_token": token[1]})
    return _fixed(on, "POST", "/login", {"cookie": cookie, "body": body}, expected="303")


def discovery(on: Load) -> Measured:
    return _fixed(on, "GET", "/.well-known/openid-configuration", {})


ALL: dict[str, Callable[[Load], Measured]] = {
    "client-credentials tokens": client_credentials,
    "code exchanges": code_exchange,
    "refreshes": refresh,
    "introspections": introspection,
    "userinfo": userinfo,
    "silent SSO logins (authorize + exchange)": silent_sso,
    "the same by PAR and with DPoP": pushed_and_bound_login,
    "userinfo with a DPoP-bound token": bound_userinfo,
    "password logins": password_login,
    "discovery": discovery,
}
_REFRESH_SEEDS = 64  # more live tokens than connections


def _fixed(on: Load, method: str, path: str, values: dict[str, str], expected: str = "200") -> Measured:
    asked = {"method": method, "path": path, "expected": expected, **values}
    return load.run("fixed.lua", on.issuer, asked, seconds=on.seconds)


def _asked() -> dict[str, str]:
    return {
        "response_type": "code",
        "client_id": "bench",
        "redirect_uri": REDIRECT_URI,
        "scope": SCOPE,
        "state": "s",
        "nonce": "n",
        "code_challenge": CHALLENGE,
        "code_challenge_method": "S256",
    }


def _authorize() -> str:
    return "/authorize?" + urlencode(_asked())


def _exchange() -> str:
    return urlencode({"grant_type": "authorization_code", "redirect_uri": REDIRECT_URI, "code_verifier": VERIFIER})


def _redeem(on: Load, code: str, proof: str | None = None) -> dict[str, str]:
    headers = {"Authorization": on.basic, "Content-Type": "application/x-www-form-urlencoded"}
    answer = httpx.post(
        f"{on.issuer}/token",
        headers=headers | ({"DPoP": proof} if proof else {}),
        content=f"{_exchange()}&code={code}",
    )
    answer.raise_for_status()
    tokens: dict[str, str] = answer.json()
    return tokens


def _access_token(on: Load, proof: str | None = None) -> str:
    """A person's access token, from a silent login; bound to the key of ``proof``."""
    cookie = {"Cookie": f"tx_session={on.seeded.session_cookie}"}
    answer = httpx.get(on.issuer + _authorize(), headers=cookie)
    return _redeem(on, answer.headers["Location"].split("code=")[1].split("&")[0], proof)["access_token"]
