"""What runs on a node: document agent, SSH server and probe, in one light process.

It only calls out, as the SSM agent does; the one thing that listens is its SSH server.
"""
