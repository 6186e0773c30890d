"""How long a fetched document may be used, by its Cache-Control header (RFC 9111 §5.2.2)."""

from __future__ import annotations

import re

# A provider that forbids caching would otherwise be asked on every login; one that forgets a limit would never be.
SHORTEST, LONGEST, UNSTATED = 60.0, 86_400.0, 3_600.0

_MAX_AGE = re.compile(r"""max-age\s*=\s*"?(\d{1,10})"?$""", re.IGNORECASE)


def freshness(cache_control: str | None) -> float:
    """Seconds for which an answer with this header may be used: between one minute and one day."""
    directives = [part.strip() for part in (cache_control or "").split(",")]
    if any(directive.lower().split("=")[0].strip() in {"no-store", "no-cache"} for directive in directives):
        return SHORTEST
    for directive in directives:
        if match := _MAX_AGE.match(directive):
            return min(max(float(match[1]), SHORTEST), LONGEST)
    return UNSTATED
