"""Flask glue: parse, call, render. No rule lives here.

One module per page or endpoint, each with a blueprint; :mod:`idp.app` registers them. Every module takes its work's
Context from :func:`idp.web.context.current`.
"""
