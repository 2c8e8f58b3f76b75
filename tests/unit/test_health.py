from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from nightshift import clock
from nightshift.decisions.health import judge, lasted, reading
from nightshift.incident import Sample
from tests.unit.facts import NOW, at, cpu, healing, samples, symptom

SETTLE, STALE, TIMEOUT = 30, 120, 300
LIMITS = healing(settle_seconds=SETTLE, stale_seconds=STALE, verify_timeout_seconds=TIMEOUT)


# reading: what is so now


def test_no_fresh_sample_is_silence_not_illness() -> None:
    """Samples older than stale_seconds say nothing about now."""
    found = reading(symptom(), samples(0, -300, -121), NOW, LIMITS)
    assert found.state == "silent"
    assert at(-STALE) in found.reason


def test_a_sample_exactly_as_old_as_allowed_still_speaks() -> None:
    """The border belongs to fresh."""
    assert reading(symptom(), samples(0, -STALE, -STALE), NOW, LIMITS).state == "ill"


def test_well_means_no_ill_sample_within_the_settle_time() -> None:
    """One ill sample inside the settle time is enough to stay ill."""
    quiet = samples(1, -29, -1)
    assert reading(symptom(), samples(0, -60, -31) + quiet, NOW, LIMITS).state == "well"
    found = reading(symptom(), samples(0, -60, -30) + quiet, NOW, LIMITS)
    assert found.state == "ill"
    assert f"ServiceUp was 0 at {at(-30)}" in found.reason


def test_a_node_that_fell_silent_while_ill_did_not_get_well() -> None:
    """The newest sample counts however old it is, as long as it is fresh."""
    found = reading(symptom(), samples(1, -110, -90) + samples(0, -89, -80), NOW, LIMITS)
    assert found.state == "ill"
    assert at(-80) in found.reason


@given(st.lists(st.tuples(st.integers(-200, 0), st.sampled_from([0, 1])), max_size=40))
def test_ill_well_and_silent_are_told_apart_by_the_newest_samples(points: list[tuple[int, int]]) -> None:
    """Silent: nothing fresh. Ill: the newest fresh sample is, or one within the settle time. Else well."""
    series = tuple(Sample(at=at(second), value=Decimal(value)) for second, value in sorted(points))
    fresh = [(second, value) for second, value in sorted(points) if second >= -STALE]
    settling = [value for second, value in fresh if second >= -SETTLE]
    expected = "silent" if not fresh else "ill" if 0 in settling or fresh[-1][1] == 0 else "well"
    assert reading(symptom(), series, NOW, LIMITS).state == expected


# lasted: a spike is no illness


def test_what_began_too_lately_has_not_lasted() -> None:
    """However ill the samples are: the time that the alarm already waited is all that counts."""
    held, reason = lasted(symptom(for_seconds=60), samples(0), at(-59), NOW, 80)
    assert not held
    assert "less than 60 s" in reason


def test_the_border_of_the_duration_belongs_to_lasted() -> None:
    """Held since exactly for_seconds is long enough."""
    held, reason = lasted(symptom(for_seconds=60), samples(0), at(-60), NOW, 80)
    assert held
    assert reason == "60 of 60 samples of the last 60 s were ServiceUp below 1"


def test_the_share_of_ill_samples_is_counted_within_the_duration_only() -> None:
    """Earlier health or illness neither excuses nor accuses."""
    window = samples(1, -59, -49) + samples(0, -48, -1)
    assert lasted(symptom(for_seconds=60), samples(1, -150, -60) + window, at(-120), NOW, 80)[0]
    assert not lasted(symptom(for_seconds=60), samples(0, -150, -61) + window, at(-120), NOW, 82)[0]


def test_a_share_is_reached_exactly() -> None:
    """80 percent means 80 percent: 8 of 10 suffice, 7 of 10 do not."""
    ten = symptom(for_seconds=10)
    assert lasted(ten, samples(1, -10, -9) + samples(0, -8, -1), at(-20), NOW, 80)[0]
    assert not lasted(ten, samples(1, -10, -8) + samples(0, -7, -1), at(-20), NOW, 80)[0]


def test_without_samples_nothing_has_lasted() -> None:
    """An alarm's word alone proves nothing."""
    assert not lasted(symptom(), (), at(-120), NOW, 80)[0]


def test_a_sample_of_a_minute_counts_as_long_as_its_minute_reaches_into_the_window() -> None:
    """The newest whole minute began more than 60 s ago, always: it must count for a symptom of 60 s."""
    minute = symptom(
        metric={"namespace": "Nightshift", "name": "ServiceUp", "resolution_seconds": 60}, for_seconds=60
    )
    assert lasted(minute, samples(0, -100, -100, every=60), at(-100), NOW, 80)[0]
    assert not lasted(minute, samples(0, -120, -120, every=60), at(-120), NOW, 80)[0]


@given(ill=st.integers(0, 60), well=st.integers(0, 60), share=st.integers(50, 100), held=st.integers(0, 200))
def test_nothing_lasts_that_began_lately_or_was_seen_too_seldom(
    ill: int, well: int, share: int, held: int
) -> None:
    """Whatever the mix of samples: lasted needs the duration and the share."""
    for_seconds = max(1, ill + well)
    series = samples(1, -(ill + well), -ill - 1) + samples(0, -ill, -1)
    assert lasted(symptom(for_seconds=for_seconds), series, at(-held), NOW, share)[0] == (
        held >= for_seconds and ill + well > 0 and ill * 100 >= share * (ill + well)
    )


# judge: did the action help


