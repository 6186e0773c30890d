"""The sub-commands of ``tongxing``: one module per noun. They parse, call and print; no rule lives here."""
