"""The walk over the checks: any parameters end in a request or in a protocol error that knows where it may go."""

from __future__ import annotations

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as some

from idp.protocol.authorization_request import AuthorizationRequest
from idp.protocol.authorize import AUTHORIZE_CHECKS, PATH
from idp.protocol.checks.characters import check_characters, check_repetition
from idp.protocol.checks.client import check_client_id
from idp.protocol.checks.redirect_uri import check_redirect_uri
from idp.protocol.errors import ProtocolError
from idp.protocol.messages import Reply, Request
from idp.protocol.responses import write_error
from idp.protocol.server import Server
from tests.authorizing import REDIRECT_URI, asking
from tests.conftest import ISSUER
from tests.specs.conftest import Standing, standing  # noqa: F401 - a fixture
from tests.statements import counted

NAMES = [
    *asking(),
    *("prompt", "max_age", "display", "login_hint", "id_token_hint", "ui_locales", "acr_values", "claims", "resource"),
    *("response_mode", "request", "request_uri", "registration", "idp_hint", "interaction", "unheard_of", ""),
]
TEXTS = some.text() | some.sampled_from(
    [
        *asking().values(),
        *("none", "login consent", "form_post", "fragment", "plain", "0", "1e3", "{}", '{"id_token":{"acr":null}}'),
        *("e30.e30.e30", "token", "code id_token", ISSUER, "openid offline_access", "\x00", "\u202e", " "),
    ]
)
changes = some.lists(some.tuples(some.sampled_from(NAMES), TEXTS), max_size=4)


@given(changes, some.sets(some.sampled_from(list(asking())), max_size=2), some.randoms())
@settings(max_examples=600, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_parameters_end_in_a_request_or_an_error_with_a_lawful_target(
    standing: Standing,  # noqa: F811
    changes: list[tuple[str, str]],
    left_out: set[str],
    random: object,
) -> None:
    pairs = [(name, value) for name, value in asking().items() if name not in left_out] + changes
    getattr(random, "shuffle")(pairs)  # noqa: B009 - hypothesis types its Random as object
    message = Request("GET", ISSUER + PATH, query=tuple(pairs))
    with standing.provider.work() as context:
        context.find_client("client")
        with counted(standing.provider.engine, standing.provider.alone) as seen:
            try:
                asked = Server(context).get_consent_grant(message).request.authorization
            except ProtocolError as error:
                if error.target is not None:
                    assert error.target.redirect_uri == REDIRECT_URI
                    reply = write_error(context, error)
                    assert isinstance(reply, Reply) and reply.status in (200, 302)
            else:
                assert asked.redirect_uri == REDIRECT_URI and asked.code_challenge
                assert asked.scope <= asked.client.scope
        assert not any(text.startswith(("INSERT", "UPDATE", "DELETE")) for text in seen.texts)


def test_order_begins_with_whom_to_answer_and_where() -> None:
    assert AUTHORIZE_CHECKS[:4] == (check_client_id, check_redirect_uri, check_characters, check_repetition)


def test_redirect_uri_cannot_be_read_before_it_is_validated() -> None:
    with pytest.raises(ValueError, match="not been validated"):
        _ = AuthorizationRequest(()).redirect_uri
