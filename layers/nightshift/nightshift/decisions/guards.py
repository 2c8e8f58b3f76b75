"""The guards: each sees the whole situation, and objects with its reason or answers ``None``.

Adding a guard is adding a function here and naming it in ``ORDER``; the first that objects decides.
"""

from __future__ import annotations

from collections.abc import Callable

from nightshift import clock
from nightshift.decisions import health
from nightshift.decisions.consent import approval
from nightshift.decisions.fresh_release import fresh_release
from nightshift.decisions.maintenance import maintenance
from nightshift.decisions.restraint import blast_radius, flapping, group_attempts, hearsay, reachability
from nightshift.decisions.situation import Admission, Situation
from nightshift.decisions.storm import gather, storm, storm_itself
from nightshift.fleet import Lease


def still_open(situation: Situation) -> Admission | None:
    """A closed incident gave its lease back: whoever closed it, nothing more is done for it."""
    state = situation.incident.state
    return None if state == "open" else Admission("refuse", "still_open", f"the incident is {state} already")


def deadline(situation: Situation) -> Admission | None:
    """Every incident ends: one that is not over by its deadline is given to a person."""
    if situation.now < situation.ends_by:
        return None
    return Admission(
        "refuse", "deadline", f"not over within {situation.healing.deadline_seconds} s", page=True
    )


def paused(situation: Situation) -> Admission | None:
    """While somebody paused Nightshift, nothing new is done to any node."""
    if not situation.pause:
        return None
    return situation.wait(
        "pause", f"paused by {situation.pause.by} at {situation.pause.at}: {situation.pause.why}"
    )


def known_node(situation: Situation) -> Admission | None:
    """Only a node of the inventory, in service, may be acted upon."""
    node = situation.node
    if node is None:
        return Admission("refuse", "known_node", f"{situation.incident.node_id} is not in the inventory")
    if situation.group is None or not situation.symptoms:
        return Admission(
            "refuse", "known_node", f"the policy knows no group {node.group!r} with these symptoms"
        )
    if node.state == "terminated":
        # A touched node that is gone without a successor: the replacement did not come.
        return Admission(
            "refuse", "known_node", f"{node.name} has left its group", page=not situation.untouched
        )
    if node.state == "in_service":
        return None
    failed = situation.incident.current
    if failed and failed.outcome == "failed" and failed.remedy in situation.replacing:
        # The release is sent once: nothing but a person brings this node into service now.
        release = situation.group.desired_release
        why = failed.detail or "it did not answer in time"
        what = f"release {release.version}" if release else "its release"
        return situation.refuse("known_node", f"the successor {node.name} could not install {what}: {why}")
    return situation.wait("known_node", f"{node.name} is {node.state}, not in service yet")


def evidence(situation: Situation) -> Admission | None:
    """Nothing is done on an alarm's word alone: fresh samples must show the symptom.

    Silence is not illness: a node that sends no samples may only have a dead agent, so a person is
    asked; unless nothing was done yet and every alarm is quiet again, so that nothing speaks of an illness.
    """
    readings = situation.readings()
    silent = [f"{name}: {reading.reason}" for name, reading in readings.items() if reading.state == "silent"]
    if situation.dead or not silent or any(reading.state == "ill" for reading in readings.values()):
        return None
    if situation.untouched and all(heard.cleared_at for heard in situation.incident.symptoms.values()):
        quiet = "; ".join(f"{name} at {one.cleared_at}" for name, one in situation.incident.symptoms.items())
        reason = f"its alarms are quiet and nothing says otherwise: {quiet}; {'; '.join(silent)}"
        return situation.refuse("evidence", reason, page=False)
    heard = clock.parse(situation.incident.symptoms[situation.incident.symptom].raised_at)
    if situation.now < heard + clock.seconds(situation.healing.stale_seconds):
        return situation.wait("evidence", "; ".join(silent))
    return Admission(
        "refuse",
        "evidence",
        f"cannot see the node, so nothing is done: {'; '.join(silent)}; {situation.reach.reason}",
        page=True,
    )


def recovered(situation: Situation) -> Admission | None:
    """A symptom that is gone ends an untouched incident, and sends a touched one to verification."""
    gone = health.gone(situation.readings())
    if not gone:
        return None
    if situation.untouched:
        delegated = situation.incident.wait == "fresh_release"
        how = "went away when its release was rolled back" if delegated else "went away by itself"
        return Admission("refuse", "recovered", f"the symptom {how}: {gone}")
    return Admission("allow", "recovered", f"the symptom went away late: {gone}")


