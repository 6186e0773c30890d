from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask
from joserfc.jwk import import_key
from sqlalchemy.orm import Session as DbSession

from idp.config import Settings
from idp.context import Context, Provider
from idp.crypto import jose, jwe
from idp.crypto.keyring import NoSigningKey
from idp.domain.signing_key import KeyStage
from idp.protocol import keys
from idp.storage import signing_keys
from tests.clock import Clock
from tests.statements import Statements

Work = Callable[[], AbstractContextManager[Context]]
Count = Callable[..., AbstractContextManager[Statements]]


@pytest.fixture
def settings(settings: Settings) -> Settings:
    """One fast algorithm: these tests make many keys."""
    return replace(settings, key_algorithms=("ES256",), encryption_algorithms=())


@pytest.fixture
def provider(provider: Provider, work: Work) -> Provider:
    """Begins without any key."""
    with work() as context:
        for key in signing_keys.list_all(context.db, context.vault):
            signing_keys.reschedule(context.db, replace(key, gone_at=context.now - timedelta(days=1)))
        signing_keys.purge(context.db, context.now)
        keys.reload_keys(context)
    return provider


def stages(context: Context) -> list[KeyStage]:
    found = signing_keys.list_all(context.db, context.vault)
    return [key.stage(context.now) for key in found]


@pytest.mark.usefixtures("provider")
def test_the_first_keys_sign_at_once(work: Work) -> None:
    with work() as context:
        keys.ensure_keys(context)
        assert stages(context) == [KeyStage.SIGNING]
        assert jose.sign(context.keys, "ES256", {}, "JWT", context.now)


@pytest.mark.usefixtures("provider")
def test_ensuring_twice_changes_nothing(work: Work) -> None:
    with work() as context:
        keys.ensure_keys(context)
        before = context.keys.keys
        keys.ensure_keys(context)
        assert context.keys.keys == before


@pytest.mark.usefixtures("provider")
@pytest.mark.parametrize("algorithm", ["RS256", "PS256", "ES256", "EdDSA"])
def test_every_algorithm_of_the_settings_gets_its_own_key(make_app: Callable[..., Flask], algorithm: str) -> None:
    other: Provider = make_app(key_algorithms=(algorithm,)).extensions["tongxing"]
    with DbSession(other.engine) as db:
        context = other.context(db)
        keys.ensure_keys(context)
        token = jose.sign(context.keys, algorithm, {"exp": 9_999_999_999}, "JWT", context.now)
        assert jose.verify_own(context.keys, token, context.now, typ="JWT")
        published = {key["alg"]: key for key in context.keys.jwks(context.now)["keys"]}[algorithm]
    sizes = {"RSA": ("n", 342), "EC": ("x", 43), "OKP": ("x", 43)}  # 2048, 256 and 256 bits in base64url
    member, length = sizes[published["kty"]]
    assert published["use"] == "sig"
    assert len(published[member]) == length


@pytest.mark.usefixtures("provider")
def test_a_successor_is_published_for_its_lead_before_it_signs(work: Work, clock: Clock) -> None:
    with work() as context:
        keys.ensure_keys(context)
        lead, lifetime = context.settings.key_publish_lead, context.settings.key_lifetime
    clock.advance(lifetime - 2 * lead)
    with work() as context:
        keys.ensure_keys(context)
        assert stages(context) == [KeyStage.SIGNING, KeyStage.PUBLISHED]
        first, second = context.keys.keys
        assert second.signs_from == first.signs_until
        assert second.signs_from - second.published_at >= lead


@pytest.mark.usefixtures("provider")
def test_a_late_successor_still_has_its_lead_and_the_old_key_signs_on(work: Work, clock: Clock) -> None:
    with work() as context:
        keys.ensure_keys(context)
        lead, lifetime = context.settings.key_publish_lead, context.settings.key_lifetime
    clock.advance(lifetime - lead / 2)  # nobody kept house in time
    with work() as context:
        keys.ensure_keys(context)
        first, second = context.keys.keys
        assert second.signs_from == context.now + lead
        assert first.signs_until == second.signs_from
        assert first.gone_at > first.signs_until


@pytest.mark.usefixtures("provider")
def test_there_is_a_signing_key_at_every_moment_of_a_year_and_every_token_verifies(work: Work, clock: Clock) -> None:
    alive: list[tuple[str, float]] = []
    life = timedelta(hours=12)  # as long as an ID token is used as a hint
    with work() as context:
        keys.ensure_keys(context)
    for _ in range(365 * 2):
        with work() as context:
            keys.ensure_keys(context)
            ends = (context.now + life).timestamp()
            token = jose.sign(context.keys, "ES256", {"exp": int(ends)}, "JWT", context.now)
            alive = [entry for entry in alive if entry[1] > context.now.timestamp()] + [(token, ends)]
            for text, _ in alive:
                assert jose.verify_own(context.keys, text, context.now, typ="JWT")
        clock.advance(timedelta(hours=12) - timedelta(seconds=1))
    with work() as context:
        assert len(signing_keys.list_all(context.db, context.vault)) == 5  # 90 days each


