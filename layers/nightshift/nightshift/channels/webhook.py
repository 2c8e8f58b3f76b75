"""Any HTTPS address that takes JSON: a bot, a ticket system, another pager.

Gets ``{"version": "1", "dedup_key", "title", "text", "severity", "kind", "app", "group", "link"}`` and
answers 2xx. The secret holds the address. One without a secret may stand in the policy (``notify.webhooks``).
"""

from nightshift.channels import Line, Target
from nightshift.pages import Page

NEEDS = "the address, https://…"
WAKES = False


def send(page: Page, target: Target, line: Line) -> str:
    """One POST; what it answers is not read."""
    line.post(target.secret or target.url, page.payload(), confidential=bool(target.secret))
    return ""


def resolve(page: Page, receipt: str, target: Target, line: Line) -> bool:
    """Who takes anything as a page would take this for one."""
    del page, receipt, target, line
    return False
