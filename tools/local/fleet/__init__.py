"""The local fleet: real supervised nodes, and the AWS services that stand on their side.

It serves SSM Run Command (really executing `documents/` on the nodes), runs moto's server for
Auto Scaling and EC2, boots a node for every instance of a group, publishes the nodes' metrics,
and is the traffic target of every group.
"""
