"""Matter 1, 普货从业资格证网上申请: a driver's first certificate for ordinary road freight."""

from __future__ import annotations

import re
from datetime import date

from clients.matters import registers
from clients.matters.checking import Facts, Finding, by_hand, failed, not_applicable, passed
from clients.matters.regional import RegionalData
from clients.matters.schema import Basis, Check, Choice, FormField, Limits, Material, Matter, Outcome, Routing
from clients.matters.standing_fields import applicant_fields, handling_fields
from clients.matters.text import text
from federation.identifiers import birthdate_of

ID = "freight_practitioner_certificate"


def declare(region: RegionalData) -> Matter:
    """The matter under this region's data."""
    return Matter(
        number=1,
        id=ID,
        title=text("普货从业资格证网上申请", "Certificate for drivers of ordinary road freight"),
        summary=text(
            "总质量4500千克以上普通货运车辆的驾驶员首次申领从业资格证。",
            "First certificate for drivers of ordinary freight vehicles above 4,500 kg.",
        ),
        portal="drivers",
        profile="permit",
        applicants=("person",),
        minimum_level=region.integer(f"levels.{ID}"),
        authority=text("设区的市级交通运输主管部门", "Transport authority of the prefecture"),
        version="2026-11-22",
        basis=_basis(),
        fields=(*applicant_fields(), *_fields(), *handling_fields()),
        materials=_materials(),
        checks=_checks(region),
        limits=Limits(
            statutory_days=region.integer(f"limits.{ID}.statutory_days"),
            promised_days=region.integer(f"limits.{ID}.promised_days"),
        ),
        routing=Routing(level="prefecture", mark="source read"),
        outcome=Outcome(
            document=text(
                "道路运输从业人员从业资格证（货运驾驶员 02001）", "Practitioner certificate, freight driver 02001"
            ),
            licence_type="11100000000019713D071",
            validity_months=72,
            mark="source read",
        ),
    )


def _basis() -> tuple[Basis, ...]:
    return (
        Basis(text=text("道路运输条例第22条", "Road Transport Regulation, article 22"),
              version="2023-07-20", mark="source read"),
        Basis(text=text("道路运输从业人员管理规定第10条", "Provisions on road-transport practitioners, article 10"),
              version="2026-03-20", mark="source read, weak"),
        Basis(text=text("行政许可法第32、42、44条", "Administrative Licensing Law, articles 32, 42 and 44"),
              version="2019", mark="source read"),
    )  # fmt: skip


def _fields() -> tuple[FormField, ...]:
    photo = (
        Choice(value="id_photo", label=text("使用居民身份证照片", "Use the photo of my resident identity card")),
        Choice(value="counter", label=text("到窗口提交一寸白底照片", "I hand in a one-inch photo, white background")),
    )
    vehicle = (
        Choice(value="above_4500", label=text("总质量4500千克以上", "Above 4,500 kg total mass")),
        Choice(value="up_to_4500", label=text("总质量4500千克及以下", "Up to 4,500 kg total mass")),
    )
    return (
        FormField(name="vehicle_mass", label=text("拟驾驶车辆", "Vehicle you will drive"), kind="choice",
                  choices=vehicle),
        FormField(name="licence_number", label=text("驾驶证号", "Driving licence number"), format="resident_id",
                  claim="id_number", locks=False, without_claim="ask",
                  help=text("一般与居民身份证号码相同。", "As a rule the same as your identity number.")),
        FormField(name="licence_class", label=text("准驾车型", "Licence class"), format="licence_class", max_length=20,
                  help=text("按驾驶证填写，例如 A2 或 B2。", "As on the licence, for example A2 or B2.")),
        FormField(name="licence_first_issued", label=text("初次领证日期", "First issued on"), kind="date",
                  not_after_today=True),
        FormField(name="licence_file_number", label=text("驾驶证档案编号", "Licence file number"), format="digits_12",
                  help=text("驾驶证副页上的12位数字。", "The 12 digits on the licence's second page.")),
        FormField(name="training_school", label=text("培训机构", "Training school"), max_length=80),
        FormField(name="training_certificate", label=text("培训结业证明编号", "Number of the completion certificate"),
                  max_length=40),
        FormField(name="training_completed", label=text("结业日期", "Completed on"), kind="date", not_after_today=True),
        FormField(name="photo", label=text("证件照片", "Photo"), kind="choice", choices=photo),
    )  # fmt: skip


def _materials() -> tuple[Material, ...]:
    shared = text("通过数据共享核验，无需提交。", "Verified by data sharing; nothing to hand in.")
    return (
        Material(name=text("居民身份证", "Resident identity card"), note=shared, mark="source read"),
        Material(name=text("机动车驾驶证", "Driving licence"), note=shared, mark="source read"),
        Material(
            name=text("培训结业证明或结业考核证明", "Certificate of completed training or of its final test"),
            note=text("填写编号，领证时出示原件。", "State its number; show the original when you collect."),
            mark="source read",
        ),
        Material(
            name=text("一寸白底免冠照片", "One-inch photo, white background"),
            required=False,
            note=text("可使用居民身份证照片。", "The identity card's photo may be used."),
            mark="source read",
        ),
    )


