"""What members of the federation share: identifiers, the national platform's simulation, the message gateway.

Nothing in here imports the identity provider; whoever runs both puts them together at the composition root.
"""
