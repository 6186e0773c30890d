"""One check a file, named after the parameter it judges; :mod:`idp.protocol.authorize` says in which order they run.

A check is pure: it reads the request and the context, notes what it learnt in the request, and raises a ProtocolError
or returns. It consumes, counts, stores and logs nothing, so it may run again when the person comes back.
"""
