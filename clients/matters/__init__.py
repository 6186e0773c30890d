"""The middle platform 业务中台: a resource server that runs the administration's service matters behind access tokens.

Owns the declarations of the matters (`catalogue`), the engine that reads, checks, files and moves their cases, and the
HTTP API. Refuses to log anybody in, to believe a portal about who its user is, and to decide a case on the merits: that
is an officer's act.

Where things stand: `schema` what a matter may declare · `fields`, `submission` what was filled in · `checking` the
declared rules · `profiles`, `workflow` states · `clocks` due dates · `case_numbers` · `cases` the database · `clerk`
what happens to a case, step by step · `web` HTTP.
"""
