"""The simulated national platform's own parts: the authority's registry with its verification API, and the hall.

The provider of the national platform is the project's provider under national settings; ``wsgi.py`` puts them
together. Nothing here imports the provider: the hall is a relying party and the API a resource server like any other.
"""
