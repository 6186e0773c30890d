from __future__ import annotations

import time
from datetime import UTC, datetime, timedelta

import httpx
import pytest
from joserfc.jwk import ECKey

from clients.kit.deadline import DeadlineTransport
from clients.kit.errors import LoginRefused, ProviderUnavailable, ResponseInvalid, TokenInvalid, TokenRefused
from clients.kit.http import HttpClient
from clients.kit.relying_party import (
    ClientSecretBasic,
    ClientSecretPost,
    NoAuth,
    PendingLogin,
    PrivateKeyJwt,
    RelyingParty,
    RelyingPartyConfig,
)
from tests.clients.browser import query
from tests.clients.kit.conftest import REDIRECT_URI, Journey
from tests.clients.op import TestProvider


def test_login_gives_subject_tokens_and_userinfo(journey: Journey, op: TestProvider) -> None:
    login = journey.log_in()
    assert (login.issuer, login.subject, login.sid) == (op.issuer, "person-1", "sid-1")
    assert login.userinfo["name"] == "王小明"
    assert login.access_token and login.refresh_token and login.id_token_raw
    assert login.scope == "openid profile"
    assert timedelta(seconds=590) < login.expires_at - datetime.now(UTC) <= timedelta(seconds=600)


def test_every_login_has_its_own_state_nonce_and_s256_challenge(rp: RelyingParty) -> None:
    first, second = query(rp.start_login().url), query(rp.start_login().url)
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 43
        assert first[name] != second[name]
    assert first["code_challenge_method"] == "S256"
    assert first["response_type"] == "code"


def test_own_parameters_cannot_be_replaced_by_extra_ones(rp: RelyingParty) -> None:
    start = rp.start_login(extra={"state": "x", "client_id": "y", "resource": "z"})
    sent = query(start.url)
    assert (sent["state"], sent["client_id"], sent["resource"]) == (start.pending.state, "portal", "z")


def test_what_is_asked_for_is_sent(rp: RelyingParty) -> None:
    claims = {"id_token": {"acr": {"essential": True, "values": ["a", "b"]}}}
    start = rp.start_login(
        prompt="login", max_age=0, acr_values="a b", login_hint="h", idp_hint="national", ui_locales="zh", claims=claims
    )
    sent = query(start.url)
    assert (sent["prompt"], sent["max_age"], sent["acr_values"]) == ("login", "0", "a b")
    assert (sent["login_hint"], sent["idp_hint"], sent["ui_locales"]) == ("h", "national", "zh")
    assert start.pending.essential_acr == ("a", "b")
    assert PendingLogin.from_json(start.pending.to_json()) == start.pending


def test_secrets_of_a_login_do_not_appear_in_its_repr(journey: Journey) -> None:
    start = journey.rp.start_login()
    login = journey.rp.finish_login(journey.at_provider(start), start.pending, now=datetime.now(UTC))
    assert start.pending.code_verifier not in repr(start) and start.pending.nonce not in repr(start.pending)
    for secret in (login.access_token, login.refresh_token, login.id_token_raw):
        assert secret and secret not in repr(login)


@pytest.mark.parametrize("state", ["", "wrong", "状态"])
def test_response_with_another_state_is_refused(journey: Journey, state: str) -> None:
    start = journey.rp.start_login()
    params = journey.at_provider(start) | {"state": state}
    with pytest.raises(ResponseInvalid):
        journey.rp.finish_login(params, start.pending, now=datetime.now(UTC))
    assert journey.op.calls["token"] == 0


def test_response_after_a_quarter_of_an_hour_is_refused(journey: Journey) -> None:
    start = journey.rp.start_login()
    params = journey.at_provider(start)
    with pytest.raises(ResponseInvalid):
        journey.rp.finish_login(params, start.pending, now=datetime.now(UTC) + timedelta(minutes=15))


def test_response_of_another_issuer_is_refused(journey: Journey) -> None:
    journey.op.bend["authorize"] = lambda answer: answer.update(iss="http://127.0.0.1:1")
    with pytest.raises(ResponseInvalid, match="iss"):
        journey.log_in()
    assert journey.op.calls["token"] == 0


