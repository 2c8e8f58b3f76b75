"""SSH to nodes that no SSM agent runs on; the only place that imports paramiko.

Where to look:

- ``login`` whom to reach and as whom; ``hosts`` which host keys are believed; ``handshake`` how that is done
- ``command`` what to run, and what came of it; ``reading`` what it prints, as it comes
- ``connection`` one connection, by exec; ``shell`` many commands through one ``sh``
- ``exchange`` a command on a warm connection, step by step, without waiting
- ``pool`` connections that outlive an invocation, ``warm`` the one of a function
- ``fan_out`` one command on many nodes, a row for each; ``crew`` nodes that are begun one by one
- ``wire`` what is set on sockets, ``transport`` what is set on paramiko, and why; ``deadline`` the time that
  is left
"""
