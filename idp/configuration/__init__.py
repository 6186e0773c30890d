"""A deployment as a file: clients, people, keys, tokens to register with and settings, read, compared, written.

``document`` says what a file may hold and refuses everything else; a module a table (``clients``, ``people`` …) knows
what the database has and what the file wants; ``difference`` tells the two apart; ``importing`` and ``exporting`` put
them together.
"""
