"""Tests mirror the packages; the name of a test is the rule it proves."""