@pytest.mark.usefixtures("provider")
def test_after_a_long_standstill_a_key_signs_at_once(work: Work, clock: Clock) -> None:
    with work() as context:
        keys.ensure_keys(context)
    clock.advance(timedelta(days=400))
    with work() as context:
        keys.ensure_keys(context)
        assert stages(context) == [KeyStage.GONE, KeyStage.SIGNING]


@pytest.mark.usefixtures("provider")
def test_rotating_now_adds_a_key_that_signs_and_keeps_the_old_one_published(work: Work) -> None:
    with work() as context:
        keys.ensure_keys(context)
        old = jose.sign(context.keys, "ES256", {"exp": 9_999_999_999}, "JWT", context.now)
        keys.rotate_now(context)
        new = jose.sign(context.keys, "ES256", {"exp": 9_999_999_999}, "JWT", context.now)
        assert Counter(stages(context)) == {KeyStage.SIGNING: 1, KeyStage.RETIRING: 1}
        assert old.split(".")[0] != new.split(".")[0]
        for token in (old, new):
            assert jose.verify_own(context.keys, token, context.now, typ="JWT")


@pytest.mark.usefixtures("provider")
def test_rotating_now_keeps_the_prepared_successor_for_later(work: Work, clock: Clock) -> None:
    with work() as context:
        keys.ensure_keys(context)
    clock.advance(timedelta(days=88, hours=12))
    with work() as context:
        keys.ensure_keys(context)
        keys.rotate_now(context)
        assert Counter(stages(context)) == {KeyStage.SIGNING: 1, KeyStage.RETIRING: 1, KeyStage.PUBLISHED: 1}
        retiring, signing, published = sorted(context.keys.keys, key=lambda key: key.gone_at)
        assert published.signs_from == signing.signs_until
        assert signing.stage(context.now) is KeyStage.SIGNING
        assert retiring.stage(context.now) is KeyStage.RETIRING


