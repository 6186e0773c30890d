"""How a person proves who they are: identifiers, passwords, one-time codes, throttling, and the session that follows.

Knows no web framework and writes no SQL. Errors are exceptions with a code; their words are the web layer's.
"""
