"""Least privilege, both ways: every call is granted by the function's own policy, every grant is used.

The first half holds in every functional test, where a call without a grant fails at once. Here a tour
through all that functions can do collects what they used, and compares it with what they may.
"""

from __future__ import annotations

import json
import uuid
from collections.abc import Callable
from fnmatch import fnmatchcase
from pathlib import Path
from unittest.mock import patch

import asyncssh
import pytest

from nightshift import clock
from nightshift.aws import journals, session, tables
from nightshift.aws.ssh_login import KNOWN_HOSTS
from nightshift.errors import Retryable
from nightshift.fleet import Lease
from tests.functional import running
from tests.functional.calls import Call, NotGranted, check
from tests.functional.colours import OTHER, crossing, nodes, switches, two
from tests.functional.deploying import (
    asking,
    baking,
    commit,
    deployments,
    good,
    policy,
    push,
    report,
    repository,
    switched,
    walk,
)
from tests.functional.fleet import grow
from tests.functional.gate import Killed
from tests.functional.inspecting import SLOW, UNWATCHED, begin, full, hear, printed, whole
from tests.functional.machine import Machine, heal
from tests.functional.paging import on_this_machine, receiving
from tests.functional.pushing import push as push_samples
from tests.functional.staging import POLICY, made
from tests.functional.state import GROUP
from tests.functional.sweeping import stand, sweep
from tests.functional.test_approval_links import token_of, visit
from tests.functional.test_release_approvals import GATES
from tests.functional.world import World
from tests.samples import sample
from tests.stack import stack

FUNCTIONS = stack().functions


def everything_in_vain(world: World) -> None:
    """All three levels, a page, and the end that a person brings."""
    sick, _ = world.instances()
    world.cures = set()
    world.fall_ill(sick)
    incident_id, _ = heal(world, sick)
    world.deliver("IncidentEscalated")
    world.pass_time(1)
    world.speak(world.incident(incident_id).subject, "disk_full")
    world.speak(world.incident(incident_id).subject, state="OK")


def replaced_at_once(world: World) -> None:
    """Every command is over before its sender knows its id, so that senders conclude by themselves."""
    sick, _ = world.instances()
    world.cures = {"Welcome"}
    world.end_at_once()
    world.fall_ill(sick)
    heal(world, sick)


def replaced_unseen(world: World) -> None:
    """A node falls silent between its admission and its replacement."""
    sick, _ = world.instances()
    world.cures = {"Welcome"}
    world.fall_ill(sick)
    order = Machine(world, world.speak(sick)["incident_id"]).run(until="ReplaceNode")
    world.readings[sick].clear()
    world.pass_time(25)
    world.tokens["token-unseen"] = None
    world.invoke("replace_node", {**order, "token": "token-unseen"})


def replacement_refused(world: World) -> None:
    """The group must not be touched; and a second alarm after the page opens anew."""
    sick, _ = world.instances()
    world.cures = set()
    session.client("autoscaling").suspend_processes(AutoScalingGroupName=GROUP, ScalingProcesses=["Launch"])
    world.fall_ill(sick)
    heal(world, sick)
    world.pass_time(5)
    world.speak(sick)


def storm(world: World) -> None:
    """Both nodes at once: the storm is told, a machine of its own pages, and its end is told."""
    both = world.instances()
    for node in both:
        world.fall_ill(node)
        world.speak(node)
    (first, _) = [world.subject(node).open_incident for node in both]
    world.invoke("admit_incident", {"incident_id": first})


def disk_cleaned(world: World) -> None:
    """Another symptom, another document."""
    sick, _ = world.instances()
    world.fall_ill(sick, "disk_full")
    heal(world, sick, "disk_full")


def policy_changed(world: World) -> None:
    """A new text is adopted."""
    key = {"Bucket": stack().ref("ArtifactsBucket"), "Key": stack().ref("PolicyKey")}
    text = session.client("s3").get_object(**key)["Body"].read()
    session.client("s3").put_object(**key, Body=text + b"\n# changed\n")
    world.invoke("adopt_policy", sample("schedule/adopt_policy"))


