"""Reasons in a citizen's words: what is wrong with what was typed, and what the messages say."""

from __future__ import annotations

from typing import Any

from flask_babel import get_locale, gettext, ngettext
from wtforms import Field

from federation.identifiers import InvalidIdentifier
from idp.accounts.registration import Texts
from idp.authn.password_policy import MIN_LENGTH, Weakness, WeakPassword
from idp.crypto.passwords import MAX_LENGTH
from idp.domain.account import Role
from idp.web.context import provider


def blame(field: Any, text: str) -> None:
    """Show ``text`` at the field."""
    checked: Field = field
    checked.errors = (*checked.errors, text)


def identifier_problem(error: InvalidIdentifier) -> str:
    texts = {
        ("mobile", "form"): gettext("A mobile number has 11 digits and begins with 1."),
        ("resident_id", "form"): gettext("An ID number has 18 characters: 17 digits and a digit or X."),
        ("resident_id", "check_digit"): gettext("There is a slip in this ID number. Please compare it with the card."),
        ("resident_id", "birth_date"): gettext("There is a slip in this ID number. Please compare it with the card."),
        ("resident_id", "birth_in_future"): gettext("The date of birth in this ID number lies in the future."),
        ("uscc", "form"): gettext("A unified social credit code has 18 digits and capital letters."),
        ("uscc", "check_digit"): gettext("There is a slip in this code. Please compare it with the business licence."),
    }
    return texts.get((error.kind, error.code)) or gettext("Please check what you entered.")


def password_problem(error: WeakPassword) -> str:
    texts = {
        Weakness.TOO_SHORT: ngettext(
            "Use at least %(num)s character. A few words that only you put together are easy to remember.",
            "Use at least %(num)s characters. A few words that only you put together are easy to remember.",
            MIN_LENGTH,
        ),
        Weakness.TOO_LONG: gettext("Use at most %(number)s characters.", number=MAX_LENGTH),
        Weakness.COMMON: gettext("Very many people use this password; it is tried first. Choose another one."),
        Weakness.REPEATED: gettext("This password repeats itself; it is tried first. Choose another one."),
        Weakness.SEQUENCE: gettext("This password follows the keyboard or the alphabet. Choose another one."),
        Weakness.CONTEXT: gettext("This password is little more than the name of this service or region."),
        Weakness.PERSONAL: gettext("This password contains your name, phone number or ID number. Leave them out."),
        Weakness.GUESSABLE: gettext("This password can be guessed quickly. Add a few words of your own."),
    }
    return texts[error.weakness]


def role_name(role: Role) -> str:
    return {
        Role.LEGAL_REPRESENTATIVE: gettext("Legal representative"),
        Role.HANDLER: gettext("Agent"),
        Role.FINANCE: gettext("Finance officer"),
    }[role]


def service_name() -> str:
    settings = provider().settings
    locale = str(get_locale())
    return settings.brand.get(locale) or settings.brand[settings.default_locale]


def registration_texts() -> Texts:
    name = service_name()

    def code_text(code: str) -> str:
        return gettext(
            "[%(service)s] Your code is %(code)s. It is valid for 10 minutes. Tell it to nobody, whoever asks.",
            service=name,
            code=code,
        )

    return Texts(
        code=code_text,
        phone_known=gettext(
            "[%(service)s] Somebody wants to register with this number, but it has an account already. "
            "Was it you? Then sign in. Was it not? Then you need do nothing.",
            service=name,
        ),
    )
