"""The demonstration: every service on loopback and SQLite, seeded, started and watched by one command.

It is the only place that knows all services at once; it starts them as processes and speaks to them over HTTP.
"""
