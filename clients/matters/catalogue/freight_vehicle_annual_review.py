"""Matter 7, 普通货运车辆网上年审: the yearly review of an ordinary freight vehicle, filed by its operator."""

from __future__ import annotations

from datetime import date

from clients.matters import registers
from clients.matters.checking import Facts, Finding, by_hand, failed, not_applicable, passed
from clients.matters.regional import RegionalData
from clients.matters.schema import Basis, Check, Choice, FormField, Limits, Material, Matter, Outcome, Routing
from clients.matters.standing_fields import applicant_fields, handling_fields
from clients.matters.text import text
from federation.identifiers import PLATE_COLOURS, check_plate

ID = "freight_vehicle_annual_review"
IN_OPERATION = "10"  # JT/T 415 vehicle status 营运
_COLOURS_IN_ENGLISH = {
    "1": "blue", "2": "yellow", "3": "black", "4": "white", "5": "green", "9": "other",
    "91": "agricultural yellow", "92": "agricultural green", "93": "yellow and green", "94": "fading green",
}  # fmt: skip


def declare(region: RegionalData) -> Matter:
    """The matter under this region's data."""
    return Matter(
        number=7,
        id=ID,
        title=text("普通货运车辆网上年审", "Annual review of an ordinary freight vehicle"),
        summary=text(
            "总质量4500千克以上普通货运车辆的年度审验，与窗口办理具有同等效力。",
            "Yearly review of ordinary freight vehicles above 4,500 kg; as valid as at the counter.",
        ),
        portal="vehicles",
        profile="permit",
        applicants=("organisation",),
        minimum_level=region.integer(f"levels.{ID}"),
        authority=text("车籍所在地县级交通运输主管部门", "Transport authority of the county of registration"),
        version="2026-11-22",
        basis=_basis(),
        fields=(*applicant_fields(), *_vehicle_fields(), *_inspection_fields(), *handling_fields()),
        materials=_materials(),
        checks=_checks(region),
        limits=Limits(
            statutory_days=region.integer(f"limits.{ID}.statutory_days"),
            promised_days=region.integer(f"limits.{ID}.promised_days"),
        ),
        routing=Routing(level="county", mark="source read"),
        outcome=Outcome(
            document=text("道路运输证年度审验记录（合格 / 不合格）", "Annual review mark on the transport certificate"),
            licence_type="11100000000019713D013",
            validity_months=12,
            mark="source read",
        ),
    )


def _basis() -> tuple[Basis, ...]:
    return (
        Basis(text=text("道路货物运输及站场管理规定第50条", "Provisions on road freight and stations, article 50"),
              version="2026-03-20", mark="source read"),
        Basis(text=text("道路运输车辆技术管理规定第21条", "Provisions on the technical state of vehicles, article 21"),
              version="2023-03", mark="source read"),
    )  # fmt: skip


def _vehicle_fields() -> tuple[FormField, ...]:
    colours = tuple(
        Choice(value=code, label=text(f"{name}色" if len(name) == 1 else name, _COLOURS_IN_ENGLISH[code]))
        for code, name in PLATE_COLOURS.items()
    )
    kinds = (
        Choice(value="lorry", label=text("载货汽车", "Lorry")),
        Choice(value="tractor", label=text("半挂牵引车", "Semi-trailer tractor")),
        Choice(value="trailer", label=text("挂车", "Trailer")),
    )
    return (
        FormField(name="plate", label=text("车牌号码", "Number plate"), format="plate", max_length=20,
                  help=text("例如 新A12345。", "For example 新A12345.")),
        FormField(name="plate_colour", label=text("车牌颜色", "Plate colour"), kind="choice", choices=colours),
        FormField(name="vin", label=text("车辆识别代号（VIN）", "Vehicle identification number"), format="vin",
                  max_length=30, help=text("行驶证上的17位字符。", "The 17 characters on the vehicle licence.")),
        FormField(name="transport_certificate", label=text("道路运输证号", "Transport certificate number"),
                  format="transport_certificate", max_length=40,
                  help=text("例如 新交运管乌字650104000321号。", "For example 新交运管乌字650104000321号.")),
        FormField(name="vehicle_kind", label=text("车辆类型", "Kind of vehicle"), kind="choice", choices=kinds),
        FormField(name="total_mass_kg", label=text("总质量（千克）", "Total mass (kg)"), kind="integer", minimum=500,
                  maximum=100_000),
        FormField(name="first_registered", label=text("初次登记日期", "First registered on"), kind="date",
                  not_after_today=True),
        FormField(name="mileage_km", label=text("行驶里程（公里）", "Mileage (km)"), kind="integer", minimum=0,
                  maximum=5_000_000),
    )  # fmt: skip


