"""Real nodes push: by an association, as in AWS, with the key that each of them was given."""

from __future__ import annotations

import pytest

from nightshift import probe, pushing
from tests.contract.fleet.harness import wait_for
from tests.contract.pushing import MASTER, door
from tools.local.fleet.keys import bring_push_key

EVERY_NODE = [{"Key": "tag-key", "Values": ["nightshift:group"]}]


def test_a_node_s_key_is_derived_as_the_cloud_derives_it(tmp_path):
    """The fleet cannot import the layer; a master that is not there makes no key."""
    (tmp_path / "master").write_text(MASTER)
    bring_push_key(tmp_path / "master", "i-0a1b2c3d4e5f60718", tmp_path / "machine" / "push.key")
    key = tmp_path / "machine" / "push.key"
    assert key.read_text().strip() == pushing.node_key(MASTER, "i-0a1b2c3d4e5f60718").hex()
    assert key.stat().st_mode & 0o777 == 0o600
    bring_push_key(tmp_path / "none", "i-0a1b2c3d4e5f60718", tmp_path / "other")
    assert not (tmp_path / "other").exists()


def associate(fleet, mode, url):
    """What the stack asks State Manager for."""
    made = fleet.ssm.create_association(
        Name="Nightshift-push_samples",
        Targets=EVERY_NODE,
        Parameters={"Mode": [mode], "Url": [url]},
    )
    return made["AssociationDescription"]["AssociationId"]


def test_every_node_pushes_also_the_one_that_comes_later_until_it_is_told_to_stop(fleet):
    """Supervised, with the real probe, genuinely signed; and nothing of it is left."""
    with door() as server:
        first = associate(fleet, "interval", server.url)
        now = {node["id"] for node in fleet.nodes(state="in_service")}
        wait_for(lambda: server.nodes == now, 60)
        fleet.scaling.set_desired_capacity(AutoScalingGroupName="nightshift-api-test", DesiredCapacity=2)
        wait_for(lambda: len(server.nodes) == len(now) + 1, 60)
        assert {status for status, _ in server.requests} == {202}
        sample = probe.parse(server.lines[-1])
        assert any(disk.mount.startswith("quota:") for disk in sample.disks)
        fleet.scaling.set_desired_capacity(AutoScalingGroupName="nightshift-api-test", DesiredCapacity=1)
        wait_for(lambda: len(fleet.nodes(state="in_service")) == len(now), 30)
        associate(fleet, "off", server.url)
        fleet.ssm.delete_association(AssociationId=first)
        wait_for(lambda: not list(fleet.home.glob("machines/*/state/push")), 30)


def test_an_association_that_could_not_run_is_refused(fleet):
    """Its document and its parameters are checked at once."""
    with pytest.raises(fleet.ssm.exceptions.InvalidParameters):
        associate(fleet, "always", "https://example.com/samples")
    with pytest.raises(fleet.ssm.exceptions.AssociationDoesNotExist):
        fleet.ssm.delete_association(AssociationId="7d2f2a5e-0000-4000-8000-000000000000")
