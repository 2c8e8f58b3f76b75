from __future__ import annotations

from decimal import Decimal

from nightshift.decisions.cost import Prices, Usage, estimate

PRICES = Prices(
    as_of="2026-11-01",
    state_transition=Decimal("0.000025"),
    lambda_request=Decimal("0.0000002"),
    lambda_gb_second=Decimal("0.0000133334"),
    event=Decimal("0.000001"),
    table_write=Decimal("0.00000125"),
    metric_read=Decimal("0.00001"),
    object_write=Decimal("0.000005"),
    instance_hour=Decimal("0.0208"),
)


def test_an_incident_costs_what_it_used_at_list_prices() -> None:
    """Each kind of use counts; GB-milliseconds become GB-seconds."""
    usage = Usage(transitions=20, invocations=10, gb_milliseconds=2_500, events=5, writes=40)
    assert estimate(usage, PRICES) == Decimal("0.0005") + Decimal("0.000002") + Decimal(
        "0.0000333335"
    ) + Decimal("0.000005") + Decimal("0.00005")


def test_nothing_used_costs_nothing() -> None:
    """No base fee is invented."""
    assert estimate(Usage(), PRICES) == 0
