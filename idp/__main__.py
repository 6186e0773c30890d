"""``python -m idp``: the same command line as ``tongxing``, where no script is installed."""

from __future__ import annotations

from idp.cli import main

if __name__ == "__main__":
    main(prog_name="tongxing")
