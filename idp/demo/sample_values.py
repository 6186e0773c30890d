"""What the story's people write into the two matters' forms; all invented."""

from __future__ import annotations

from datetime import date, timedelta


def certificate(today: date) -> dict[str, str]:
    """Matter 1, complete and in order on that day."""
    return {
        "address": "乌鲁木齐市新市区北京南路1号",
        "vehicle_mass": "above_4500",
        "licence_class": "B2",
        "licence_first_issued": (today - timedelta(days=4 * 366)).isoformat(),
        "licence_file_number": "650100123456",
        "training_school": "乌鲁木齐安达驾驶员培训学校",
        "training_certificate": "PX2026000123",
        "training_completed": (today - timedelta(days=120)).isoformat(),
        "photo": "id_photo",
        "handling_region": "650104",
        "delivery": "e_licence",
        "truth_undertaking": "on",
    }


def review(today: date) -> dict[str, str]:
    """Matter 7, complete and in order on that day."""
    return {
        "legal_representative": "李建国",
        "address": "乌鲁木齐市新市区北京南路2号",
        "plate": "新A12345",
        "plate_colour": "2",
        "vin": "LZZ1CLWB8NW000001",
        "transport_certificate": "新交运管乌字650104 000321号",
        "vehicle_kind": "lorry",
        "total_mass_kg": "18000",
        "first_registered": (today - timedelta(days=4 * 366)).isoformat(),
        "mileage_km": "210000",
        "report_number": "JC2026000777",
        "report_date": (today - timedelta(days=30)).isoformat(),
        "report_agency": "乌鲁木齐车辆检测站",
        "insurance_until": (today + timedelta(days=180)).isoformat(),
        "positioning": "online",
        "handling_region": "650104",
        "delivery": "self",
        "truth_undertaking": "on",
    }
