"""Packaging a SAM template for the embedded cloud, as `sam build` and `sam package` would.

Layers and functions become zips (with their requirements installed), state machines and included
snippets become objects, and a copy of the template points at them. The template on disk stays as
it is.
"""

from __future__ import annotations

import hashlib
import io
import json
import shutil
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

Progress = Callable[[str], None]
_SKIPPED = {"__pycache__", ".git", ".mypy_cache", ".ruff_cache", ".pytest_cache"}
# Zip times are meaningless here; one fixed time makes equal content an equal zip.
_EPOCH = (1980, 1, 1, 0, 0, 0)


class PackageFailed(Exception):
    """The template or what it points to cannot be packaged; the message says what and why."""


@dataclass(frozen=True)
class Packager:
    """Packages one template.

    `root` is the directory that local paths are relative to, `build` a cache directory, `bucket`
    where `put(key, content)` stores objects.
    """

    root: Path
    build: Path
    bucket: str
    put: Callable[[str, bytes], None]
    progress: Progress

    def package(self, template: dict[str, Any]) -> dict[str, Any]:
        """The template with local paths replaced by uploaded objects; changes its argument."""
        shared = template.get("Globals", {}).get("Function", {})
        if _is_local(shared.get("CodeUri")):
            shared["CodeUri"] = self._upload(self._code(shared["CodeUri"], {}), ".zip")
        for name, resource in template.get("Resources", {}).items():
            if isinstance(resource, dict):
                self._resource(name, resource)
        self._includes(template)
        return template

    def _resource(self, name: str, resource: dict[str, Any]) -> None:
        properties = resource.get("Properties") or {}
        metadata = resource.get("Metadata") or {}
        kind = resource.get("Type")
        if kind == "AWS::Serverless::Function" and _is_local(properties.get("CodeUri")):
            properties["CodeUri"] = self._upload(self._code(properties["CodeUri"], metadata), ".zip")
        elif kind == "AWS::Serverless::LayerVersion" and _is_local(properties.get("ContentUri")):
            self.progress(f"packaging layer {name}")
            properties["ContentUri"] = self._upload(self._layer(properties["ContentUri"], metadata), ".zip")
        elif kind == "AWS::Serverless::StateMachine" and _is_local(properties.get("DefinitionUri")):
            key = self._upload(self._definition(properties["DefinitionUri"]), ".asl.json")
            properties["DefinitionUri"] = {"Bucket": self.bucket, "Key": key.rpartition("/")[2]}

    def _code(self, uri: str, metadata: dict[str, Any]) -> bytes:
        source = self._existing(uri)
        built = not metadata.get("SkipBuild") and (source / "requirements.txt").is_file()
        folders = [self._dependencies(source / "requirements.txt")] if built else []
        return make_zip([*folders, source])

    def _layer(self, uri: str, metadata: dict[str, Any]) -> bytes:
        source = self._existing(uri)
        if not str(metadata.get("BuildMethod", "")).startswith("python"):
            return make_zip([source])
        requirements = source / "requirements.txt"
        folders = [self._dependencies(requirements)] if requirements.is_file() else []
        return make_zip([*folders, source], prefix="python/")

    def _definition(self, uri: str) -> bytes:
        text = self._existing(uri).read_bytes()
        try:
            json.loads(text)
        except ValueError as error:
            raise PackageFailed(f"{uri} is not JSON: {error}") from error
        return text

    def _includes(self, node: Any) -> None:
        if isinstance(node, list):
            for item in node:
                self._includes(item)
        if not isinstance(node, dict):
            return
        spec = node.get("Fn::Transform")
        if isinstance(spec, dict) and spec.get("Name") == "AWS::Include":
            parameters = spec.get("Parameters", {})
            if _is_local(parameters.get("Location")):
                snippet = self._existing(parameters["Location"])
                parameters["Location"] = self._upload(snippet.read_bytes(), snippet.suffix)
        for value in node.values():
            self._includes(value)

    def _existing(self, uri: str) -> Path:
        path = self.root / uri
        if not path.exists():
            raise PackageFailed(f"{uri} does not exist below {self.root}")
        return path

    def _upload(self, content: bytes, suffix: str) -> str:
        key = hashlib.sha256(content).hexdigest()[:32] + suffix
        self.put(key, content)
        return f"s3://{self.bucket}/{key}"

    def _dependencies(self, requirements: Path) -> Path:
        """The directory with the requirements installed; built once per content and interpreter."""
        wanted = requirements.read_text()
        tag = f"{sys.implementation.cache_tag}-{sysconfig.get_platform()}"
        digest = hashlib.sha256(f"{tag}\n{wanted}".encode()).hexdigest()[:24]
        target = self.build / "dependencies" / digest
        if not target.is_dir():
            self.progress(f"installing {requirements.parent.name}'s requirements")
            _install(requirements, target)
        return target


def _install(requirements: Path, target: Path) -> None:
    staging = target.with_name(f".{target.name}")
    shutil.rmtree(staging, ignore_errors=True)
    staging.mkdir(parents=True)
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--disable-pip-version-check"]
    _check([*pip, "--no-compile", "--target", str(staging), "-r", str(requirements)])
    shutil.rmtree(staging / "bin", ignore_errors=True)
    # Byte code that does not look at times survives zipping, so no worker compiles again.
    compiling = [sys.executable, "-m", "compileall", "-q", "--invalidation-mode", "unchecked-hash"]
    _check([*compiling, str(staging)], tolerated=True)
    staging.rename(target)


def _check(command: list[str], *, tolerated: bool = False) -> None:
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode and not tolerated:
        raise PackageFailed(f"{' '.join(command[1:])} failed:\n{done.stderr.strip()}")


def _is_local(uri: Any) -> bool:
    return isinstance(uri, str) and not uri.startswith("s3://")


def make_zip(folders: list[Path], prefix: str = "") -> bytes:
    """A reproducible zip of the folders' files, the last folder winning; names begin with `prefix`."""
    found: dict[str, Path] = {}
    for folder in folders:
        compiled = folder.parent.name == "dependencies"
        for path in _files(folder, with_bytecode=compiled):
            found[prefix + path.relative_to(folder).as_posix()] = path
    buffer = io.BytesIO()
    # Stored, not deflated: it travels over loopback once and is unpacked at once.
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for name in sorted(found):
            info = zipfile.ZipInfo(name, _EPOCH)
            info.external_attr = (0o755 if found[name].stat().st_mode & 0o100 else 0o644) << 16
            archive.writestr(info, found[name].read_bytes())
    return buffer.getvalue()


def _files(folder: Path, *, with_bytecode: bool) -> Iterator[Path]:
    for path in folder.rglob("*"):
        skipped = not with_bytecode and not _SKIPPED.isdisjoint(path.relative_to(folder).parts)
        if path.is_file() and not skipped:
            yield path