def _checks(region: RegionalData) -> tuple[Check, ...]:
    age_max = region.integer("rules.age_max")
    classes = region.texts("rules.driving_licence_classes")
    exam_mode = region.text("rules.exam_mode")
    return (
        Check(id="certificate_needed", text=text("所驾车辆须取得从业资格证", "The vehicle needs a certified driver"),
              run=_certificate_needed, on_failure="not_accepted",
              mark=region.integer("rules.certificate_above_kg").mark,
              remedy=text("驾驶总质量4500千克及以下普通货运车辆无需从业资格证。",
                          "No certificate is needed for ordinary freight vehicles up to 4,500 kg.")),
        Check(id="licence_class_fits", text=text("准驾车型符合", "The licence class fits"), mark=classes.mark,
              run=lambda facts: _licence_class_fits(facts, classes.value)),
        Check(id="age", text=text("年龄不超过规定上限", "Not above the age limit"), mark=age_max.mark,
              run=lambda facts: _age(facts, age_max.value), on_failure="review"),
        Check(id="dates", text=text("日期先后合理", "The dates fit together"), run=_dates, mark="project choice"),
        Check(id="licence_valid", text=text("驾驶证有效", "The driving licence is valid"), run=_licence_valid,
              on_failure="review", mark="source read"),
        Check(id="training_confirmed", text=text("培训结业属实", "The training was completed"),
              run=_training_confirmed, mark="source read"),
        Check(id="no_revoked_history", text=text("无从业资格被吊销、撤销记录", "No certificate was revoked before"),
              run=_no_revoked_history, on_failure="review", mark="source read"),
        Check(id="exam", text=text("从业资格考试合格", "The exam was passed"), mark=exam_mode.mark, on_failure="review",
              run=lambda _facts: _exam(exam_mode.value)),
    )  # fmt: skip


def _certificate_needed(facts: Facts) -> Finding:
    if facts.values["vehicle_mass"] == "up_to_4500":
        return failed("所选车辆无需从业资格证。", "The vehicle you chose needs no certificate.")
    return passed()


def _licence_class_fits(facts: Facts, accepted: tuple[str, ...]) -> Finding:
    held = re.findall(r"[A-C][1-6]|[DEFMNP]", str(facts.values["licence_class"]))
    if set(held) & set(accepted):
        return passed()
    listed = "、".join(accepted)
    return failed(f"准驾车型须为 {listed}。", f"The licence class must be one of {', '.join(accepted)}.")


def _age(facts: Facts, age_max: int) -> Finding:
    born, today = birthdate_of(str(facts.values["applicant_id_number"])), facts.today
    age = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    if age > age_max:
        return failed(f"已满{age}周岁，上限为{age_max}周岁。", f"The applicant is {age}; the limit is {age_max}.")
    return passed()


def _dates(facts: Facts) -> Finding:
    first_issued, completed = facts.values["licence_first_issued"], facts.values["training_completed"]
    born = birthdate_of(str(facts.values["applicant_id_number"]))
    if _years_after(born, 18) > first_issued:
        return failed("初次领证日期早于18周岁。", "The licence was first issued before the age of 18.")
    if completed < born:
        return failed("结业日期早于出生日期。", "The training was completed before birth.")
    return passed()


def _years_after(day: date, years: int) -> date:
    try:
        return day.replace(year=day.year + years)
    except ValueError:  # 29 February
        return date(day.year + years, 3, 1)


def _licence_valid(facts: Facts) -> Finding:
    record = facts.ask(registers.DRIVING_LICENCE, {"number": str(facts.values["licence_number"])})
    if record is None:
        return failed("未查到该驾驶证。", "There is no such driving licence.")
    if record.get("status") != "valid":
        return failed("驾驶证状态不正常。", "The driving licence is not in force.")
    return passed()


def _training_confirmed(facts: Facts) -> Finding:
    asked = {"number": str(facts.values["training_certificate"]), "id_number": str(facts.values["applicant_id_number"])}
    if facts.ask(registers.TRAINING, asked) is None:
        return failed("培训机构未登记该结业证明。", "The school has no record of this completion certificate.")
    return passed()


def _no_revoked_history(facts: Facts) -> Finding:
    record = facts.ask(registers.PRACTITIONER, {"id_number": str(facts.values["applicant_id_number"])})
    if record is not None and record.get("revoked_at"):
        return failed("有从业资格被吊销或撤销的记录。", "An earlier certificate was revoked.")
    return passed()


def _exam(mode: str) -> Finding:
    if mode == "none":
        return not_applicable()
    return by_hand("等待导入考试成绩。", "Waiting for the exam result to be imported.")
