"""What the story's people write into the two matters' forms; all invented."""

from __future__ import annotations

CERTIFICATE = {
    "address": "乌鲁木齐市新市区北京南路1号",
    "vehicle_mass": "above_4500",
    "licence_class": "B2",
    "licence_first_issued": "2022-06-01",
    "licence_file_number": "650100123456",
    "training_school": "乌鲁木齐安达驾驶员培训学校",
    "training_certificate": "PX2026000123",
    "training_completed": "2026-02-10",
    "photo": "id_photo",
    "handling_region": "650104",
    "delivery": "e_licence",
    "truth_undertaking": "on",
}
REVIEW = {
    "legal_representative": "李建国",
    "address": "乌鲁木齐市新市区北京南路2号",
    "plate": "新A12345",
    "plate_colour": "2",
    "vin": "LZZ1CLWB8NW000001",
    "transport_certificate": "新交运管乌字650104 000321号",
    "vehicle_kind": "lorry",
    "total_mass_kg": "18000",
    "first_registered": "2022-03-01",
    "mileage_km": "210000",
    "report_number": "JC2026000777",
    "report_date": "2026-09-01",
    "report_agency": "乌鲁木齐车辆检测站",
    "insurance_until": "2027-05-01",
    "positioning": "online",
    "handling_region": "650104",
    "delivery": "self",
    "truth_undertaking": "on",
}
