"""OAuth 2.0 and OpenID Connect on Authlib's core server and joserfc. Knows no Flask and writes no SQL."""
