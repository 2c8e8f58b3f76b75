"""What an incident cost, estimated from its journal: near what the machine did, and right to the cent."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from nightshift import journal
from nightshift.decisions.cost import Usage
from nightshift.journal import GENESIS, Note
from tests.functional.deploying import commit, good, policy, push, repository
from tests.functional.lives import exported, written
from tests.functional.machine import Machine, heal, turn
from tests.functional.staging import made
from tests.functional.world import World
from tests.unit.facts import NOW
from tools.cli import app, costing, history
from tools.cli.history import Chain, History


def restarted(world: World) -> None:
    """Level 1 helps."""


def nothing_helps(world: World) -> None:
    """All levels, then a page."""
    world.cures = set()


def replaced(world: World) -> None:
    """Only a fresh node helps."""
    world.cures = {"Welcome"}


def near(estimated: int, machine: Machine) -> bool:
    """Whether an estimate is what the machine's states were, or up to a quarter more."""
    really = len(machine.visited)
    return really <= estimated + 1 and estimated * 4 <= really * 5


@pytest.mark.parametrize("fate", [restarted, nothing_helps, replaced])
@pytest.mark.parametrize("symptom", ["service_down", "cpu_sustained"])
def test_estimated_transitions_are_near_the_machines_own(
    world: World, fate: Callable[[World], None], symptom: str
) -> None:
    """The journal does not hold each look: what is worked out is on the high side, by a quarter at most."""
    fate(world)
    sick, _ = world.instances()
    world.fall_ill(sick, symptom, 5)
    incident_id, machine = heal(world, sick, symptom)
    (chain,) = [one for one in written().chains if one.name == incident_id]
    estimated = costing.count(chain, written().given).usage.transitions
    assert near(estimated, machine)


def test_a_deployments_transitions_are_near_too(tmp_path: Path) -> None:
    """Polls are worked out from its poll time."""
    folder = repository(tmp_path)
    with made(policy(folder)) as world:
        good(world)
        deployment_id = push(world, folder, commit(folder, "page", "new"))
        machine = Machine(world, deployment_id, "deploy")
        while not machine.over:
            if not machine.advance() and not turn(world):
                world.pass_time(1)
        (chain,) = [one for one in written().chains if one.name == deployment_id]
        estimated = costing.count(chain, written().given).usage.transitions
        assert near(estimated, machine)


def fixture(folder: Path) -> Path:
    """A journal written down by hand: a page without a try, 90 s after it was opened."""
    notes = [
        (0, Note("opened", "open_incident", "opened", "ServiceUp below 1")),
        (90, Note("admission", "admit_incident", "refuse", "nothing is left to try")),
        (91, Note("page", "notify", "sent", "paged")),
        (92, Note("closed", "close_incident", "escalated", "nothing is left to try")),
    ]
    entries: list[journal.Entry] = []
    for seq, (seconds, note) in enumerate(notes, start=1):
        previous = entries[-1].hash if entries else GENESIS
        at = NOW + timedelta(seconds=seconds)
        entries.append(journal.link("inc-20261123-0123456789", seq, previous, at, note))
    chain = Chain("inc-20261123-0123456789", tuple(entries), entries[-1].hash)
    file = folder / "export.jsonl"
    file.write_text("".join(f"{line}\n" for line in history.lines(History((chain,), {}.get))))
    return file


def test_it_is_right_to_the_cent(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """By hand: 6 transitions, 5 invocations of 128 MB s, 3 events, 4 entries of 8 write units."""
    file = fixture(tmp_path)
    assert app.main(["cost", "--file", str(file), "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    by_hand = {
        "transitions": 6 * Decimal("0.000025"),
        "invocations": 5 * Decimal("0.0000002"),
        "gb_milliseconds": Decimal("0.625") * Decimal("0.0000133334"),
        "events": 3 * Decimal("0.000001"),
        "writes": 32 * Decimal("0.000000625"),
    }
    assert found["usage"]["transitions"] == 6
    assert found["usage"]["gb_milliseconds"] == 625
    for name, price in by_hand.items():
        assert found["usd_by_kind"][name] == f"{price:.8f}", name
    assert found["usd"] == f"{sum(by_hand.values()):.8f}"


def test_a_month_is_the_sum_of_what_began_in_it(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Of a file here; another month has nothing, and what is no month is a usage error."""
    sick, _ = world.instances()
    for _ in range(2):
        world.fall_ill(sick)
        heal(world, sick)
        world.pass_time(60)
    file = str(exported(tmp_path))
    capsys.readouterr()
    assert app.main(["cost", "--file", file, "--month", "2026-11", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    parts = [Decimal(one["usd"]) for one in found["chains"]]
    assert len(parts) == 2
    assert abs(sum(parts) - Decimal(found["usd"])) <= Decimal("0.00000001")
    assert app.main(["cost", "--file", file, "--month", "2026-10", "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["usage"] == vars(Usage())
    assert app.main(["cost", "--month", "November"]) == 2


def test_a_replacement_costs_the_time_that_nobody_is_served(
    world: World, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """From the order to the successor's verification, at the price of an hour that is said."""
    world.cures = {"Welcome"}
    sick, _ = world.instances()
    world.fall_ill(sick)
    heal(world, sick)
    file = str(exported(tmp_path))
    capsys.readouterr()
    assert app.main(["cost", "--file", file, "--instance-usd", "3.6", "--json"]) == 0
    found = json.loads(capsys.readouterr().out)
    seconds = found["usage"]["instance_seconds"]
    assert seconds > 3
    assert found["usd_by_kind"]["instance_seconds"] == f"{Decimal(seconds) / 1000:.8f}"
    assert app.main(["cost", "--file", file, "--instance-usd", "much"]) == 2
