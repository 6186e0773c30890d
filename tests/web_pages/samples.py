"""The pages of the design system with the contexts their templates document: what the tests draw and look at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flask_wtf import FlaskForm
from wtforms import (
    BooleanField,
    FileField,
    PasswordField,
    RadioField,
    SelectChoice,
    SelectField,
    StringField,
    TextAreaField,
)
from wtforms.validators import InputRequired

AT = datetime(2026, 11, 22, 8, 30, tzinfo=UTC)
CLIENT = {
    "name": "道路运输驾驶员服务",
    "logo_uri": "/static/icon-region.svg",
    "policy_uri": "https://client.example/policy",
    "tos_uri": "https://client.example/terms",
}
PLAIN_CLIENT = {"name": "国家政务服务平台"}
UPSTREAM = {"name": "national", "label": "国家政务服务平台登录", "url": "/upstream/national"}
UNFORTUNATE = "x" * 90


class LoginForm(FlaskForm):
    username = StringField("手机号、身份证号或用户名", [InputRequired()])
    password = PasswordField("密码", [InputRequired()])


class GalleryForm(FlaskForm):
    phone = StringField("Phone", [InputRequired()], description="11 digits")
    kind = SelectField("Vehicle class", choices=[SelectChoice("1", "Lorry"), SelectChoice("2", "Trailer")])
    licence = RadioField("Licence", choices=[SelectChoice("a", "A2"), SelectChoice("b", "B2")])
    reason = TextAreaField("Reason")
    paper = FileField("Photograph")
    agree = BooleanField("I agree", [InputRequired()])


def wrong(form_type: type[FlaskForm], **data: str) -> FlaskForm:
    """A form that has been sent and refused."""
    form = form_type(data=data)
    form.validate()
    return form


@dataclass(frozen=True)
class Sample:
    """One page to draw: `context` is called inside a request and gives what the view would pass."""

    name: str
    template: str
    context: Callable[[], Mapping[str, Any]] = dict
    theme: str = "region"
    frame: Mapping[str, Any] = field(default_factory=dict)  # what the context processor would give besides


SIGNED_IN = {"person_name": "阿依古丽·买买提", "account_url": "/account", "sign_out_url": "/logout"}
NAV = {
    "nav_items": [
        {"label": "首页", "url": "/", "current": True},
        {"label": "办事指南", "url": "/guide"},
        {"label": "我的办件", "url": "/mine"},
        {"label": "我的证照", "url": "/cards"},
    ]
}


def login(**more: Any) -> Callable[[], Mapping[str, Any]]:
    return lambda: (
        {
            "form": LoginForm(),
            "interaction": "q8",
            "client": CLIENT,
            "upstreams": [UPSTREAM],
            "register_url": "/register",
            "recovery_url": "/recovery",
            "cancel_url": "/login/cancel",
            "error": None,
        }
        | {key: value() if callable(value) else value for key, value in more.items()}
    )


def consent(**more: Any) -> Callable[[], Mapping[str, Any]]:
    return lambda: (
        {
            "client": CLIENT,
            "person_name": "阿依古丽·买买提",
            "items": [
                {"title": "姓名", "detail": "用于识别您的身份，登录期间有效", "required": True},
                {"title": "证件类型和号码", "detail": "用于与国家平台的账户匹配，保存至您撤回授权", "required": True},
                {"title": "手机号码", "detail": "用于通知办理进度", "required": False},
            ],
            "acting_for": None,
            "interaction": "q8",
        }
        | dict(more)
    )


def deliveries(*states: str) -> list[dict[str, Any]]:
    names = ["驾驶员服务", "车辆服务", "国家政务服务大厅", "公众查询", "维修企业服务", "国际货运服务", "数据交换"]
    return [
        {"service": name, "status": state, "at": AT if state == "delivered" else None}
        for name, state in zip(names, states, strict=False)
    ]


CHOICES = [
    {"value": "self", "title": "阿依古丽·买买提", "detail": "本人办理", "valid_until": None},
    {"value": "m1", "title": "新疆天山货运有限责任公司", "detail": "经办人 · 91650100MA77XXXX1T", "valid_until": AT},
    {
        "value": "m2",
        "title": "Kashgar International Freight Forwarding Co., Ltd.",
        "detail": "法定代表人",
        "valid_until": None,
    },
]
PLATFORM = {"name": "national", "label": "国家政务服务平台"}
PERSON = {"name": "阿依古丽·买买提", "masked_id": "650102********1234"}
FIELDS = {"code": "c0de", "state": '"><script>alert(1)</script>&amp;', "submit": "yes"}
ERROR = {
    "title": "无法继续",
    "message": "应用登记的回调地址与本次请求不一致，为保护您的信息，我们没有跳转。",
    "error_code": "invalid_request",
    "parameter": "redirect_uri",
    "trace_id": "5c1f0c1b7a4e4f0d",
    "back_url": "/",
}

SAMPLES: tuple[Sample, ...] = (
    Sample("login", "idp/login.html", login()),
    Sample(
        "login-refused",
        "idp/login.html",
        login(form=lambda: wrong(LoginForm, username="13800000000"), error="账号或密码不正确。", client=PLAIN_CLIENT),
    ),
    Sample(
        "login-bare",
        "idp/login.html",
        login(client=None, upstreams=[], register_url=None, cancel_url=None, recovery_url=None),
    ),
    Sample("login-national", "idp/login.html", login(upstreams=[]), theme="national"),
    Sample("consent", "idp/consent.html", consent(), frame=SIGNED_IN),
    Sample(
        "consent-company",
        "idp/consent.html",
        consent(acting_for=CHOICES[1]["title"], client=PLAIN_CLIENT),
        theme="national",
    ),
    Sample(
        "select-account",
        "idp/select_account.html",
        lambda: {
            "current": {"name": "阿依古丽·买买提", "masked_id": "138****0000"},
            "client": CLIENT,
            "interaction": "q8",
        },
    ),
    Sample(
        "act-as",
        "idp/act_as.html",
        lambda: {"choices": CHOICES, "selected": "m1", "client": CLIENT, "error": None, "interaction": "q8"},
        frame=SIGNED_IN,
    ),
    Sample(
        "logout",
        "idp/logout.html",
        lambda: {"client": CLIENT, "services": ["驾驶员服务", "车辆服务"], "stay_url": "/account", "interaction": "q8"},
        frame=SIGNED_IN,
    ),
    Sample(
        "logout-bare",
        "idp/logout.html",
        lambda: {"client": None, "services": [], "stay_url": "/account", "interaction": None},
    ),
    Sample(
        "signed-out-pending",
        "idp/signed_out.html",
        lambda: {
            "deliveries": deliveries(*["delivered"] * 5, "pending", "failed"),
            "refresh": True,
            "return_url": "/",
            "return_name": "驾驶员服务",
        },
    ),
    Sample(
        "signed-out-done",
        "idp/signed_out.html",
        lambda: {"deliveries": deliveries("delivered"), "refresh": False, "return_url": "/"},
        theme="national",
    ),
    Sample("signed-out-alone", "idp/signed_out.html", lambda: {"deliveries": [], "refresh": False, "return_url": None}),
    Sample(
        "signed-out-told",
        "idp/signed_out.html",
        lambda: {
            "deliveries": deliveries("delivered", "told", "told"),
            "frames": [],
            "leaves": True,
            "refresh": False,
            "return_url": "/bye",
            "return_name": "驾驶员服务",
        },
    ),
    Sample("check-session", "idp/check_session.html", lambda: {"cookie": "__Host-tx_state"}),
    Sample("form-post", "idp/form_post.html", lambda: {"action": "/callback", "fields": FIELDS}),
    Sample("plain", "plain.html", frame={"brand": {"name": "通行"}, "language_url": None, "footer_links": None}),
    Sample("error", "idp/error.html", lambda: ERROR),
    Sample(
        "error-long", "idp/error.html", lambda: ERROR | {"error_code": UNFORTUNATE, "trace_id": None, "back_url": None}
    ),
    Sample(
        "bind",
        "idp/bind.html",
        lambda: {
            "form": LoginForm(),
            "upstream": PLATFORM,
            "person": PERSON,
            "reason": None,
            "error": None,
            "cancel_url": "/cancel",
            "interaction": "q8",
        },
    ),
    Sample(
        "bind-confirm",
        "idp/bind_confirm.html",
        lambda: {
            "upstream": PLATFORM,
            "person": PERSON,
            "account": {"name": "阿依古丽·买买提", "masked_id": "138****0000"},
            "is_replacing": True,
            "cancel_url": "/cancel",
            "interaction": "q8",
        },
    ),
    Sample(
        "upstream-insufficient",
        "idp/upstream_insufficient.html",
        lambda: {
            "upstream": PLATFORM,
            "level": 1,
            "missing": ["您的姓名", "您的证件号码"],
            "bind_url": "/bind",
            "login_url": "/login",
            "register_url": "/register",
        },
    ),
    Sample(
        "upstream-switch",
        "idp/upstream_switch.html",
        lambda: {"upstream": PLATFORM, "person": PERSON, "current_name": "王建国", "interaction": "q8"},
        frame=SIGNED_IN,
    ),
    Sample(
        "upstream-unavailable",
        "idp/upstream_unavailable.html",
        lambda: {
            "upstream": PLATFORM,
            "retry_url": "/upstream/national",
            "login_url": "/login",
            "trace_id": "5c1f0c1b",
        },
    ),
    Sample("http-404", "errors/http.html", lambda: {"status": 404}),
    Sample("http-500", "errors/http.html", lambda: {"status": 500, "trace_id": "5c1f0c1b7a4e4f0d"}, theme="matters"),
    *(
        Sample(
            f"gallery-{theme}",
            "gallery.html",
            lambda: {"at": AT, "form": wrong(GalleryForm, phone="1")},
            theme=theme,
            frame=SIGNED_IN | NAV | {"demo": True, "acting_for": "新疆天山货运有限责任公司"},
        )
        for theme in ("region", "national", "portal-drivers", "portal-vehicles", "gateway", "matters")
    ),
)
