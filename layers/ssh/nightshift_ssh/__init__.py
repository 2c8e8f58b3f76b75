"""SSH to nodes that no SSM agent runs on; the only place that imports paramiko.

Where to look:

- ``login`` whom to reach and as whom; ``hosts`` which host keys are believed
- ``command`` what to run, and what came of it; ``connection`` one connection, by exec
- ``shell`` many commands through one ``sh``, for warm connections
- ``pool`` connections that outlive an invocation; ``fan_out`` one command on many nodes, a row for each
- ``wire`` what is set on sockets and on paramiko, and why; ``deadline`` the time that is left
"""
