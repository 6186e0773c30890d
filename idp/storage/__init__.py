"""All queries and all atomic updates, on SQLAlchemy Core; PostgreSQL and SQLite.

Functions take the request's session first and ``now`` where time matters; one module per concept. The ephemeral store
(short-lived one-time values, counters) has one interface and two implementations, SQL and Redis. Nothing above this
package writes SQL.
"""
