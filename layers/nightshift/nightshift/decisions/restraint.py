"""The guards that hold healing back: not again and again, not too often in a group, not too much at once."""

from __future__ import annotations

from nightshift import clock
from nightshift.amounts import at_least, at_most
from nightshift.decisions import efficacy
from nightshift.decisions.situation import Admission, Situation


def flapping(situation: Situation) -> Admission | None:
    """A symptom that comes back after its heal is not healed for ever: a person finds out why, once."""
    if not situation.untouched or situation.node is None:
        return None
    limit, window = situation.healing.flapping.heals, situation.healing.flapping.window_seconds
    begin = clock.iso(situation.now - clock.seconds(window))
    for name in situation.ill:
        heals = [one for one in situation.node.healed.get(name, ()) if one >= begin]
        if len(heals) >= limit:
            reason = (
                f"{name} came back after {len(heals)} heals within {window} s (last {heals[-1]});"
                f" the limit is {limit}: flapping"
            )
            told = situation.node.flapped.get(name, "")
            if told >= begin:
                reason += f"; a person was told at {told}"
                return Admission("refuse", "flapping", reason, symptom=name, known=True)
            return Admission("refuse", "flapping", reason, symptom=name, page=True)
    return None


def group_attempts(situation: Situation) -> Admission | None:
    """The same symptom all over a group has a cause that no remedy on a node removes."""
    symptom, rung = situation.next_rung()
    if rung is None or situation.group is None:
        return None
    window = situation.healing.attempts_window_seconds
    begin = clock.iso(situation.now - clock.seconds(window))
    recent = [one for one in situation.group.attempts.values() if one.at >= begin]
    same = sum(one.symptom == symptom for one in recent)
    limit = situation.healing.symptom_attempts
    if same >= limit:
        where = f"{symptom} in {situation.group.group}"
        reason = f"{same} remedies for {where} within {window} s; the limit is {limit}"
        return situation.refuse("group_attempts", reason)
    replaced = sum(one.remedy in situation.replacing for one in recent)
    most = situation.healing.max_replacements
    if rung.remedy in situation.replacing and replaced >= most:
        reason = (
            f"{replaced} nodes of {situation.group.group} replaced within {window} s; the limit is {most}"
        )
        return situation.refuse("max_replacements", reason)
    return None


def reachability(situation: Situation) -> Admission | None:
    """A dead agent alone never replaces a node: its host must be ill too, or a remedy have run in vain.

    Three separate answers: the app's (samples), the agent's and the host's. What a node says of itself
    is evidence, never the only ground to terminate it.
    """
    _, rung = situation.next_rung()
    reach = situation.reach
    if rung is None or rung.remedy not in situation.replacing or reach.host == "no" or reach.agent != "no":
        return None
    if any(efficacy.ran(level) for level in situation.incident.levels):
        return None
    return situation.refuse("reachability", f"a dead agent alone never replaces a node: {reach.reason}")


def hearsay(situation: Situation) -> Admission | None:
    """A node is never replaced on its own word alone: a pass, a metric or its host must say the same.

    What it pushes is signed by a key that lies on it, and an illness may be one of the pusher's.
    """
    symptom, rung = situation.next_rung()
    if rung is None or rung.remedy not in situation.replacing or situation.reach.host == "no":
        return None
    fresh = clock.iso(situation.now - clock.seconds(situation.healing.stale_seconds))
    breached = situation.symptoms[symptom].breached_by
    ill = [one for one in situation.samples.get(symptom, ()) if one.at >= fresh and breached(one.value)]
    if not ill or not all(one.pushed for one in ill):
        return None
    return situation.wait(
        "hearsay",
        f"only the node's own pushes show {symptom}: an inspection has to see it before {rung.remedy}",
    )


def blast_radius(situation: Situation) -> Admission | None:
    """Never more nodes in repair than allowed, and enough healthy ones besides; counted in nodes.

    The denominator is the desired capacity. Leases that have expired do not count.
    """
    group, capacity, incident = situation.group, situation.capacity, situation.incident
    if group is None or capacity is None:
        return None
    now, wanted = clock.iso(situation.now), capacity.desired
    leased = {
        node
        for node, lease in group.leases.items()
        if lease.expires_at > now and lease.incident_id != incident.incident_id
    }
    most, needed = (
        at_most(situation.healing.max_in_repair, wanted),
        at_least(situation.healing.min_healthy, wanted),
    )
    if wanted == 0 or most == 0 or needed >= wanted:
        reason = (
            f"the policy never lets {group.group} heal: of {wanted} nodes at most {most} in repair"
            f" (max_in_repair {situation.healing.max_in_repair}) and at least {needed} healthy besides it"
            f" (min_healthy {situation.healing.min_healthy})"
        )
        return situation.refuse("blast_radius", reason)
    if len(leased) >= most:
        return situation.wait(
            "blast_radius", f"{len(leased)} of {wanted} nodes are in repair; at most {most} may be"
        )
    healthy = len(capacity.in_service - {incident.node_id, incident.subject} - leased - set(group.troubled))
    if healthy < needed:
        reason = f"{healthy} other nodes of {wanted} are healthy; at least {needed} must be"
        return situation.wait("blast_radius", reason)
    return None