def anchored(world: World) -> None:
    """An hour that something happened in is over."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    world.speak(sick)
    world.pass_time(3_900)
    world.invoke("anchor_journal", sample("schedule/anchor_journal"))


def flapped(world: World) -> None:
    """It comes back as often as it is healed, and a person is told."""
    sick, _ = world.instances()
    for _ in range(2):
        world.fall_ill(sick)
        heal(world, sick)
        world.pass_time(60)


def replacement_approved(world: World) -> None:
    """A person is asked and says yes, and the machine had not heard the first time."""
    sick, _ = world.instances()
    world.cures = {"Welcome"}
    world.person = lambda incident_id: world.invoke(
        "answer_approval", {"incident_id": incident_id, "decision": "approve", "by": "ada"}
    )
    world.fall_ill(sick)
    incident_id, _ = heal(world, sick)
    world.invoke("answer_approval", sample("http/approval_show"))
    world.tokens["token-retried"] = None
    world.invoke(
        "ask_approval",
        {**sample("heal/ask_approval"), "incident_id": incident_id, "token": "token-retried"},
    )


def drained(world: World) -> None:
    """A node behind a target group is healed; and one is put back that nobody works on."""
    sick, other = world.instances()
    world.fall_ill(sick)
    heal(world, sick)
    lease = Lease(incident_id="inc-gone", fence=9, expires_at=clock.iso(clock.now()))
    tables.write(world.groups.take_lease(world.group(), other, lease, {}, clock.iso(clock.now())))
    tables.write(world.groups.drain(GROUP, other, "inc-gone"))
    world.pass_time(10)
    del world.readings[other]["DiskUsedPercent"]  # a symptom that only inspections know
    world.pass_time(30)
    sweep(world)


def swept(world: World) -> None:
    """All that sweeps look for: what nobody heard, began, ended or gave back."""
    first, second = world.instances()
    stand(first, "ALARM")
    world.broken["sfn.StartExecution"] = "ServiceUnavailable"
    with pytest.raises(Exception, match="ServiceUnavailable"):
        world.speak(second)
    world.broken.clear()
    world.pass_time(70)
    sweep(world)
    world.deliver("SignalRaised")
    paged = world.subject(second).open_incident
    world.fates[paged] = {"status": "FAILED"}
    world.pass_time(70)
    sweep(world)
    world.welcome(grow(world))
    world.finish(world.ssm.last)
    world.invoke("close_incident", {"incident_id": paged, "outcome": "escalated", "reason": "in vain"})
    world.invoke("retire_node", world.terminated(second))
    tables.write(world.groups.enroll(GROUP, "i-0forgotten", "inc-forgotten"))
    session.client("autoscaling").terminate_instance_in_auto_scaling_group(
        InstanceId=first, ShouldDecrementDesiredCapacity=False
    )
    world.ssm.offline.add(first)
    world.pass_time(130)
    sweep(world)


def inspected(world: World) -> None:
    """A finding without any metric heals; a pass with nobody to ask, one that is lost, one without agents."""
    sick, _ = world.instances()
    world.ssm.probes.answer = lambda node: ("Success", full()) if node == sick else ("Undeliverable", "")
    whole(world)
    world.time.shift(10)
    whole(world)
    hear(world, "FindingRaised")
    Machine(world, world.deliver("SignalRaised")["incident_id"]).run()
    world.ssm.probes.answer = lambda _: ("Success", printed())
    whole(world)
    begin(world)
    world.time.shift(200)
    sweep(world)
    world.ssm.offline.update(world.instances())
    begin(world)


def looked_at(world: World) -> None:
    """What only inspection sees is verified by a look of its own."""
    sick, _ = world.instances()
    world.ssm.probes.answer = lambda node: ("Success", full() if node == sick else printed())
    for _ in range(2):
        whole(world)
        world.time.shift(10)
    hear(world, "FindingRaised")
    request = {"incident_id": world.deliver("SignalRaised")["incident_id"]}
    Machine(world, request["incident_id"]).run(until="VerifyHealth")
    world.time.shift(20)
    world.handed.clear()
    world.invoke("verify_health", request)
    ((_, order),) = world.handed
    world.invoke("inspect_fleet", order)


def pushed(world: World) -> None:
    """A node says itself that its disk is full."""
    sick, _ = world.instances()
    push_samples(world, sick, full())


def commanded(world: World) -> None:
    """On nodes of both kinds: one away, one with much to say; one invocation dies; one is run again."""
    away, loud = world.instances()
    key = asyncssh.generate_private_key("ssh-ed25519").export_private_key().decode()
    world.secrets["ssh"] = json.dumps({"user": "ops", "private_key": key})
    session.client("s3").put_object(Bucket=stack().ref("ArtifactsBucket"), Key=KNOWN_HOSTS, Body=b"")
    world.ssm.offline.add(away)
    world.ssm.runs.answer = lambda _: ("Success", "x" * 5_000, 0)
    ended, _ = running.run(world)
    world.ssm.offline.clear()
    running.run(world, argv=[], selector={}, retry_of=ended.command_id)

    world.ssm.runs.answer = lambda _: ("Failed", "", 1)
    running.run(world, max_errors=0)
    world.ssm.runs.answer = lambda _: ("Success", "", 0)

    def die(when: str, who: str) -> None:
        if when == "after" and who == "run_command ssm.SendCommand":
            world.pulse = None
            raise Killed

    begin(world)
    while world.handed:
        name, event = world.handed.pop(0)
        world.invoke(name.removeprefix("nightshift-"), event)
    command_id = running.order(world, selector={"nodes": [loud]})
    world.pulse = die
    running.walk(world, command_id)


def converged(world: World) -> None:
    """A node that missed its group's release is brought to it."""
    good(world)
    tables.write(world.nodes.change(world.instances()[0], release="0.9.0"))
    sweep(world)


