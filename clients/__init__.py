"""Relying parties and resource servers: outsiders to the provider, who know its discovery document and HTTP only."""
