"""That a deployment began or went well is told where its app wants it, and nowhere else."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.functional.deploying import commit, good, policy, push, repository, walk
from tests.functional.machine import Machine
from tests.functional.staging import made


@pytest.mark.parametrize("wanted", ["", "started", "succeeded", "started, succeeded"])
def test_an_app_says_what_is_told(tmp_path: Path, wanted: str) -> None:
    """Once each, also when the events come twice; the end tells how long the stages took."""
    folder = repository(tmp_path / "web")
    text = policy(folder).replace("    credentials: web\n", f"    announce: [{wanted}]\n")
    with made(text) as world:
        good(world)
        began = push(world, folder, commit(folder, "page", "new"))
        machine = Machine(world, began, "deploy")
        machine.run(until="AdvanceDeployment")
        for _ in range(2):
            detail = world.events("DeploymentStarted")[-1]
            event = {"source": "nightshift", "detail-type": "DeploymentStarted", "detail": detail}
            world.invoke("notify", event)
        assert walk(world, began, machine).state == "Succeeded"
        told = [(page["Subject"], page["Message"]) for page in world.pages()]
    titles = {"started": "is being deployed", "succeeded": "was deployed"}
    expected = [title for name, title in titles.items() if name in wanted]
    assert [title in subject for title, (subject, _) in zip(expected, told, strict=True)] == [True] * len(
        told
    )
    if "succeeded" in wanted:
        assert "batch 1 installed" in told[-1][1]
        assert "by Ada <ada@example.com>: change page" in told[-1][1]
