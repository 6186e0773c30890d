"""Why an answer cannot be taken, as a sentence that a citizen understands, in the language of the request."""

from __future__ import annotations

from collections.abc import Callable

from flask_babel import gettext as _

from clients.matters.fields import FieldError

_SENTENCES: dict[str, Callable[[FieldError], str]] = {
    "wrong_type": lambda _error: _("This answer cannot be read."),
    "required": lambda _error: _("This must be filled in."),
    "must_be_ticked": lambda _error: _("You can only submit if you agree to this."),
    "not_a_number": lambda _error: _("Enter a whole number, digits only."),
    "too_small": lambda error: _("This must be at least %(minimum)s.", **error.parameters),
    "too_large": lambda error: _("This must be at most %(maximum)s.", **error.parameters),
    "not_a_date": lambda _error: _("Enter a date, for example 2026-03-05."),
    "in_the_future": lambda _error: _("This date lies in the future."),
    "not_a_choice": lambda _error: _("Choose one of the answers on offer."),
    "too_long": lambda error: _("This is too long: at most %(maximum)s characters.", **error.parameters),
    "unreadable_characters": lambda _error: _("This contains characters that cannot be displayed."),
    "unknown_field": lambda _error: _("This form has no such question."),
    "too_many": lambda _error: _("There are more answers than questions."),
    "fixed_by_number": lambda _error: _("The place of handling cannot be changed any more. File a new case there."),
    "resident_id_form": lambda _error: _("An identity number has 18 characters: 17 digits and a digit or X."),
    "resident_id_check_digit": lambda _error: _("This identity number is mistyped: its last character does not fit."),
    "resident_id_birth_date": lambda _error: _("This identity number contains no possible date of birth."),
    "resident_id_birth_in_future": lambda _error: _("This identity number contains a date of birth in the future."),
    "uscc_form": lambda _error: _(
        "A unified social credit code has 18 digits and capital letters, no I, O, S, V or Z."
    ),
    "uscc_check_digit": lambda _error: _("This credit code is mistyped: its last character does not fit."),
    "mobile_form": lambda _error: _("A mobile number has 11 digits and begins with 1."),
    "plate_form": lambda _error: _("This is not a number plate, for example 新A12345."),
    "vin_form": lambda _error: _("A vehicle identification number has 17 characters, without I, O and Q."),
    "transport_certificate_form": lambda _error: _(
        "Enter the number as on the certificate, for example 新交运管乌字650104000321号."
    ),
    "division_form": lambda _error: _("Choose one of the answers on offer."),
    "division_unknown": lambda _error: _("Choose one of the answers on offer."),
    "licence_class_form": lambda _error: _("Enter the class as on the driving licence, for example A2 or B2."),
    "digits_12_form": lambda _error: _("This number has 12 digits."),
}


def sentence(error: FieldError) -> str:
    """The sentence for this error."""
    return _SENTENCES.get(error.code, _SENTENCES["wrong_type"])(error)
