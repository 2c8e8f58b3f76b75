"""Runs the demo: a stack of its own, the scenarios in phases, the summary, and everything down again."""

from __future__ import annotations

import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from rich.console import Console

from nightshift.incident import Incident
from tools.cli import screen
from tools.cli.connection import Connection
from tools.cli.target import Target
from tools.local import stack
from tools.local.demo import bill, policy, report
from tools.local.demo.narrator import Plain, Screen, line, node_table
from tools.local.demo.pager import Pager
from tools.local.demo.scenarios import Result, Scenario
from tools.local.demo.scenarios.approval_required import ApprovalRequired
from tools.local.demo.scenarios.bad_push_rolls_back import BadPushRollsBack
from tools.local.demo.scenarios.crash_mid_heal_resumes import CrashMidHealResumes
from tools.local.demo.scenarios.disk_cleaned import DiskCleaned
from tools.local.demo.scenarios.flapping_pages import FlappingPages
from tools.local.demo.scenarios.inspection_finding_heals import InspectionFindingHeals
from tools.local.demo.scenarios.manual_rollback import ManualRollback
from tools.local.demo.scenarios.push_deploys import PushDeploys
from tools.local.demo.scenarios.rebuild_container import RebuildContainer
from tools.local.demo.scenarios.replace_node import ReplaceNode
from tools.local.demo.scenarios.restart_service import RestartService
from tools.local.demo.scenarios.run_command_ssm_and_ssh import RunCommandSsmAndSsh
from tools.local.demo.scenarios.spike_ignored import SpikeIgnored
from tools.local.demo.scenarios.storm_guard import StormGuard
from tools.local.demo.scenarios.sustained_healed import SustainedHealed
from tools.local.demo.scenarios.unhealable_pages_once import UnhealablePagesOnce
from tools.local.demo.world import World
from tools.local.paths import home

LOOK_SECONDS = 0.3
# The first three one by one, so that a person can follow; the slower ones together.
PHASES: tuple[tuple[type, ...], ...] = (
    (RestartService,),
    (RebuildContainer,),
    (ReplaceNode,),
    (ApprovalRequired,),
    (StormGuard,),
    (UnhealablePagesOnce, SpikeIgnored, SustainedHealed, DiskCleaned),
    (FlappingPages, CrashMidHealResumes),
    (InspectionFindingHeals,),
    (RunCommandSsmAndSsh,),
    (PushDeploys,),
    (BadPushRollsBack,),
    (ManualRollback,),
)


def run(*, plain: bool) -> int:
    """The whole demo; 0 when every scenario passed and every journal verifies."""
    console, began = screen.console(), time.monotonic()
    plain = plain or not sys.stdout.isatty()
    try:
        with Pager() as pager:
            started = stack.up(
                lambda text: console.print(f"{time.monotonic() - began:7.1f} s  {text}", highlight=False)
            )
            try:
                return _play(console, pager, started["fleet"], began, plain=plain)
            finally:
                for done in stack.down():
                    console.print(f"[dim]{done}[/]")
    except stack.AlreadyUp as error:
        console.print(f"[red]error[/]: {error}; the demo breaks nodes and needs a stack of its own")
        console.print("  next: make down, then make demo")
        return 1
    except KeyboardInterrupt:
        console.print("interrupted; everything was stopped")
        return 1


def _play(console: Console, pager: Pager, fleet: str, began: float, *, plain: bool) -> int:
    connection = Connection(Target())
    pager.subscribe(connection.client("sns"), connection.client("sqs"), connection.output("PagesTopicArn"))
    policy.adopt(connection, pager.url)
    world = World(connection, pager, fleet)
    world.look()
    console.print(node_table(world.nodes, []))
    results: list[Result] = []
    with Plain(console) if plain else Screen(console) as narrator:
        for phase in PHASES:
            results += _phase([make() for make in phase], world, narrator)
    charged = bill.make(world, home() / "run" / "calls.jsonl")
    audited = report.audit(world)
    report.show(console, results, world, charged, audited)
    seconds = time.monotonic() - began
    passed = all(result.passed for result in results) and not audited.problems
    report.write(home() / stack.REPORT, results, seconds)
    verdict = "[green]all scenarios passed[/]" if passed else "[red]the demo FAILED[/]"
    console.print(f"{verdict} in {seconds:.0f} s; written to {home() / stack.REPORT}")
    return 0 if passed else 1


def _phase(scenarios: Sequence[Scenario], world: World, narrator: Plain | Screen) -> list[Result]:
    """Begin every scenario of a phase, then look until each is certain or out of patience."""
    for scenario in scenarios:
        narrator.say(f"{world.seconds:7.1f} s  >>> {scenario.title}", "bold")
        scenario.begin(world)
    began, results = world.seconds, dict[str, Result]()
    while len(results) < len(scenarios):
        _tell_news(world, narrator)
        for scenario in (one for one in scenarios if one.name not in results):
            result = scenario.judge(world)
            if result is None and world.seconds - began > scenario.patience_seconds:
                result = _undecided(scenario, world)
            if result:
                results[scenario.name] = result
                narrator.say(
                    f"{world.seconds:7.1f} s  <<< {_said(result)}",
                    f"bold {'green' if result.passed else 'red'}",
                )
        narrator.show(world)
        time.sleep(LOOK_SECONDS)
    return [results[one.name] for one in scenarios]


def _undecided(scenario: Scenario, world: World) -> Result:
    seen = [f"{one.incident_id} {one.state}: {one.reason}" for one in world.incidents[-len(PHASES) :]]
    return Result(
        name=scenario.name,
        passed=False,
        outcome="no outcome in time",
        level=0,
        seconds=scenario.patience_seconds,
        evidence={"incidents": seen},
    )


def _said(result: Result) -> str:
    verdict = "passed" if result.passed else "FAILED"
    return f"{result.name}: {verdict}, {result.outcome} after {result.seconds:.1f} s"


def _tell_news(world: World, narrator: Plain | Screen) -> None:
    start = datetime.now(UTC) - timedelta(seconds=world.seconds)
    for incident, entry in world.look():
        narrator.say(*line(incident, entry, _name(world, incident), start))
    for page in world.pager.news():
        narrator.say(f"{world.seconds:7.1f} s  PAGE by {page.channel}: {page.title}", "bold red")
        if page.channel == "webhook":
            for text in page.text.splitlines():
                narrator.say(f"{'':11}| {text}", "red")


def _name(world: World, incident: Incident) -> str:
    node = world.node_by_id(incident.node_id) or world.node_by_id(incident.subject)
    return str(node["name"]) if node else incident.node_id