def test_response_without_iss_is_refused_when_the_provider_advertises_it(journey: Journey) -> None:
    journey.op.bend["authorize"] = lambda answer: answer.update(iss=None)
    with pytest.raises(ResponseInvalid, match="iss"):
        journey.log_in()


def test_response_without_iss_is_accepted_when_the_provider_does_not_advertise_it(journey: Journey) -> None:
    journey.op.bend["discovery"] = lambda answer: answer.update(authorization_response_iss_parameter_supported=False)
    journey.op.bend["authorize"] = lambda answer: answer.update(iss=None)
    assert journey.log_in().subject == "person-1"


def test_response_without_code_is_refused(journey: Journey) -> None:
    journey.op.bend["authorize"] = lambda answer: answer.update(code=None)
    with pytest.raises(ResponseInvalid, match="code"):
        journey.log_in()


def test_error_response_is_refused_with_its_code(journey: Journey) -> None:
    journey.op.bend["authorize"] = lambda answer: answer.update(
        code=None, error="access_denied", error_description="no"
    )
    with pytest.raises(LoginRefused) as refused:
        journey.log_in()
    assert (refused.value.error, refused.value.description) == ("access_denied", "no")


def test_error_of_another_issuer_is_not_believed(journey: Journey) -> None:
    journey.op.bend["authorize"] = lambda answer: answer.update(error="access_denied", iss="http://127.0.0.1:1")
    with pytest.raises(ResponseInvalid):
        journey.log_in()


def test_error_code_that_is_none_is_not_passed_on(journey: Journey) -> None:
    journey.op.bend["authorize"] = lambda answer: answer.update(error='<script>"\n')
    with pytest.raises(LoginRefused) as refused:
        journey.log_in()
    assert refused.value.error == "server_error"


def test_code_cannot_be_used_twice(journey: Journey) -> None:
    start = journey.rp.start_login()
    params = journey.at_provider(start)
    journey.rp.finish_login(params, start.pending, now=datetime.now(UTC))
    with pytest.raises(TokenRefused) as refused:
        journey.rp.finish_login(params, start.pending, now=datetime.now(UTC))
    assert refused.value.error == "invalid_grant"


def test_code_of_another_login_fails_by_pkce(journey: Journey) -> None:
    mine, stolen = journey.rp.start_login(), journey.rp.start_login()
    params = journey.at_provider(stolen) | {"state": mine.pending.state}
    with pytest.raises(TokenRefused):
        journey.rp.finish_login(params, mine.pending, now=datetime.now(UTC))


@pytest.mark.parametrize("auth", ["basic", "post", "key", "none"])
def test_each_client_authentication_method_works(
    op: TestProvider, http: HttpClient, client_key: ECKey, auth: str
) -> None:
    secret = "a:secret with %signs+and&ampersands"
    op.clients["it's a client"] = {"secret": secret, "jwk": client_key.as_dict(private=False), "public": auth == "none"}
    method = {
        "basic": ClientSecretBasic(secret),
        "post": ClientSecretPost(secret),
        "key": PrivateKeyJwt(client_key.as_dict(private=True)),
        "none": NoAuth(),
    }[auth]
    rp = RelyingParty(RelyingPartyConfig(op.issuer, "it's a client", REDIRECT_URI, auth=method), http)
    assert Journey(op, rp).log_in().subject == "person-1"
    assert secret not in repr(rp.config)


def test_basic_authentication_is_form_urlencoded() -> None:
    _, headers = ClientSecretBasic("p@ss:word").prove("client:1", "aud", datetime.now(UTC))
    assert headers["Authorization"] == "Basic Y2xpZW50JTNBMTpwJTQwc3MlM0F3b3Jk"


def test_wrong_client_secret_is_told_as_token_refusal(op: TestProvider, http: HttpClient) -> None:
    op.clients["c"] = {"secret": "right"}
    rp = RelyingParty(RelyingPartyConfig(op.issuer, "c", REDIRECT_URI, auth=ClientSecretPost("wrong")), http)
    with pytest.raises(TokenRefused) as refused:
        Journey(op, rp).log_in()
    assert refused.value.error == "invalid_client"


def test_private_key_jwt_needs_a_private_asymmetric_key(client_key: ECKey) -> None:
    for key in (client_key.as_dict(private=False), {"kty": "oct", "k": "A" * 43}):
        with pytest.raises(ValueError, match="private key"):
            PrivateKeyJwt(key).prove("c", "aud", datetime.now(UTC))


