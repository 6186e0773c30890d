"""Pages about people and companies: registration and the account centre.

Flask glue over :mod:`idp.accounts` and :mod:`idp.authn`: parse, call, render. One module per page or family of pages.
"""

from __future__ import annotations

from flask import Blueprint

from idp.web.accounts import (
    centre,
    company,
    consents,
    devices,
    identities,
    organisations,
    register,
    security,
    terms,
    verify,
)

PAGES: tuple[Blueprint, ...] = tuple(
    module.blueprint
    for module in (centre, company, consents, devices, identities, organisations, register, security, terms, verify)
)
