"""The middle platform's HTTP API in small, on a real socket: it judges access tokens with the kit and keeps cases."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from flask import Flask, jsonify, request

from clients.kit.flask_resource import answer_refusals, current_token, protected
from clients.kit.http import HttpClient
from clients.kit.provider import Provider
from clients.kit.resource import AccessTokenVerifier

FIELDS: list[dict[str, Any]] = [
    {"name": "name", "label": "姓名", "kind": "text", "source": "identity", "locked": True, "section": "applicant"},
    {"name": "school", "label": "培训机构", "kind": "text", "required": True, "section": "matter", "max_length": 40},
    {
        "name": "plate",
        "label": "车牌号",
        "kind": "text",
        "format": "plate",
        "section": "matter",
        "help": "如新A12345",
    },
    {"name": "mileage", "label": "里程", "kind": "integer", "minimum": 0, "section": "matter"},
    {"name": "first_issue", "label": "初次领证日期", "kind": "date", "section": "matter"},
    {
        "name": "class",
        "label": "准驾车型",
        "kind": "choice",
        "choices": [{"value": "A2", "label": "牵引车"}, {"value": "B2", "label": "大型货车"}],
        "section": "matter",
    },
    {"name": "remarks", "label": "备注", "kind": "long_text", "section": "handling"},
    {"name": "truth", "label": "承诺属实", "kind": "checkbox", "required": True, "section": "handling"},
]


class MiddlePlatform:
    """Cases in memory. `instead` answers in place of list, matter, submit, cases, case, correct or withdraw."""

    def __init__(self, http: HttpClient) -> None:
        self.http = http
        self.issuer = ""
        self.minimum_level = 2
        self.cases: dict[str, dict[str, Any]] = {}
        self.keys: dict[str, str] = {}
        self.instead: dict[str, Callable[[], Any]] = {}
        self.languages: list[str | None] = []
        self.submitted: list[dict[str, Any]] = []

    def summary(self) -> dict[str, Any]:
        return {
            "id": "certificate",
            "number": 1,
            "portal": "drivers",
            "title": "普货从业资格证网上申请",
            "summary": "首次申领",
            "minimum_level": self.minimum_level,
            "applicants": ["person"],
            "statutory_days": 20,
            "promised_days": 5,
        }

    def app(self) -> Flask:
        app = Flask("middle-platform")
        answer_refusals(app)
        verifier = AccessTokenVerifier(Provider(self.issuer, self.http), "http://127.0.0.1:8300")
        read, write = protected(verifier, "matters.read"), protected(verifier, "matters.submit")
        for rule, name, method, view in (
            ("/api/matters", "list", "GET", self._list),
            ("/api/matters/<matter_id>", "matter", "GET", self._matter),
            ("/api/matters/<matter_id>/cases", "submit", "POST", write(self._submit_with(verifier))),
            ("/api/cases", "cases", "GET", read(self._cases)),
            ("/api/cases/<number>", "case", "GET", read(self._case)),
            ("/api/cases/<number>/corrections", "correct", "POST", write(self._correct)),
            ("/api/cases/<number>/withdrawal", "withdraw", "POST", write(self._withdraw)),
        ):
            app.add_url_rule(rule, name, self._watched(name, view), methods=[method])
        return app

    def _watched(self, name: str, view: Callable[..., Any]) -> Callable[..., Any]:
        def answer(**arguments: str) -> Any:
            self.languages.append(request.headers.get("Accept-Language"))
            if name in self.instead and (given := self.instead[name]()) is not None:
                return given
            return view(**arguments)

        return answer

    def _list(self) -> Any:
        assert request.args["portal"] == "drivers"
        return jsonify([self.summary()])

    def _matter(self, matter_id: str) -> Any:
        if matter_id != "certificate":
            return jsonify(error="not_found", error_description="no such matter"), 404
        fields = [dict(field) for field in FIELDS]
        if "Authorization" in request.headers:
            fields[0]["value"] = "王小明"
        return jsonify(
            {
                **self.summary(),
                "fields": fields,
                "materials": [{"name": "驾驶证", "required": True, "note": "原件"}],
                "basis": ["道路运输条例 第二十二条"],
                "checks": [{"id": "age", "text": "年龄不超过 63 周岁"}],
            }
        )

    def _submit_with(self, verifier: AccessTokenVerifier) -> Callable[..., Any]:
        def submit(matter_id: str) -> Any:
            if current_token().acr == "urn:tongxing:loa:1":
                verifier.check_acr(current_token(), "urn:tongxing:loa:2")
            sent = request.get_json()
            self.submitted.append(sent)
            errors = {}
            if not sent["values"].get("school"):
                errors["school"] = "请填写培训机构"
            if isinstance(sent["values"].get("mileage"), str):
                errors["mileage"] = "里程应为数字"
            if sent["values"].get("truth") is not True:
                errors["truth"] = "请确认承诺"
            if errors:
                return jsonify(error="invalid_values", errors=errors), 422
            key = sent["idempotency_key"]
            if key in self.keys:
                case = self.cases[self.keys[key]]
                if case["values"] != sent["values"]:
                    return jsonify(error="already_submitted", number=case["number"]), 409
                return jsonify(case), 201
            number = f"6501002026112210100000{len(self.cases) + 1:02}"
            self.keys[key] = number
            self.cases[number] = self._new_case(number, sent["values"])
            return jsonify(self.cases[number]), 201

        return submit

    def _new_case(self, number: str, values: dict[str, Any]) -> dict[str, Any]:
        at = "2026-11-22T08:00:00+00:00"
        return {
            "number": number,
            "query_code": "Q7K2",
            "owner": current_token().subject,
            "matter": {"id": "certificate", "title": "普货从业资格证网上申请"},
            "status": "submitted",
            "status_label": "待受理",
            "submitted_at": at,
            "updated_at": at,
            "authority": {"code": "650100", "name": "乌鲁木齐市交通运输局"},
            "history": [{"at": at, "event": "submit", "label": "提交申请", "status_label": "待受理", "reason": None}],
            "values": values,
            "fields": [{"name": "school", "label": "培训机构", "value": values["school"], "section": "matter"}],
            "checks": [
                {"id": "age", "text": "年龄", "outcome": "passed", "outcome_label": "通过", "note": None},
            ],
            "due_dates": {"acceptance": "2026-11-29", "promised": None, "statutory": None, "correction": None},
            "notice": [],
            "may": ["withdraw"],
        }

    def _cases(self) -> Any:
        mine = [case for case in self.cases.values() if case["owner"] == current_token().subject]
        response = jsonify(list(reversed(mine)))
        if request.args.get("page", "1") == "1" and len(mine) > 50:
            response.headers["Link"] = f'<{request.base_url}?page=2>; rel="next"'
        return response

    def _case(self, number: str) -> Any:
        case = self.cases.get(number)
        if case is None or case["owner"] != current_token().subject:
            return jsonify(error="not_found"), 404
        return jsonify(case)

    def _correct(self, number: str) -> Any:
        case = self.cases[number]
        if "correct" not in case["may"]:
            return jsonify(error="not_possible_now"), 409
        values = request.get_json()["values"]
        if not values.get("school"):
            return jsonify(error="invalid_values", errors={"school": "请填写培训机构"}), 422
        case.update(values=values, status="resubmitted", status_label="已补正", may=[], notice=[])
        return jsonify(case)

    def _withdraw(self, number: str) -> Any:
        case = self.cases[number]
        if "withdraw" not in case["may"]:
            return jsonify(error="not_possible_now"), 409
        case.update(status="withdrawn", status_label="已撤回", may=[])
        return jsonify(case)
