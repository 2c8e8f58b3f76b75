"""EC2: what a machine is called."""

from __future__ import annotations

from nightshift.aws.session import client


def name_of(node_id: str) -> str:
    """The instance's ``Name`` tag; its id when it has none."""
    reservations = client("ec2").describe_instances(InstanceIds=[node_id])["Reservations"]
    tags = [tag for one in reservations for instance in one["Instances"] for tag in instance.get("Tags", [])]
    return next((str(tag["Value"]) for tag in tags if tag["Key"] == "Name"), node_id)
