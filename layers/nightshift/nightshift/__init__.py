"""Nightshift's core: the decisions, and the ports through which they act.

Where to look:

- ``events`` what Nightshift publishes, ``envelopes`` what AWS sends it
- ``policy`` the operator's typed configuration, ``settings`` one frozen object per function
- ``incident`` the state of one open problem, ``journal`` the hash-chained record of every decision about it
- ``decisions`` pure functions: state and time in, a decision with its reason out
- ``remedies`` one file = one healing action
- ``aws`` adapters, one file per service; the only place that imports boto3
- ``errors`` stable codes; ``clock`` the one way to write an instant
"""
