"""An app's packages: what is in them, and that the same source gives the same bytes."""

import hashlib
import io
import json
import tarfile
import zipfile
from pathlib import Path

import pytest
from dulwich import porcelain

from tools.cli.errors import CliError
from tools.package.build import Package, build
from tools.package.platforms import PLATFORMS
from tools.package.source import read

WHO = b"Ada <ada@example.com>"


@pytest.fixture
def repository(tmp_path: Path) -> Path:
    """A repository with a small app, and a file that nobody committed."""
    porcelain.init(str(tmp_path))
    for name, text in {"server.py": "print('hi')\n", "config.yaml.template": "port: 1\n"}.items():
        (tmp_path / name).write_text(text)
        porcelain.add(str(tmp_path), paths=[str(tmp_path / name)])
    porcelain.commit(str(tmp_path), message=b"first", author=WHO, committer=WHO)
    (tmp_path / "secret.txt").write_text("not committed")
    return tmp_path


def packages(folder: Path, version: str = "") -> list[Package]:
    """One for each platform."""
    source = read(folder, version)
    return [build("web", source, platform, "3.12") for platform in PLATFORMS]


def files(package: Package) -> dict[str, bytes]:
    """What is in a package, by path."""
    if package.name.endswith(".zip"):
        with zipfile.ZipFile(io.BytesIO(package.content)) as archive:
            return {name: archive.read(name) for name in archive.namelist()}
    with tarfile.open(fileobj=io.BytesIO(package.content)) as tar:
        found = {one.name: tar.extractfile(one) for one in tar.getmembers()}
        return {name: file.read() for name, file in found.items() if file}


def test_every_platform_has_its_package_with_the_sum_of_every_file(repository: Path) -> None:
    """What was committed, how it is started there, and nothing that only lay about."""
    built = packages(repository)
    assert len(built) == 4
    for package, platform in zip(built, PLATFORMS, strict=True):
        found = files(package)
        manifest = json.loads(found.pop("manifest.json"))
        start = "start.cmd" if platform.windows else "start"
        assert set(found) == {"server.py", "config.yaml.template", "VERSION", start}
        sums = {name: hashlib.sha256(content).hexdigest() for name, content in found.items()}
        assert (manifest["files"], manifest["platform"]) == (sums, platform.name)
        assert b"server.py" in found[start]
        assert found["config.yaml.template"] == b"port: 1\n"


def test_the_same_commit_gives_the_same_bytes(repository: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Built twice; another time that is asked for gives another package."""
    first = packages(repository)
    (repository / "server.py").touch()
    assert packages(repository) == first
    monkeypatch.setenv("SOURCE_DATE_EPOCH", "1700000000")
    assert [one.sha256 for one in packages(repository)] != [one.sha256 for one in first]


def test_a_plain_folder_needs_a_version_and_something_to_start(tmp_path: Path) -> None:
    """What cannot be packaged is refused with its reason."""
    (tmp_path / "page.html").write_text("hi")
    with pytest.raises(CliError, match="no version"):
        packages(tmp_path)
    with pytest.raises(CliError, match="nothing starts the app on linux-amd64"):
        packages(tmp_path, "1.0")
    (tmp_path / "VERSION").write_text("2")
    with pytest.raises(CliError, match="written by the package itself"):
        packages(tmp_path, "1.0")
