"""What a relying party asked of us is asked of the provider that will do it."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from idp.authn.upstream_parties import is_request_of, offered_upstreams
from idp.authn.upstream_request import acrs_for, is_followed_hint, request_for
from idp.config import Settings, Upstream
from idp.domain.assurance import AssuranceMap
from idp.domain.client import Client
from idp.domain.interaction import Interaction

LEVELS = AssuranceMap(cap=3, levels={"gold": 4, "silver": 3, "bronze": 2, "paper": 1})
NATIONAL = Upstream("national", {"zh": "国家"}, "https://national.example", "region", {}, LEVELS)
SETTINGS = Settings(upstreams=(NATIONAL,))


def interaction(**parameters: str) -> Interaction:
    return Interaction("i", "c", tuple(parameters.items()), datetime.now(UTC), "b")


@pytest.mark.parametrize("prompt", ["login", "select_account", "login consent"])
def test_a_fresh_login_is_passed_on(prompt: str) -> None:
    assert request_for(NATIONAL, interaction(prompt=prompt)) == {"prompt": "login"}


@pytest.mark.parametrize("prompt", ["consent", "create", ""])
def test_what_is_asked_of_us_alone_is_not_passed_on(prompt: str) -> None:
    assert request_for(NATIONAL, interaction(prompt=prompt)) == {}


def test_max_age_is_passed_on_as_a_number() -> None:
    assert request_for(NATIONAL, interaction(max_age="60")) == {"max_age": 60}
    for text in ("", "-1", "soon", "١٢", "9" * 30):
        assert request_for(NATIONAL, interaction(max_age=text)) == {}


def test_a_needed_level_becomes_the_upstreams_own_classes_lowest_first() -> None:
    assert request_for(NATIONAL, interaction(), 2) == {"acr_values": "bronze gold silver"}
    assert acrs_for(NATIONAL, 3) == "gold silver"
    assert acrs_for(NATIONAL, 4) == ""  # beyond the cap nothing it says would help
    assert request_for(NATIONAL, None, 0) == {}


def test_only_a_hint_of_the_request_counts_as_one() -> None:
    assert is_followed_hint(NATIONAL, interaction(idp_hint="national"))
    assert not is_followed_hint(NATIONAL, interaction(idp_hint="other"))
    assert not is_followed_hint(NATIONAL, interaction())


def client(*redirect_uris: str) -> Client:
    return Client("c", {"redirect_uris": list(redirect_uris)})


def test_a_provider_is_not_offered_to_its_own_people() -> None:
    own = client("https://national.example/upstream/region/callback")
    assert is_request_of(NATIONAL, own)
    assert offered_upstreams(SETTINGS, own) == ()
    for other in (client("https://national.example.evil/callback"), client("https://portal.example/callback"), None):
        assert not is_request_of(NATIONAL, other)
        assert offered_upstreams(SETTINGS, other) == (NATIONAL,)


def test_an_upstream_that_cannot_reach_the_level_is_not_offered() -> None:
    assert offered_upstreams(SETTINGS, None, 3) == (NATIONAL,)
    assert offered_upstreams(SETTINGS, None, 4) == ()
