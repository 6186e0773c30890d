"""`make bench`: run every measurement once and print one table."""

from __future__ import annotations

import argparse
from base64 import b64encode

from bench import load, machine, measurements
from bench.seed import CLIENT_ID, seed
from bench.server import WORKERS, running_provider


def main() -> None:
    parser = argparse.ArgumentParser(prog="bench")
    parser.add_argument("--seconds", type=int, default=5, help="length of each measurement")
    parser.add_argument("--only", help="comma-separated names")
    arguments = parser.parse_args()
    with running_provider() as target:
        seeded = seed(target.settings, code_count=arguments.seconds * 3000)
        basic = "Basic " + b64encode(f"{CLIENT_ID}:{seeded.secret}".encode()).decode()
        load_of = measurements.Load(target.settings.issuer, basic, seeded, arguments.seconds)
        rows = []
        for name, measure in measurements.ALL.items():
            if arguments.only and name not in arguments.only.split(","):
                continue
            rows.append((name, measure(load_of)))
            print(f"… {name}", flush=True)
        memory = target.resident_megabytes()
        raw = machine.raw_speeds(target.settings)
    _print(rows, raw, memory)


def _print(rows: list[tuple[str, load.Measured]], raw: dict[str, float], memory: list[float]) -> None:
    signature = next(iter(raw.values()))
    print(f"\n{machine.describe()}; {WORKERS} workers, PostgreSQL and Redis beside them\n")
    print(f"{'what':<44}{'per second':>12}{'p50 ms':>9}{'p99 ms':>9}{'wrong':>7}{'/ raw RS256':>13}")
    for name, row in rows:
        ratio = row.rate / signature
        print(f"{name:<44}{row.rate:>12.0f}{row.p50:>9.1f}{row.p99:>9.1f}{row.wrong:>7}{ratio:>13.2f}")
    for name, rate in raw.items():
        print(f"{name:<44}{rate:>12.0f}")
    print(f"{'resident memory per worker, MB':<44}{', '.join(f'{item:.0f}' for item in memory):>12}")


if __name__ == "__main__":
    main()