def sustained(situation: Situation) -> Admission | None:
    """A spike acts on nothing: the symptom must have lasted, counted once, from ``held_since``."""
    if not situation.untouched:
        return None
    objections = []
    for name in situation.ill:
        symptom, heard = situation.symptoms[name], situation.incident.symptoms[name]
        wanted = clock.seconds(symptom.for_seconds)
        lasted, reason = health.lasted(
            symptom,
            situation.samples.get(name, ()),
            heard.held_since,
            situation.now,
            situation.healing.share_percent,
        )
        if lasted or (situation.dead and heard.held_since <= clock.iso(situation.now - wanted)):
            return None
        due = clock.parse(heard.held_since) + clock.seconds(symptom.for_seconds)
        next_sample = situation.now + clock.seconds(max(2, symptom.metric.resolution_seconds))
        objections.append((due if due > situation.now else next_sample, f"{name}: {reason}"))
    until, reason = min(objections)
    return situation.wait("sustained", reason, until)


def suspected_release(situation: Situation) -> Admission | None:
    """A release is suspected before a storm is, and as carefully as a node: shown by samples, and lasting."""
    if evidence(situation) or sustained(situation):
        return None
    return fresh_release(situation)


def cooldown(situation: Situation) -> Admission | None:
    """After a heal the same symptom on the same node rests, so that healing does not hide a relapse."""
    if not situation.untouched or situation.node is None:
        return None
    for name in situation.ill:
        healed = max(situation.node.healed.get(name, ("",)))
        rest = (
            clock.parse(healed) + clock.seconds(situation.healing.cooldown_seconds)
            if healed
            else situation.now
        )
        if rest > situation.now:
            return situation.wait(
                "cooldown",
                f"{name} was healed at {healed}; rests {situation.healing.cooldown_seconds} s",
                rest,
            )
    return None


def attempts(situation: Situation) -> Admission | None:
    """A node that needs remedy after remedy needs a person."""
    limit, window = situation.healing.attempts, situation.healing.attempts_window_seconds
    begin = clock.iso(situation.now - clock.seconds(window))
    recent = [
        attempt for attempt in (situation.node.attempts if situation.node else ()) if attempt.at >= begin
    ]
    if len(recent) < limit:
        return None
    return Admission(
        "refuse",
        "attempts",
        f"{len(recent)} remedies within {window} s on this node; the limit is {limit}",
        page=True,
    )


def lease(situation: Situation) -> Admission | None:
    """Only one incident (or deployment) acts on a node at a time.

    Asked before what may page: a deployment judges its nodes itself, and what it undoes needs nobody else.
    """
    held = holder(situation)
    if held is None:
        return None
    until = min(
        clock.parse(held.expires_at), situation.now + clock.seconds(situation.healing.recheck_seconds)
    )
    return situation.wait("lease", f"{held.incident_id} holds the node until {held.expires_at}", until)


def ladder(situation: Situation) -> Admission | None:
    """When every rung was tried, a person is asked."""
    if situation.next_rung()[1] is not None:
        return None
    tried = ", ".join(f"{level.remedy} ({level.outcome})" for level in situation.incident.levels)
    left_out = [one for name in situation.ill for one in situation.left_out(name).values()]
    reason = "; ".join([f"nothing is left to try; tried: {tried or 'nothing'}", *left_out])
    return Admission("refuse", "ladder", reason, page=True)


def holder(situation: Situation) -> Lease | None:
    """The unexpired lease of somebody else on the incident's node; expiry is judged by attribute."""
    held = situation.group.leases.get(situation.incident.node_id) if situation.group else None
    if (
        held is None
        or held.incident_id == situation.incident.incident_id
        or held.expires_at <= clock.iso(situation.now)
    ):
        return None
    return held


ORDER: tuple[Callable[[Situation], Admission | None], ...] = (
    still_open,
    storm_itself,
    deadline,
    paused,
    maintenance,
    known_node,
    recovered,
    gather,
    suspected_release,
    storm,
    evidence,
    sustained,
    lease,
    flapping,
    cooldown,
    ladder,
    reachability,
    hearsay,
    attempts,
    group_attempts,
    blast_radius,
    approval,
)
