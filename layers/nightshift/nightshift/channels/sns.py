"""The stack's SNS topic: every page goes there, whatever the policy says, so that no route can lose one.

Needs no entry in the policy. Subscribe to the output ``PagesTopicArn``: e-mail (the parameter ``PageEmail``
makes that subscription), text messages, a queue, a service. A subject has at most 100 ASCII characters.
"""

from nightshift.channels import Line, Target
from nightshift.pages import Page

NEEDS = ""
WAKES = False


def send(page: Page, target: Target, line: Line) -> str:
    """One message; nothing has to be known of it."""
    del target
    line.publish(page.title, f"{page.text}\nLink: {page.link}" if page.link else page.text)
    return ""


def resolve(page: Page, receipt: str, target: Target, line: Line) -> bool:
    """A topic has no threads: saying so would be another e-mail."""
    del page, receipt, target, line
    return False
