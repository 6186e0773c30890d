"""What the demonstration prints when everything runs: addresses, people, and a story of three lines."""

from __future__ import annotations

from collections.abc import Sequence

from idp.demo.layout import Layout
from idp.demo.people import DemoPerson, unregistered_people


def text(layout: Layout, people: Sequence[DemoPerson], seconds: float) -> str:
    newcomer = unregistered_people()[0]
    region, national = layout.service("idp").url, layout.service("national").url
    drivers, gateway = layout.service("drivers").url, layout.service("gateway").url
    rows = [f"  {service.label:<34} {service.url}" for service in layout.services]
    rows.append(f"  {'国家政务服务大厅 national hall':<34} {national}/hall/")
    persons = [
        f"  {person.username:<9} {person.password:<21} {person.claims['name']}，{person.story}" for person in people
    ]
    return "\n".join(
        [
            "",
            f"通行 Tongxing is ready ({seconds:.0f} s). Addresses:",
            *rows,
            "",
            "People to log in as (username, password):",
            *persons,
            "",
            "A story to try:",
            f"  1. 注册 Register at {region}/register as {newcomer.name} {newcomer.id_number} 手机 {newcomer.phone}"
            f" (the code arrives at {gateway}/), then open {drivers} and the vehicles' portal: no second login.",
            f"  2. 互认 Sign out, open {drivers} again and choose 国家政务服务平台登录 as “national”; or log in as"
            f" “driver” and open the national hall from the portal: still no second login.",
            "  3. 退出 Sign out anywhere: portals, region and national platform end together, and you see which.",
            "",
            f"For integrators: {layout.target}. Ctrl-C ends everything.",
            "",
        ]
    )
