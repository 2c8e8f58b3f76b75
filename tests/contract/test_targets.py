"""Adding a target of deployments is adding one file: these tests add one, and nothing else."""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

from nightshift import policy as policies
from nightshift import remedies, targets
from nightshift.errors import Refused
from tests.functional.deploying import commit, good, policy, push, releases, repository, walk
from tests.functional.staging import POLICY, made
from tests.functional.state import GROUP
from tests.functional.world import World
from tests.stack import stack

NAMES = targets.names()


@pytest.mark.parametrize("name", NAMES)
def test_a_target_is_a_runbook_with_what_it_needs(name: str) -> None:
    """Each function that it names has the actions that it names."""
    kind = targets.load(name)
    assert "By hand:" in (kind.__doc__ or "")
    for function, needed in kind.PERMISSIONS.items():
        granted = {action for action, _ in stack().functions[function].grants()}
        assert set(needed) <= granted, function


def test_a_target_that_there_is_not_is_refused() -> None:
    """The policy names those that there are."""
    with pytest.raises(Refused, match="there is no target ecs; there are nodes"):
        policies.read(POLICY.replace("app: web, service", "app: web, target: ecs, service"), remedies.names())


@pytest.fixture
def service(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """A second target: one more file among the others."""
    folder = Path(__file__).parent / "more_targets"
    monkeypatch.setattr(targets, "__path__", [*targets.__path__, str(folder)])
    targets.names.cache_clear()
    module = import_module("nightshift.targets.service")
    yield module
    module.RUNS.clear()
    module.BAD.clear()
    targets.names.cache_clear()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A repository with one commit."""
    return repository(tmp_path / "web")


@pytest.fixture
def world(service: Any, folder: Path) -> Iterator[World]:
    """The group's target is the second one."""
    assert "service" in targets.names()
    text = policy(folder).replace("app: web, service: web", "app: web, target: service, service: web")
    with made(text.replace("min_healthy: 1", "min_healthy: 0")) as fresh:
        good(fresh)
        yield fresh


def test_a_second_target_is_deployed_to_by_its_file_alone(world: World, folder: Path, service: Any) -> None:
    """The same plan, batches, verification, bake and end; no node is sent anything."""
    sent = len(world.ssm.commands)
    ended = walk(world, push(world, folder, commit(folder, "page", "new")))
    assert (ended.state, ended.batches) == ("Succeeded", ((GROUP,),))
    assert ended.release is not None
    assert {GROUP: ended.release.version} == service.RUNS
    assert len(world.ssm.commands) == sent
    assert releases(world).of_app("web")[-1].state_in(GROUP) == "good"


def test_a_second_target_is_rolled_back_as_the_first_is(world: World, folder: Path, service: Any) -> None:
    """A release that is not well there is taken back, to what was good."""
    deployment_id = push(world, folder, commit(folder, "page", "bad"))
    bring = service._Service.bring

    def spoiled(self: Any, order: Any, now: Any) -> Any:
        if order.release.version != "1.0.0":
            service.BAD.add(order.release.version)
        return bring(self, order, now)

    service._Service.bring = spoiled
    try:
        failed = walk(world, deployment_id)
        undone = walk(world, failed.undone_by)
    finally:
        service._Service.bring = bring
    assert (failed.state, undone.state, service.RUNS) == ("Failed", "Succeeded", {GROUP: "1.0.0"})