def _inspection_fields() -> tuple[FormField, ...]:
    positioning = (
        Choice(value="online", label=text("已接入并在线", "Installed and on line")),
        Choice(value="offline", label=text("已安装但离线", "Installed, off line")),
        Choice(value="none", label=text("未安装", "Not installed")),
    )
    return (
        FormField(name="report_number", label=text("检验检测报告编号", "Number of the test report"), max_length=40),
        FormField(name="report_date", label=text("检验检测日期", "Tested on"), kind="date", not_after_today=True),
        FormField(name="report_agency", label=text("检验检测机构", "Testing station"), max_length=80),
        FormField(name="insurance_until", label=text("承运人责任险或交强险到期日", "Insured until"), kind="date"),
        FormField(name="positioning", label=text("卫星定位装置", "Satellite positioning"), kind="choice",
                  choices=positioning),
    )  # fmt: skip


def _materials() -> tuple[Material, ...]:
    shared = text("通过数据共享核验，无需提交。", "Verified by data sharing; nothing to hand in.")
    return (
        Material(name=text("机动车行驶证", "Vehicle licence"), note=shared, mark="source read"),
        Material(name=text("道路运输证", "Transport certificate"), note=shared, mark="source read"),
        Material(
            name=text("车辆检验检测报告", "Test report"),
            note=text("检验检测机构已上传的，填写编号即可。", "Its number is enough once the station has uploaded it."),
            mark="source read",
        ),
        Material(name=text("车辆保险凭证", "Proof of insurance"), note=shared, mark="source read"),
    )


def _checks(region: RegionalData) -> tuple[Check, ...]:
    limit = region.integer("rules.certificate_above_kg")
    positioned = region.integer("rules.positioning_from_kg")
    validity = region.integer("rules.inspection_valid_months")
    return (
        Check(id="review_needed", text=text("车辆须参加年审", "The vehicle must be reviewed"), mark=limit.mark,
              run=lambda facts: _review_needed(facts, limit.value), on_failure="not_accepted",
              remedy=text("总质量4500千克及以下普通货运车辆无需年审。",
                          "Ordinary freight vehicles up to 4,500 kg need no annual review.")),
        Check(id="plate_colour_fits", text=text("号牌与颜色相符", "Plate and colour fit"), run=_plate_colour_fits,
              mark="recalled: verify"),
        Check(id="inspection_current", text=text("检验检测在有效期内", "The test is still valid"), mark=validity.mark,
              run=lambda facts: _inspection_current(facts, _validity_months(facts, region))),
        Check(id="insured", text=text("保险在有效期内", "The vehicle is insured"), run=_insured, mark="source read"),
        Check(id="positioning_online", text=text("卫星定位在线", "Satellite positioning is on line"),
              mark=positioned.mark, run=lambda facts: _positioning_online(facts, positioned.value)),
        Check(id="report_registered", text=text("检验检测报告属实", "The test report is registered"),
              run=_report_registered, mark="source read"),
        Check(id="operator_in_business", text=text("经营许可有效", "The operator's permit is valid"),
              run=_operator_in_business, on_failure="review", mark="source read"),
        Check(id="vehicle_in_operation",
              text=text("车辆属申请人且营运状态正常", "The vehicle is the applicant's and in operation"),
              run=_vehicle_in_operation, on_failure="review", mark="source read"),
    )  # fmt: skip


