"""People and companies: registration, verification by the authority, mandates, messages to people.

Knows no web framework and writes no SQL. Errors are exceptions with a code; their words are the web layer's.
"""