@pytest.mark.usefixtures("both_engines", "provider")
def test_processes_that_start_together_make_one_key(app: Flask, make_app: Callable[..., Flask]) -> None:
    providers: list[Provider] = [make_app().extensions["tongxing"] for _ in range(4)]
    barrier = threading.Barrier(len(providers))

    def start(one: Provider) -> None:
        barrier.wait()
        with DbSession(one.engine) as db:
            keys.ensure_keys(one.context(db))
            db.commit()

    threads = [threading.Thread(target=start, args=(one,)) for one in providers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert {tuple(key.kid for key in one.keys.keys) for one in providers} == {(providers[0].keys.keys[0].kid,)}


def test_a_key_made_by_another_process_is_learnt_when_it_is_first_seen(
    provider: Provider, make_app: Callable[..., Flask], clock: Clock
) -> None:
    other: Provider = make_app().extensions["tongxing"]
    with DbSession(other.engine) as db:
        context = other.context(db)
        keys.rotate_now(context)
        token = jose.sign(context.keys, "ES256", {"exp": 9_999_999_999}, "JWT", context.now)
        db.commit()
    clock.advance(6)
    with DbSession(provider.engine) as db:
        assert keys.verify_token(provider.context(db), token, typ="JWT")


def test_made_up_key_ids_cost_at_most_one_statement_in_five_seconds(
    provider: Provider, work: Work, statements: Count, clock: Clock
) -> None:
    stranger = work()
    with stranger as context:
        keys.ensure_keys(context)
        token = jose.sign(context.keys, "ES256", {"exp": 9_999_999_999}, "JWT", context.now)
        signing_keys.purge(context.db, context.now + timedelta(days=1000))
        keys.reload_keys(context)
    clock.advance(6)
    with work() as context, statements() as seen:
        for _ in range(10):
            with pytest.raises(jose.UnknownKey):
                keys.verify_token(context, token, typ="JWT")
    assert len(seen) == 1, seen


@pytest.mark.usefixtures("provider")
def test_private_keys_are_sealed_at_rest(work: Work) -> None:
    with work() as context:
        keys.ensure_keys(context)
        secret = context.keys.keys[0].private_jwk["d"]
        stored = context.db.connection().exec_driver_sql("SELECT private_sealed, public_jwk FROM signing_keys").all()
    assert secret.encode() not in b"".join(bytes(row[0]) + str(row[1]).encode() for row in stored)


@pytest.mark.usefixtures("provider")
def test_keys_of_an_algorithm_that_was_switched_off_still_verify(work: Work, make_app: Callable[..., Flask]) -> None:
    with work() as context:
        keys.ensure_keys(context)
        token = jose.sign(context.keys, "ES256", {"exp": 9_999_999_999}, "JWT", context.now)
    other: Provider = make_app(key_algorithms=("EdDSA",)).extensions["tongxing"]
    with DbSession(other.engine) as db:
        context = other.context(db)
        keys.ensure_keys(context)
        assert {key.alg for key in context.keys.keys} == {"ES256", "EdDSA"}
        assert jose.verify_own(context.keys, token, context.now, typ="JWT")


# --- keys that others encrypt to us with ----------------------------------------------------------------------------


ENCRYPTION = ["RSA-OAEP-256", "RSA-OAEP", "ECDH-ES", "ECDH-ES+A128KW", "ECDH-ES+A256KW"]


def encrypted_to(context: Context, alg: str, kid: str, *, is_named: bool = True) -> str:
    """What an outsider encrypts with the published key of that id."""
    jwk = next(key for key in context.keys.jwks(context.now)["keys"] if key["kid"] == kid)
    return jwe.encrypt("a.b.c", import_key(jwk), alg=alg, enc="A256GCM", kid=kid if is_named else None)


def decrypted(context: Context, token: str) -> str:
    return jwe.decrypt(token, lambda header: context.keys.decrypting(header["alg"], header.get("kid"), context.now))


@pytest.mark.usefixtures("provider")
@pytest.mark.parametrize("alg", ENCRYPTION)
def test_an_encryption_key_is_published_for_encryption_decrypts_and_never_signs(
    make_app: Callable[..., Flask], alg: str
) -> None:
    other: Provider = make_app(key_algorithms=(), encryption_algorithms=(alg,)).extensions["tongxing"]
    with DbSession(other.engine) as db:
        context = other.context(db)
        keys.ensure_keys(context)
        (published,) = context.keys.jwks(context.now)["keys"]
        assert (published["use"], published["alg"]) == ("enc", alg) and "d" not in published
        for is_named in (True, False):
            token = encrypted_to(context, alg, published["kid"], is_named=is_named)
            assert decrypted(context, token) == "a.b.c"
        assert context.keys.verifying(published["kid"], context.now) is None
        with pytest.raises(NoSigningKey):
            context.keys.signing(alg, context.now)


@pytest.mark.usefixtures("provider")
def test_an_encryption_key_decrypts_from_its_publication_until_it_is_gone(
    make_app: Callable[..., Flask], clock: Clock
) -> None:
    other: Provider = make_app(encryption_algorithms=("ECDH-ES",)).extensions["tongxing"]
    settings = other.settings
    with DbSession(other.engine) as db:
        context = other.context(db)
        keys.ensure_keys(context)
        (first,) = [key for key in context.keys.keys if key.alg == "ECDH-ES"]
        early = encrypted_to(context, "ECDH-ES", first.kid)
        db.commit()
    clock.advance(settings.key_lifetime - 2 * settings.key_publish_lead)
    with DbSession(other.engine) as db:
        context = other.context(db)
        keys.ensure_keys(context)
        _, second = [key for key in context.keys.keys if key.alg == "ECDH-ES"]
        assert second.stage(context.now) is KeyStage.PUBLISHED
        assert decrypted(context, encrypted_to(context, "ECDH-ES", second.kid)) == "a.b.c"
        db.commit()
    clock.now = first.gone_at - timedelta(seconds=1)
    with DbSession(other.engine) as db:
        context = other.context(db)
        assert decrypted(context, early) == "a.b.c"
    clock.advance(1)
    with DbSession(other.engine) as db:
        context = other.context(db)
        assert context.keys.decrypting("ECDH-ES", first.kid, context.now) is None


@pytest.mark.usefixtures("provider")
def test_rotating_now_rotates_encryption_keys_too(make_app: Callable[..., Flask]) -> None:
    other: Provider = make_app(encryption_algorithms=("ECDH-ES",)).extensions["tongxing"]
    with DbSession(other.engine) as db:
        context = other.context(db)
        keys.ensure_keys(context)
        keys.rotate_now(context)
        found = [key.stage(context.now) for key in context.keys.keys if key.alg == "ECDH-ES"]
    assert Counter(found) == {KeyStage.SIGNING: 1, KeyStage.RETIRING: 1}
