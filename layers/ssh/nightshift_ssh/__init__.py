"""SSH to nodes that no SSM agent runs on; the only place that imports paramiko.

Where to look:

- ``login`` whom to reach and as whom; ``hosts`` which host keys are believed
- ``command`` what to run, and what came of it; ``connection`` one connection, by exec
- ``wire`` what is set on sockets and on paramiko, and why; ``deadline`` the time that is left
"""