def _review_needed(facts: Facts, limit_kg: int) -> Finding:
    if facts.values["vehicle_kind"] == "lorry" and facts.values["total_mass_kg"] <= limit_kg:
        return failed("该车总质量未超过4500千克，无需年审。", "The vehicle is not above 4,500 kg and needs no review.")
    return passed()


def _plate_colour_fits(facts: Facts) -> Finding:
    checked = check_plate(str(facts.values["plate"]), str(facts.values["plate_colour"]))
    if "colour_mismatch" in checked.warnings:
        return by_hand(
            "号牌种类与颜色少见，须核对行驶证。", "An unusual colour for this kind of plate; compare the licence."
        )
    return passed()


def _validity_months(facts: Facts, region: RegionalData) -> int:
    old_from = region.integer("rules.old_vehicle_from_months").value
    is_old = _months_later(facts.values["first_registered"], old_from) <= facts.values["report_date"]
    return region.integer("rules.inspection_valid_months" + ("_old_vehicle" if is_old else "")).value


def _inspection_current(facts: Facts, months: int) -> Finding:
    tested = facts.values["report_date"]
    if tested < facts.values["first_registered"]:
        return failed("检验检测日期早于初次登记日期。", "The test is older than the vehicle's registration.")
    if _months_later(tested, months) < facts.today:
        return failed(
            f"检验检测已超过{months}个月，请重新检测。",
            f"The test is older than {months} months; have the vehicle tested.",
        )
    return passed()


def _months_later(day: date, months: int) -> date:
    """The same day `months` later, or the first of the month after when that month has no such day."""
    total = day.year * 12 + day.month - 1 + months
    try:
        return date(total // 12, total % 12 + 1, day.day)
    except ValueError:
        return date((total + 1) // 12, (total + 1) % 12 + 1, 1)


def _insured(facts: Facts) -> Finding:
    if facts.values["insurance_until"] < facts.today:
        return failed("保险已到期。", "The insurance has run out.")
    return passed()


def _positioning_online(facts: Facts, from_kg: int) -> Finding:
    is_heavy = facts.values["vehicle_kind"] == "lorry" and facts.values["total_mass_kg"] >= from_kg
    if not is_heavy and facts.values["vehicle_kind"] != "tractor":
        return not_applicable()
    if facts.values["positioning"] != "online":
        return failed("卫星定位装置须安装并在线。", "Satellite positioning must be installed and on line.")
    return passed()


def _report_registered(facts: Facts) -> Finding:
    record = facts.ask(registers.INSPECTION, {"number": str(facts.values["report_number"])})
    if record is None:
        return failed("未查到该检验检测报告。", "There is no such test report.")
    if record.get("vin") != facts.values["vin"]:
        return failed("检验检测报告与车辆不符。", "The test report belongs to another vehicle.")
    return passed()


def _operator_in_business(facts: Facts) -> Finding:
    record = facts.ask(registers.OPERATOR, {"uscc": str(facts.values["uscc"])})
    if record is None:
        return failed("未查到该单位的道路运输经营许可。", "The company has no road transport permit.")
    if record.get("status") != "1":
        return failed("经营许可状态不正常。", "The operator's permit is not in force.")
    return passed()


def _vehicle_in_operation(facts: Facts) -> Finding:
    record = facts.ask(
        registers.VEHICLE,
        {"plate": str(facts.values["plate"]), "plate_colour": str(facts.values["plate_colour"])},
    )
    if record is None:
        return failed("未查到该营运车辆。", "There is no such vehicle in the register.")
    if record.get("uscc") != facts.values["uscc"]:
        return failed("车辆不属于申请单位。", "The vehicle belongs to another operator.")
    if record.get("status") != IN_OPERATION:
        return failed("车辆营运状态不正常。", "The vehicle is not in operation.")
    return passed()