def deployed(world: World, folder: Path) -> None:
    """A push, one by hand, and one that fails on every node, as does its rollback."""
    good(world)
    for values in world.readings.values():  # a symptom that only inspections know
        del values["DiskUsedPercent"]
    world.pass_time(25)
    sha = commit(folder, "page", "one")
    report(world, sha)
    report(world, sha, "scan", secret="scan")
    began = push(world, folder, sha)
    world.speak(baking(world, began))
    walk(world, began)
    world.end_at_once()
    order = {"id": str(uuid.uuid4()), "app": "web", "by": "ada", "version": "1.0.0"}
    walk(world, world.invoke("start_deployment", order)["deployments"][0])
    world.endings["InstallRelease"] = ("Failed", "did not start")
    sha = commit(folder, "page", "two")
    report(world, sha)
    report(world, sha, "scan", secret="scan")
    failed = walk(world, push(world, folder, sha))
    walk(world, failed.undone_by)
    world.invoke("find_pushes", sample("schedule/find_pushes"))
    commit(folder, "page", "three")
    world.invoke("find_pushes", sample("schedule/find_pushes"))
    world.broken["sfn.StartExecution"] = "ServiceUnavailable"
    with pytest.raises(Exception, match="ServiceUnavailable"):
        push(world, folder, commit(folder, "page", "four"))
    world.broken.clear()
    world.fates[push(world, folder, commit(folder, "page", "five"))] = {"status": "FAILED"}
    world.pass_time(70)
    sweep(world)


def told(world: World) -> None:
    """A commit's home is told of it; nobody listens at that address."""
    with pytest.raises(Retryable):
        world.deliver("DeploymentStarted")


def crossed(world: World, folder: Path) -> None:
    """Requests go to the other group, and back from one that does not last."""
    walk(world, push(world, folder, commit(folder, "page", "colour")))
    began = push(world, folder, commit(folder, "page", "pale"))
    machine = crossing(world, began)
    world.fall_ill(nodes(GROUP)[0])
    walk(world, began, machine)
    assert switches(world) == [OTHER, GROUP, OTHER]


def release_approved(world: World, folder: Path) -> None:
    """A person is asked about a release, by a question that is retried, looks at its link and says yes."""
    good(world)
    began, _ = asking(world, folder)
    visit(world, token_of(world))
    world.tokens["token-retried"] = None
    order = {**sample("heal/ask_approval"), "incident_id": "", "deployment_id": began}
    version = deployments(world).get(began).approval.remedy
    world.invoke("answer_approval", {"deployment_id": began, "decision": "approve", "by": "ada"})
    world.invoke("ask_approval", {**order, "remedy": version, "token": "token-retried"})


def told_by_a_channel(world: World) -> None:
    """A question and a page go to a channel whose address is a secret."""
    with receiving() as server, on_this_machine(world):
        world.secrets["hook"] = server.url
        world.person = lambda incident_id: world.invoke(
            "answer_approval", {"incident_id": incident_id, "decision": "approve", "by": "ada"}
        )
        everything_in_vain(world)
        assert {page["kind"] for page in server.got} == {"approval", "incident"}


def digested(world: World) -> None:
    """Something heals by itself, and is read about in the morning."""
    sick, _ = world.instances()
    world.fall_ill(sick)
    heal(world, sick)
    world.time.shift(1)
    with receiving() as server, on_this_machine(world):
        world.secrets["hook"] = server.url
        assert world.invoke("send_digest", sample("schedule/send_digest"))["sent"] == ["hook", "sns"]


