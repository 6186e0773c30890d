"""Which services the demonstration runs, and where."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"


@dataclass(frozen=True)
class Service:
    """One process: its WSGI application, its port, and the table of the configuration file it reads."""

    name: str
    application: str
    port: int
    table: str
    label: str

    @property
    def url(self) -> str:
        return f"http://{HOST}:{self.port}"

    @property
    def address(self) -> str:
        return f"{HOST}:{self.port}"


@dataclass(frozen=True)
class Layout:
    """Where the demonstration keeps its files and on which ports it listens (``offset`` moves them all)."""

    directory: Path
    offset: int = 0

    def service(self, name: str) -> Service:
        return next(service for service in self.services if service.name == name)

    @property
    def services(self) -> tuple[Service, ...]:
        rows = (
            ("gateway", "wsgi:gateway", 8600, "gateway", "短信网关模拟器 message gateway"),
            ("national", "wsgi:national", 8100, "national", "国家政务服务平台（模拟）national platform"),
            ("idp", "wsgi:idp", 8000, "idp", "统一身份认证 identity provider"),
            ("matters", "wsgi:matters", 8300, "matters", "业务中台 middle platform"),
            ("drivers", "wsgi:portals", 8201, "portal_drivers", "驾驶员门户 drivers' portal"),
            ("vehicles", "wsgi:portals", 8202, "portal_vehicles", "车辆门户 vehicles' portal"),
        )
        return tuple(Service(name, app, port + self.offset, table, label) for name, app, port, table, label in rows)

    @property
    def configuration(self) -> Path:
        return self.directory / "tongxing.toml"

    @property
    def target(self) -> Path:
        return self.directory / "target.json"

    def database(self, name: str) -> str:
        return f"sqlite:///{(self.directory / f'{name}.sqlite3').resolve()}"

    def log(self, service: Service) -> Path:
        return self.directory / "log" / f"{service.name}.log"
