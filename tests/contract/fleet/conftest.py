"""One fleet of real nodes for the tests of this folder."""

import pytest

from tests.contract.fleet.harness import FleetUnderTest, wait_for
from tests.contract.fleet.stub_cloud import stub_cloud


@pytest.fixture(scope="session")
def fleet(tmp_path_factory):
    """Two web nodes and one api node, without any release at first."""
    with stub_cloud() as cloud:
        fleet = FleetUnderTest(tmp_path_factory.mktemp("fleet"), cloud)
        fleet.start()
        try:
            fleet.create_group("web", 2)
            fleet.create_group("api", 1)
            yield fleet
        finally:
            fleet.stop()


@pytest.fixture
def web(fleet):
    """A web node that serves version 1.0.0, repaired if the test before left it broken."""
    node_id = wait_for(lambda: fleet.nodes("web", "in_service"))[0]["id"]
    if fleet.is_up(node_id) != 1.0:
        assert fleet.install(node_id, "rebuild")["Status"] == "Success"
        wait_for(lambda: fleet.is_up(node_id) == 1.0)
    return fleet.node(node_id)
