"""Benchmarks: what two workers of the provider do per second, beside what the machine can do raw.

`make bench` prints one table. Every figure comes from real HTTP load (wrk, from Debian's package) on a provider with
two workers over durable PostgreSQL and Redis, all on this machine.
"""
