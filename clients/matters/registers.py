"""The port to other authorities' registers: ask a service for one record.

The services are named after the directory services of JT/T 1049.3 (operator, permit, practitioner) where one exists. A
register that is not connected, does not answer in time or answers nonsense is unreachable: the rule that asked it then
goes to an officer.
"""

from __future__ import annotations

import ssl
from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from clients.kit.errors import ServiceUnavailable
from clients.kit.http import HttpClient, JsonInvalid

PRACTITIONER = "practitioner"
DRIVING_LICENCE = "driving_licence"
TRAINING = "training_certificate"
OPERATOR = "operator"
VEHICLE = "vehicle"
INSPECTION = "inspection_report"

TIMEOUT = timedelta(seconds=2)
BUDGET = timedelta(seconds=4)
"""The most that all questions of one case may take: the applicant is waiting."""


class RegisterUnreachable(ServiceUnavailable):
    """The register gave no usable answer."""


class Registers:
    """The registers of a region by service, each at its own base URL: ``POST {url}/records`` with the arguments."""

    def __init__(self, urls: Mapping[str, str], tls: ssl.SSLContext | None = None) -> None:
        self._urls = dict(urls)
        self._http = HttpClient(timeout=TIMEOUT, tls=tls, unavailable=RegisterUnreachable)

    def within_budget(self) -> Any:
        """A context in which all questions together take no longer than `BUDGET`."""
        return self._http.within(BUDGET)

    def ask(self, service: str, arguments: Mapping[str, str]) -> Mapping[str, Any] | None:
        """The record, or None when the register says there is none (404). Raises RegisterUnreachable."""
        url = self._urls.get(service)
        if url is None:
            raise RegisterUnreachable(f"no register is connected for {service}")
        answer = self._http.send("POST", f"{url}/records", body={"service": service, **arguments})
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise RegisterUnreachable(f"the register for {service} answered with status {answer.status}")
        try:
            return answer.json_object()
        except JsonInvalid as error:
            raise RegisterUnreachable(f"the register for {service} answered with something else than JSON") from error

    def close(self) -> None:
        self._http.close()
