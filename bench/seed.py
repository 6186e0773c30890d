"""What the load needs to exist: one client, one person, one session, and as many unused codes as may be redeemed."""

from __future__ import annotations

from base64 import urlsafe_b64encode
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256

from idp.app import create_app
from idp.config import Settings
from idp.context import Context, Provider
from idp.crypto.random import hash_secret, new_id, new_secret
from idp.domain.account import Account
from idp.domain.grant import Grant
from idp.domain.session import Session
from idp.storage import accounts, clients, grants, sessions

CLIENT_ID = "bench"
REDIRECT_URI = "http://127.0.0.1:9/callback"
SCOPE = "openid profile"
USERNAME, PASSWORD = "bench", "a password only benchmarks use 1"
VERIFIER = "v" * 43
CHALLENGE = urlsafe_b64encode(sha256(VERIFIER.encode()).digest()).decode().rstrip("=")


@dataclass(frozen=True)
class Seeded:
    secret: str
    session_cookie: str
    codes: list[str]


def seed(settings: Settings, code_count: int) -> Seeded:
    provider: Provider = create_app(settings).extensions["tongxing"]
    with provider.work() as context:
        db = context.db
        secret = _add_client(context)
        account = accounts.add(
            db,
            context.vault,
            claims={"name": "Bench"},
            username=USERNAME,
            password_hash=provider.passwords.hash(PASSWORD),
            now=context.now,
        )
        session, cookie = _add_session(context, account)
        codes = [_add_code(context, account, session) for _ in range(code_count)]
    provider.engine.dispose()
    return Seeded(secret, cookie, codes)


def _add_client(context: Context) -> str:
    secret = new_secret()
    metadata = {
        "client_name": "Bench",
        "redirect_uris": [REDIRECT_URI],
        "token_endpoint_auth_method": "client_secret_basic",
        "grant_types": ["authorization_code", "refresh_token", "client_credentials"],
        "scope": SCOPE,
    }
    clients.put(context.db, CLIENT_ID, metadata, context.now, secret_hash=hash_secret(secret), is_first_party=True)
    return secret


def _add_session(context: Context, account: Account) -> tuple[Session, str]:
    return sessions.add(
        context.db,
        context.vault,
        account_id=account.id,
        level=0,
        amr=["pwd"],
        source="local",
        is_choice_made=True,
        user_agent="bench",
        address="127.0.0.1",
        now=context.now,
        expires_at=context.now + timedelta(hours=1),
    )


def _add_code(context: Context, account: Account, session: Session) -> str:
    code = new_secret()
    grant = Grant(
        id=new_id(),
        client_id=CLIENT_ID,
        account_id=account.id,
        subject=account.subject,
        session_id=session.id,
        sid=session.sid,
        scope=frozenset(SCOPE.split()),
        redirect_uri=REDIRECT_URI,
        audience=(context.settings.issuer,),
        created_at=context.now,
        auth_time=context.now,
        acr="urn:tongxing:loa:0",
        amr=("pwd",),
        nonce="n",
        code_challenge=CHALLENGE,
        code_expires_at=context.now + timedelta(minutes=10),
    )
    grants.add(context.db, grant, hash_secret(code))
    return code
