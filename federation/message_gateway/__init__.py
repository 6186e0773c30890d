"""A simulated message gateway: takes text messages as a real one would and shows them on a page.

For demonstrations and tests on one machine: no message leaves it, and because whoever can open the page reads
everybody's messages, it answers nobody but the machine it runs on.
"""