def test_login_needs_openid_scope_and_matching_provider(rp: RelyingParty, http: HttpClient) -> None:
    with pytest.raises(ValueError, match="openid"):
        RelyingParty(RelyingPartyConfig(rp.config.issuer, "c", REDIRECT_URI, scope="profile"), http)
    with pytest.raises(ValueError, match="issuer"):
        RelyingParty(RelyingPartyConfig("https://other.example", "c", REDIRECT_URI), http, rp.provider)


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("access_token", None),
        ("access_token", 7),
        ("access_token", ""),
        ("token_type", None),
        ("token_type", "DPoP"),
        ("expires_in", "soon"),
        ("expires_in", True),
        ("expires_in", -1),
        ("expires_in", 10**30),
        ("refresh_token", ["x"]),
        ("scope", 1),
    ],
)
def test_token_answer_with_malformed_member_is_no_answer(journey: Journey, name: str, value: object) -> None:
    journey.op.bend["token"] = lambda answer: answer.update({name: value})
    with pytest.raises(ProviderUnavailable):
        journey.log_in()


def test_token_type_is_compared_without_case(journey: Journey) -> None:
    journey.op.bend["token"] = lambda answer: answer.update(token_type="bEARER")
    assert journey.log_in().subject == "person-1"


def test_missing_expires_in_is_taken_as_a_minute(journey: Journey) -> None:
    journey.op.bend["token"] = lambda answer: answer.pop("expires_in") and None
    assert journey.log_in().expires_at - datetime.now(UTC) <= timedelta(seconds=60)


def test_login_without_id_token_is_refused(journey: Journey) -> None:
    journey.op.bend["token"] = lambda answer: answer.update(id_token=None)
    with pytest.raises(TokenInvalid, match="id_token"):
        journey.log_in()


@pytest.mark.parametrize("answer", [("[]", 200), ("<html>", 200), ("{", 200), ("", 500), ("{}", 400)])
def test_token_answer_that_is_no_protocol_message_is_unavailability(journey: Journey, answer: tuple[str, int]) -> None:
    journey.op.instead["token"] = lambda: answer
    with pytest.raises(ProviderUnavailable):
        journey.log_in()


def test_userinfo_of_another_person_is_refused(journey: Journey) -> None:
    journey.op.bend["userinfo"] = lambda answer: answer.update(sub="person-2")
    with pytest.raises(TokenInvalid, match="sub"):
        journey.log_in()


def test_userinfo_that_refuses_the_token_ends_the_login(journey: Journey) -> None:
    journey.op.instead["userinfo"] = lambda: ('{"error":"invalid_token"}', 401)
    with pytest.raises(TokenRefused):
        journey.log_in()


def test_userinfo_may_say_in_its_challenge_alone_that_the_token_is_bad(journey: Journey) -> None:
    challenge = {"WWW-Authenticate": 'Bearer realm="x", error="invalid_token"'}
    journey.op.instead["userinfo"] = lambda: ("", 401, challenge)
    with pytest.raises(TokenRefused) as refused:
        journey.log_in()
    assert refused.value.error == "invalid_token"


def test_userinfo_that_is_not_json_is_unavailability(journey: Journey) -> None:
    journey.op.instead["userinfo"] = lambda: "hello"
    with pytest.raises(ProviderUnavailable):
        journey.log_in()


def test_provider_without_userinfo_endpoint_is_enough(journey: Journey) -> None:
    journey.op.bend["discovery"] = lambda answer: answer.update(userinfo_endpoint=None)
    assert journey.log_in().userinfo == {}


