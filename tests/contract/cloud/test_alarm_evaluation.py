"""The pure evaluation of alarms: AWS's documented tables, and the open period."""

from __future__ import annotations

import pytest

from tools.local.cloud.alarms.evaluation import Rule, Sample, evaluate

NOW = 1_000.5  # the open period is [1000, 1001)


def rule(**changed):
    given = {
        "statistic": "Average",
        "period": 1,
        "evaluation_periods": 3,
        "datapoints_to_alarm": 3,
        "threshold": 0.5,
        "comparison": "GreaterThanThreshold",
        "treat_missing": "missing",
    }
    return Rule(**{**given, **changed})


def average(samples):
    values = [sample.point["Value"] for sample in samples]
    return sum(values) / len(values)


def judged(row, now=NOW, statistic=average, **changed):
    """Evaluate a row such as "0 - X - X": one mark per closed period, the newest last."""
    marks = row.split()
    values = {"0": 0.0, "X": 1.0}
    newest = int(now) - 1
    samples = [
        Sample(newest - back + 0.25, 1.0, {"Value": values[mark]})
        for back, mark in enumerate(reversed(marks))
        if mark != "-"
    ]
    return evaluate(rule(**changed), samples, statistic, now)


# The tables in AWS's "Configuring how CloudWatch alarms treat missing data"; None keeps the state.
TREATMENTS = ("missing", "ignore", "breaching", "notBreaching")
NO_DATA = "INSUFFICIENT_DATA"
THREE_OF_THREE = {
    "0 - X - X": ("OK", "OK", "OK", "OK"),
    "0 - - - -": ("OK", "OK", "OK", "OK"),
    "- - - - -": (NO_DATA, None, "ALARM", "OK"),
    "0 X X - X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "- - X - -": ("ALARM", None, "ALARM", "OK"),
}
TWO_OF_THREE = {
    "0 - X - X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "0 0 X 0 X": ("ALARM", "ALARM", "ALARM", "ALARM"),
    "0 - X - -": ("OK", "OK", "ALARM", "OK"),
    "- - - - 0": ("OK", "OK", "ALARM", "OK"),
    "- - - X -": ("ALARM", None, "ALARM", "OK"),
}
CASES = [
    (row, needed, treatment, expected)
    for needed, table in ((3, THREE_OF_THREE), (2, TWO_OF_THREE))
    for row, answers in table.items()
    for treatment, expected in zip(TREATMENTS, answers, strict=True)
]


@pytest.mark.parametrize(("row", "needed", "treatment", "expected"), CASES)
def test_missing_data_is_treated_as_aws_documents(row, needed, treatment, expected):
    """Each row of AWS's tables gives the state that AWS gives."""
    # The tables count a range of five with three needed; "breaching" of the middle row fills two.
    assert judged(row, datapoints_to_alarm=needed, treat_missing=treatment).state == expected


def test_a_single_early_breach_does_not_alarm_yet():
    """With data missing, one new breaching point alone is not as old as the alarm demands."""
    assert judged("- - - - X").state is None


def test_the_open_period_counts_once_it_can_only_get_worse():
    """A minimum below its threshold alarms before its period closes; an average waits."""
    samples = [Sample(at, 1.0, {"Value": 0.0}) for at in (998.5, 999.5, 1000.1)]
    low = {"threshold": 1.0, "comparison": "LessThanThreshold"}
    minimum = evaluate(rule(statistic="Minimum", **low), samples, average, NOW)
    assert minimum.state == "ALARM"
    assert [point.start for point in minimum.evaluated] == [998, 999, 1000]
    assert evaluate(rule(statistic="Average", **low), samples, average, NOW).state is None


def test_an_open_period_that_looks_healthy_decides_nothing():
    """A good value in the open period may still turn bad, so it is not looked at."""
    samples = [Sample(999.5, 1.0, {"Value": 0.0}), Sample(1000.1, 1.0, {"Value": 1.0})]
    low = {"threshold": 1.0, "comparison": "LessThanThreshold", "statistic": "Minimum"}
    judged_low = evaluate(rule(evaluation_periods=1, datapoints_to_alarm=1, **low), samples, average, NOW)
    assert judged_low.state == "ALARM"


def test_start_is_the_earliest_breaching_point_that_was_evaluated():
    """An alarm's startDate is when the breach that decided it began."""
    verdict = judged("0 0 X X X")
    assert (verdict.state, verdict.start) == ("ALARM", 997)
    assert verdict.reason == (
        "Threshold Crossed: 3 out of the last 3 datapoints [1.0, 1.0, 1.0] were greater than "
        "the threshold (0.5) (minimum 3 datapoints for OK -> ALARM transition)."
    )


def test_periods_are_aligned_to_the_clock():
    """Samples of one aligned period are one data point, wherever the evaluation stands in it."""
    samples = [Sample(at, 1.0, {"Value": 1.0}) for at in (600.0, 659.9, 660.0)]
    verdict = evaluate(rule(period=60, evaluation_periods=2, datapoints_to_alarm=2), samples, average, 725.0)
    assert [(point.start, point.count) for point in verdict.evaluated] == [(600, 2.0), (660, 1.0)]
    assert verdict.state == "ALARM"
