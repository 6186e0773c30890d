"""The questions that every matter asks: who applies, for whom, where the case is handled, how the result arrives.

What the verified identity knows is filled in and locked: nobody is asked again for what the state can look up.
"""

from __future__ import annotations

from clients.matters.schema import Choice, FormField
from clients.matters.text import Text, text
from federation.identifiers import find_division, regions_of_filing


def applicant_fields() -> tuple[FormField, ...]:
    """Person or company, and the agent, from the verified identity."""
    return (*_person_fields(), *_organisation_fields(), *_contact_fields())


def _person_fields() -> tuple[FormField, ...]:
    id_types = (Choice(value="111", label=text("居民身份证", "Resident identity card")),)
    return (
        FormField(name="applicant_name", label=text("申请人姓名", "Applicant's name"), claim="name",
                  section="applicant", applicants=("person",)),
        FormField(name="applicant_id_type", label=text("证件类型", "Kind of identity document"), kind="choice",
                  choices=id_types, claim="id_type", section="applicant", applicants=("person",)),
        FormField(name="applicant_id_number", label=text("证件号码", "Identity number"), format="resident_id",
                  claim="id_number", section="applicant", applicants=("person",)),
    )  # fmt: skip


def _organisation_fields() -> tuple[FormField, ...]:
    return tuple(item.model_copy(update={"section": "applicant", "applicants": ("organisation",)}) for item in (
        FormField(name="organisation_name", label=text("单位名称", "Company"), claim="organisation_name"),
        FormField(name="uscc", label=text("统一社会信用代码", "Unified social credit code"), format="uscc",
                  claim="uscc"),
        FormField(name="legal_representative", label=text("法定代表人（经营者）", "Legal representative (owner)"),
                  claim="legal_representative", without_claim="ask"),
        FormField(name="agent_name", label=text("经办人姓名", "Agent's name"), claim="agent_name",
                  without_claim="omit"),
        FormField(name="agent_id_number", label=text("经办人证件号码", "Agent's identity number"),
                  format="resident_id", claim="agent_id_number", without_claim="omit"),
        FormField(name="authorisation", label=text("授权编号", "Authorisation"), claim="mandate",
                  without_claim="omit"),
    ))  # fmt: skip


def _contact_fields() -> tuple[FormField, ...]:
    return (
        FormField(name="mobile", label=text("手机号码", "Mobile number"), format="mobile", claim="phone_number",
                  without_claim="ask", section="applicant"),
        FormField(name="address", label=text("联系地址", "Address"), claim="address", locks=False,
                  without_claim="ask", max_length=200, section="applicant"),
    )  # fmt: skip


def handling_fields() -> tuple[FormField, ...]:
    """Where, how delivered, and the undertaking that the statements are true."""
    undertaking = text(
        "本人承诺所填内容和提交的材料真实、合法、有效，并承担相应法律责任。",
        "I declare that what I have stated and handed in is true, lawful and valid, and I answer for it.",
    )
    return (
        FormField(name="handling_region", label=text("办理地区", "Place of handling"), kind="choice",
                  format="division", choices=_places(), section="handling",
                  help=text("选择户籍地、居住地或车籍地所在的县（市、区）。",
                            "The county or district where you live or where the vehicle is registered.")),
        FormField(name="delivery", label=text("结果送达方式", "Delivery of the result"), kind="choice",
                  choices=_deliveries(), section="handling"),
        FormField(name="truth_undertaking", label=undertaking, kind="checkbox", must_be_ticked=True,
                  section="handling"),
    )  # fmt: skip


def _deliveries() -> tuple[Choice, ...]:
    ways: tuple[tuple[str, Text], ...] = (
        ("e_licence", text("电子证照", "Electronic licence")),
        ("self", text("到窗口领取", "I collect it at the counter")),
        ("post", text("邮寄到联系地址", "By post to my address")),
    )
    return tuple(Choice(value=value, label=label) for value, label in ways)


def _places() -> tuple[Choice, ...]:
    choices = []
    for place in regions_of_filing():
        above = find_division(place.parent or "")
        prefix = above.name if above and place.parent != "650000" else ""
        # A place has one name; there is no official English one.
        choices.append(Choice(value=place.code, label=text(f"{prefix}{place.name}", f"{prefix}{place.name}")))
    return tuple(choices)
