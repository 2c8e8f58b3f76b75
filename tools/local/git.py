"""The local stack's Git server: one bare repository, and the hook by which a push is heard as GitHub's would.

Clone `<state folder>/git/web.git`, commit, push: the branch main is deployed to web-local.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from tools.local.apps.release import APPS, SHARED

APP = "web"
HOOK = Path(__file__).with_name("post_receive.py")
AUTHOR = b"Nightshift <nightshift@localhost>"


def bare(place: Path) -> Path:
    """The bare repository below the state folder."""
    return place / "git" / f"{APP}.git"


def serve(place: Path, clients: Callable[[str], Any], outputs: Mapping[str, str]) -> None:
    """Make the repository with the sample app on main, and the hook with what it signs with."""
    from dulwich import porcelain

    repository, first = bare(place), place / "tmp" / "git"
    for folder in (repository, first):
        folder.mkdir(parents=True)
    porcelain.init(str(repository), bare=True).close()
    porcelain.init(str(first)).close()
    for head in (repository / "HEAD", first / ".git" / "HEAD"):
        head.write_text("ref: refs/heads/main\n")
    for source in [APPS / name for name in SHARED] + [one for one in (APPS / APP).iterdir() if one.is_file()]:
        copy = first / source.name
        copy.write_bytes(source.read_bytes())
        copy.chmod(0o755 if source.name == "start" else 0o644)
    porcelain.add(str(first), paths=[str(one) for one in first.iterdir() if one.is_file()])
    porcelain.commit(str(first), message=b"The sample app", author=AUTHOR, committer=AUTHOR)
    quiet = (place / "log" / "git.log").open("wb")
    with quiet:
        porcelain.push(str(first), str(repository), "refs/heads/main", outstream=quiet, errstream=quiet)
    _hook(repository, clients, outputs)


def _hook(repository: Path, clients: Callable[[str], Any], outputs: Mapping[str, str]) -> None:
    secret = clients("secretsmanager").get_secret_value(SecretId=outputs["WebhookSecretArn"])["SecretString"]
    told = {"url": f"{outputs['WebhooksUrl']}/github", "secret": secret, "clone_url": repository.as_uri()}
    settings = repository / "webhook.json"
    settings.touch(0o600)
    settings.write_text(json.dumps(told))
    hook = repository / "hooks" / "post-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text(f"#!{sys.executable}\n{HOOK.read_text()}")
    hook.chmod(0o755)
