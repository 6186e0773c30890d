"""The service portals: thin relying parties that show what the middle platform offers and send it what people fill in.

Owns pages and sessions. Refuses to know any matter: fields, checks, levels and states come from the middle platform,
over HTTP, with the person's own access token.
"""
