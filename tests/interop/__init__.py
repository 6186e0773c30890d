"""Relying parties written by others, driven against a running provider."""
