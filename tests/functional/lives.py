"""Incidents of every kind lived to their end, and their journals as an export holds them."""

from __future__ import annotations

from pathlib import Path

from nightshift.aws import tables
from nightshift.aws.journals import Journals
from tests.functional.machine import Machine, heal
from tests.functional.world import World
from tests.stack import stack
from tools.cli import history
from tools.cli.history import Chain, History


def healed(world: World) -> None:
    """Level 1 helps."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    heal(world, sick)


def sustained(world: World) -> None:
    """It waits until the symptom has lasted."""
    sick, _ = world.instances()
    world.fall_ill(sick, "cpu_sustained", 5)
    heal(world, sick, "cpu_sustained")


def cleaned(world: World) -> None:
    """A full disk."""
    sick, _ = world.instances()
    world.fall_ill(sick, "disk_full")
    heal(world, sick, "disk_full")


def replaced(world: World) -> None:
    """All three levels."""
    sick, _ = world.instances()
    world.cures = {"Welcome"}
    world.fall_ill(sick)
    heal(world, sick)


def in_vain(world: World) -> None:
    """Nothing helps, and a person is paged."""
    sick, _ = world.instances()
    world.cures = set()
    world.fall_ill(sick)
    heal(world, sick)


def flapping(world: World) -> None:
    """It comes back until a person is told."""
    for _ in range(2):
        healed(world)
        world.pass_time(60)


def storm(world: World) -> None:
    """Both nodes at once."""
    both = world.instances()
    for node in both:
        world.fall_ill(node)
        world.speak(node)
    for node in both:
        world.invoke("admit_incident", {"incident_id": world.subject(node).open_incident})


def written() -> History:
    """Every chain of the world, as ``journal export`` reads it."""
    store = Journals(stack().ref("JournalTable"), stack().ref("ArtifactsBucket"))
    items = tables.pages("scan", TableName=stack().ref("JournalTable"), ConsistentRead=True)
    names = sorted({item["chain"] for item in items})
    chains = tuple(Chain(name, entries := tuple(store.read(name)), entries[-1].hash) for name in names)
    return History(chains, store.given)


def exported(folder: Path) -> Path:
    """The file of an export."""
    file = folder / "export.jsonl"
    file.write_text("".join(f"{line}\n" for line in history.lines(written())))
    return file


def joined(world: World) -> None:
    """A second symptom joins, whose name sorts before the first one's."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    world.speak(sick)
    world.fall_ill(sick, "cpu_sustained")
    world.speak(sick, "cpu_sustained")
    Machine(world, world.subject(sick).open_incident).run()


EVERY = (healed, sustained, cleaned, replaced, in_vain, flapping, storm, joined)