def test_all_calls_of_one_login_share_one_time_budget(
    journey: Journey, http: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    ends: list[float] = []
    handle = DeadlineTransport.handle_request

    def noting(transport: DeadlineTransport, request: httpx.Request) -> httpx.Response:
        ends.append(request.extensions["deadline"])
        return handle(transport, request)

    start = journey.rp.start_login()
    params = journey.at_provider(start)
    monkeypatch.setattr(DeadlineTransport, "handle_request", noting)
    began = time.monotonic()
    journey.rp.finish_login(params, start.pending, now=datetime.now(UTC))
    assert len(ends) == 3 and len(set(ends)) == 1, "token, keys, userinfo"
    assert began <= ends[0] - http.timeout.total_seconds() <= time.monotonic()


# --- refresh, client credentials, logout ------------------------------------------------------------------------


def test_refresh_gives_new_tokens_of_the_same_login(journey: Journey) -> None:
    login = journey.log_in()
    assert login.refresh_token
    answer = journey.rp.refresh(login.refresh_token, previous=login.id_token)
    assert answer.access_token != login.access_token
    assert answer.refresh_token and answer.refresh_token != login.refresh_token


def test_refresh_keeps_the_old_refresh_token_when_no_new_one_comes(journey: Journey) -> None:
    login = journey.log_in()
    journey.op.bend["token"] = lambda answer: answer.update(refresh_token=None, id_token=None)
    assert login.refresh_token
    assert journey.rp.refresh(login.refresh_token).refresh_token == login.refresh_token


def test_refused_refresh_is_told_apart_from_an_unreachable_provider(journey: Journey) -> None:
    with pytest.raises(TokenRefused) as refused:
        journey.rp.refresh("unknown")
    assert refused.value.error == "invalid_grant"
    journey.op.instead["token"] = lambda: ('{"error":"server_error"}', 503)
    with pytest.raises(ProviderUnavailable):
        journey.rp.refresh("unknown")


@pytest.mark.parametrize(
    ("claim", "value"), [("sub", "person-2"), ("auth_time", 1), ("nonce", "other"), ("aud", "x"), ("iss", "http://x")]
)
def test_refreshed_id_token_of_another_login_is_refused(journey: Journey, claim: str, value: object) -> None:
    login = journey.log_in()
    journey.op.bend["id_token"] = lambda claims: claims.update({claim: value})
    assert login.refresh_token
    with pytest.raises(TokenInvalid, match=claim):
        journey.rp.refresh(login.refresh_token, previous=login.id_token)


def test_refreshed_id_token_may_leave_the_nonce_out(journey: Journey) -> None:
    login = journey.log_in()
    journey.op.bend["id_token"] = lambda claims: claims.pop("nonce") and None
    assert login.refresh_token
    assert journey.rp.refresh(login.refresh_token, previous=login.id_token).id_token


def test_client_credentials_give_a_token_for_the_client_itself(rp: RelyingParty, op: TestProvider) -> None:
    answer = rp.client_credentials("authority.verify", extra={"resource": "http://r"})
    assert answer.access_token and answer.refresh_token is None
    assert (op.last["token"]["scope"], op.last["token"]["resource"]) == ("authority.verify", "http://r")


def test_logout_url_names_session_client_and_way_back(rp: RelyingParty, op: TestProvider) -> None:
    url = rp.logout_url("the-id-token", "s1")
    assert url.startswith(f"{op.issuer}/logout?")
    assert query(url) == {
        "id_token_hint": "the-id-token",
        "client_id": "portal",
        "post_logout_redirect_uri": "http://127.0.0.1:9/signed-out",
        "state": "s1",
    }


def test_logout_url_keeps_a_query_of_the_endpoint(rp: RelyingParty, op: TestProvider) -> None:
    op.bend["discovery"] = lambda answer: answer.update(end_session_endpoint=f"{op.issuer}/logout?realm=1")
    assert query(rp.logout_url(None))["realm"] == "1"


def test_session_end_is_told_to_the_provider_and_is_idempotent(rp: RelyingParty) -> None:
    assert rp.notify_session_end("sid-1") is True
    assert rp.notify_session_end("sid-1") is False
    assert rp.notify_session_end("unknown") is False


@pytest.mark.parametrize("answer", ["[]", '{"ended":"yes"}', "{}"])
def test_session_end_answer_that_says_nothing_is_unavailability(
    rp: RelyingParty, op: TestProvider, answer: str
) -> None:
    op.instead["session-end"] = lambda: answer
    with pytest.raises(ProviderUnavailable):
        rp.notify_session_end("sid-1")


def test_session_end_without_right_key_is_refused(rp: RelyingParty, op: TestProvider) -> None:
    op.instead["session-end"] = lambda: ('{"error":"invalid_client"}', 401)
    with pytest.raises(TokenRefused):
        rp.notify_session_end("sid-1")
