"""Cryptography: field encryption, blind indexes, random values, password hashing, signing keys, JOSE.

A library at the bottom: it imports nothing of the provider but :mod:`idp.domain`. All JOSE goes through joserfc here.
"""