def verdict(series: tuple[Sample, ...], acted: int = -60, now: int = 0):
    """The verdict on one symptom, ``now`` seconds after NOW, about an action at ``acted``."""
    moment = NOW + timedelta(seconds=now)
    return judge({"service_down": symptom()}, {"service_down": series}, at(acted), moment, LIMITS)


def test_samples_before_the_action_neither_help_nor_harm() -> None:
    """Old illness is what the action was for; old health is not its merit."""
    assert verdict(samples(0, -150, -60) + samples(1, -59, -1)).state == "healthy"
    assert verdict(samples(1, -150, -60)).state == "undecided"


def test_gone_must_stay_gone_for_the_settle_time() -> None:
    """Well since 20 s is not yet healed when 30 s are asked for; the answer says when to look again."""
    early = verdict(samples(1, -19, -1), acted=-20)
    assert early.state == "undecided"
    assert early.until is not None
    assert NOW < early.until <= NOW + timedelta(seconds=10)
    assert verdict(samples(1, -29, -1), acted=-30).state == "healthy"


def test_the_settle_time_begins_again_after_each_ill_sample() -> None:
    """A service that comes back, dies and comes back is watched from its last death on."""
    series = samples(1, -59, -21) + samples(0, -20, -20) + samples(1, -19, -1)
    waiting = verdict(series)
    assert waiting.state == "undecided"
    assert at(-20) in waiting.reason
    assert verdict(series, now=10).state == "healthy"


def test_still_ill_is_undecided_until_the_timeout_and_then_unhealthy() -> None:
    """A remedy gets its time, and no more."""
    assert verdict(samples(0, -59, -1), acted=-TIMEOUT + 1).state == "undecided"
    late = verdict(samples(0, -59, -1), acted=-TIMEOUT)
    assert late.state == "unhealthy"
    assert "ServiceUp is 0" in late.reason


def test_a_symptom_that_comes_and_goes_is_unhealthy_after_the_timeout() -> None:
    """A crash loop looks well now and then: the settle time may not begin anew for ever."""
    flapping = samples(1, -350, -11) + samples(0, -10, -10) + samples(1, -9, -1)
    late = verdict(flapping, acted=-TIMEOUT - SETTLE)
    assert late.state == "unhealthy"
    assert f"ill again at {at(-10)}" in late.reason
    assert verdict(flapping, acted=-TIMEOUT - SETTLE + 1).state == "undecided"


def test_a_symptom_that_went_away_long_after_the_timeout_is_healthy_once_it_settled() -> None:
    """A late cure is a cure: admission sends it here, and must not get it back for ever."""
    late = samples(0, -900, -SETTLE) + samples(1, -SETTLE + 1, -1)
    assert verdict(late, acted=-900).state == "healthy"


@given(st.lists(st.tuples(st.integers(-110, -1), st.sampled_from([0, 1])), min_size=1, max_size=20))
def test_what_admission_reads_as_well_is_never_verified_as_unhealthy(points: list[tuple[int, int]]) -> None:
    """Each sends the incident to the other in these cases: together they would never end."""
    series = tuple(Sample(at=at(second), value=Decimal(value)) for second, value in sorted(points))
    for acted in (-111, -TIMEOUT, -TIMEOUT - SETTLE, -900):
        if reading(symptom(), series, NOW, LIMITS).state == "well":
            assert verdict(series, acted).state != "unhealthy"


def test_the_next_look_is_never_after_the_timeout() -> None:
    """The verdict falls at the timeout, not a look later."""
    almost = verdict(samples(0, -59, -1), acted=-TIMEOUT + 1)
    assert almost.until == NOW + timedelta(seconds=1)


def test_silence_after_the_action_is_never_health() -> None:
    """No newer sample: undecided first, unhealthy at the timeout."""
    assert verdict(()).state == "undecided"
    silent = verdict((), acted=-TIMEOUT)
    assert silent.state == "unhealthy"
    assert "silent" in silent.reason


def test_every_joined_symptom_must_be_gone() -> None:
    """A node whose service is back while its CPU still burns is not healed."""
    both = {"service_down": symptom(), "cpu_sustained": cpu()}
    up = samples(1, -59, -1)
    assert judge(both, {"service_down": up, "cpu_sustained": samples(99)}, at(-60), NOW, LIMITS).state == (
        "undecided"
    )
    assert judge(both, {"service_down": up, "cpu_sustained": samples(9)}, at(-60), NOW, LIMITS).state == (
        "healthy"
    )


def test_without_a_known_symptom_nothing_is_verified() -> None:
    """A policy that dropped the symptom meanwhile does not make the node healthy."""
    assert judge({}, {}, at(-60), NOW, LIMITS).state == "unhealthy"


@given(
    points=st.lists(st.tuples(st.integers(-400, -1), st.sampled_from([0, 1])), max_size=30),
    acted=st.integers(-400, -1),
)
def test_a_healthy_verdict_always_rests_on_newer_well_samples(
    points: list[tuple[int, int]], acted: int
) -> None:
    """Healthy: a newer sample exists, the last one is well, none was ill within the settle time."""
    series = tuple(Sample(at=at(second), value=Decimal(value)) for second, value in sorted(points))
    found = verdict(series, acted)
    if found.state == "healthy":
        newer = [sample for sample in series if sample.at > at(acted)]
        assert newer
        assert newer[-1].value == 1
        assert all(sample.value == 1 for sample in newer if sample.at > at(-SETTLE))
        assert acted <= -SETTLE
    if found.state == "undecided":
        assert found.until is not None
        assert found.until > NOW
        assert found.until <= clock.parse(at(acted)) + timedelta(seconds=TIMEOUT + SETTLE)
