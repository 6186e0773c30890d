"""What a page of an interaction works on: the request that waits, and the person it waits for."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

from flask import request

from idp.context import Context
from idp.domain.client import Client
from idp.domain.interaction import Interaction
from idp.domain.session import SignedIn
from idp.protocol.authorize import AuthorizationRequest, check_authorization_request
from idp.web import browser, interactions


@dataclass(frozen=True)
class Pending:
    handle: str
    interaction: Interaction
    request: AuthorizationRequest
    signed_in: SignedIn | None
    asked_account_id: str = ""

    @property
    def is_answer_of_who_was_asked(self) -> bool:
        """False when somebody else signed in to this browser while the page stood open in another window."""
        return self.signed_in is not None and self.signed_in.account.id == self.asked_account_id


def load(context: Context) -> Pending:
    """The interaction the request at hand names; raises InteractionLost. Two reads."""
    handle = request.form.get("interaction") or request.args.get("interaction", "")
    interaction = interactions.load(context, handle)
    asked = check_authorization_request(context, interaction.parameters, interaction.origin)
    signed_in = browser.signed_in(context, interaction.client_id)
    return Pending(handle, interaction, asked, signed_in, interactions.read(context.vault, handle).account_id)


def save(context: Context, pending: Pending, **changes: Any) -> None:
    interactions.save(context, replace(pending.interaction, **changes))


def client_shown(client: Client, locale: str) -> dict[str, Any]:
    """What the pages' client box shows (templates/idp/_client.html)."""
    return {
        "name": client.localized_name(locale),
        "logo_uri": client.logo_path,  # a copy on our own origin: nothing foreign is loaded
        "policy_uri": client.localized("policy_uri", locale),
        "tos_uri": client.localized("tos_uri", locale),
    }