TOUR: tuple[Callable[[World], None], ...] = (
    everything_in_vain,
    replaced_at_once,
    replaced_unseen,
    replacement_refused,
    storm,
    disk_cleaned,
    policy_changed,
    replacement_approved,
    flapped,
    told_by_a_channel,
    digested,
    anchored,
    swept,
    inspected,
    looked_at,
    drained,
    pushed,
    commanded,
)


TOLD = """
notify:
  channels: { hook: { kind: webhook, secret: hook } }
  routes: [{ to: [hook] }]
  digest: [hook, sns]
"""
#: Journeys under a policy of their own.
CAREFUL = {
    replacement_approved: POLICY + "  approval_for: [high]\n",
    told_by_a_channel: POLICY + "  approval_for: [high]\n" + TOLD,
    digested: POLICY + TOLD,
    flapped: POLICY.replace("heals: 9", "heals: 1"),
    inspected: UNWATCHED,
    looked_at: SLOW,
    drained: switched(POLICY),
    pushed: UNWATCHED,
    commanded: running.ALLOWED + "ssh: { nodes: { rack: { host: 127.0.0.1, port: 9, group: depot } } }\n",
}


@pytest.fixture(scope="module")
def used(tmp_path_factory: pytest.TempPathFactory) -> set[Call]:
    """Every permission that was used on the tour, on which what decisions are given is always kept apart."""
    found: set[Call] = set()
    with patch.object(journals, "INLINE", 0):
        _travel(found, tmp_path_factory.mktemp("git") / "web")
    return found


def _travel(found: set[Call], git: Path) -> None:
    for journey in TOUR:
        with made(CAREFUL.get(journey, POLICY)) as world:
            journey(world)
            found |= set(world.calls)
    folder = repository(git)
    gated = policy(folder).replace(
        "    credentials: web\n",
        "    credentials: web\n    gates: [ci, { name: scan, secret: scan }]\n"
        "    commit_status: { provider: github, credentials: web, url: 'http://127.0.0.1:1' }\n",
    )
    with made(switched(gated)) as world:
        deployed(world, folder)
        told(world)
        found |= set(world.calls)
    with two(folder) as world:
        crossed(world, folder)
        found |= set(world.calls)
    with made(policy(folder)) as world:
        converged(world)
        found |= set(world.calls)
    with made(policy(folder).replace("    credentials: web\n", GATES)) as world:
        release_approved(world, folder)
        found |= set(world.calls)


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_grant_of_a_function_is_used(name: str, used: set[Call]) -> None:
    """An action on a resource that nothing ever does is a permission too much."""
    idle = [
        (action, resource)
        for action, resource in FUNCTIONS[name].grants()
        if not any(
            call.function == name and call.action == action and fnmatchcase(call.resource, resource)
            for call in used
        )
    ]
    assert idle == []


@pytest.mark.parametrize("name", sorted(FUNCTIONS))
def test_every_call_of_a_function_is_granted(name: str, used: set[Call]) -> None:
    """Per table, queue, document and alarm; not by action alone."""
    mine = {call for call in used if call.function == name}
    assert mine
    assert [call for call in mine if not FUNCTIONS[name].may(call.action, call.resource)] == []


@pytest.mark.parametrize(
    ("service", "operation", "parameters"),
    [
        ("dynamodb", "PutItem", {"TableName": "nightshift-NodesTable"}),
        (
            "dynamodb",
            "TransactWriteItems",
            {"TransactItems": [{"Put": {"TableName": "nightshift-NodesTable"}}]},
        ),
        ("dynamodb", "Scan", {"TableName": "nightshift-PoliciesTable"}),
        ("ssm", "SendCommand", {"DocumentName": "AWS-RunShellScript", "InstanceIds": ["i-1"]}),
        ("s3", "GetObject", {"Bucket": "nightshift-artifactsbucket", "Key": "policy/nightshift.yaml"}),
        ("auto-scaling", "TerminateInstanceInAutoScalingGroup", {}),
        ("auto-scaling", "DescribeAutoScalingGroups", {}),
    ],
)
def test_a_call_that_is_not_granted_is_noticed(
    service: str, operation: str, parameters: dict[str, object]
) -> None:
    """The check itself is checked: apply_remedy may do none of these."""
    with pytest.raises(NotGranted, match="apply_remedy may not"):
        check(FUNCTIONS["apply_remedy"], service, operation, parameters)
