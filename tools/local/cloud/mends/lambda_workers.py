"""Lambda workers: real errors, a scrubbed environment, shared unpacked layers, no leaked files.

Upstream reports every failed handler as `Runtime.HandlerError` without a trace and kills its
worker, hands workers the server's whole environment and site-packages, and unzips code and layers
into a fresh temporary directory for each worker.
"""

from __future__ import annotations

import contextlib
import json
import os
import queue
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any, ClassVar

from tools.local.cloud import unpacked, worker
from tools.local.cloud.config import CloudConfig

_WORKER_SCRIPT = Path(worker.__file__)
_LOG_SECONDS = 0.5
_CONCURRENCY = 4  # processes of one function; AWS has room for a thousand, a laptop drowns in them
_turns: dict[str, threading.BoundedSemaphore] = {}
_closing = threading.Event()


class InitFailed(Exception):
    """A worker whose function could not be loaded; carries AWS's error body."""

    def __init__(self, failure: dict[str, Any], log: str) -> None:
        super().__init__(str(failure.get("errorMessage", "")))
        self.failure = failure
        self.log = log


def apply(config: CloudConfig) -> None:
    """Make ministack's pool build our workers, and report failures as AWS does."""
    from ministack.core import lambda_runtime
    from ministack.services import lambda_svc

    bases = (SharedCode, lambda_runtime.Worker)
    lambda_runtime.Worker = type("CloudWorker", bases, {"cloud": config})
    execute = lambda_svc._execute_function_warm

    def execute_warm(func: Any, event: Any, request_id: str) -> Any:
        with _turn(str((func.get("config") or func)["FunctionName"])):
            answer = execute(func, event, request_id)
        body = answer.get("body")
        if isinstance(body, dict) and worker.FAILURE_KEY in body:
            return {"body": body[worker.FAILURE_KEY], "error": True, "log": answer.get("log", "")}
        return answer

    lambda_svc._execute_function_warm = execute_warm


def _turn(function: str) -> threading.BoundedSemaphore:
    """Invocations of a function beyond its processes wait here."""
    return _turns.setdefault(function, threading.BoundedSemaphore(_CONCURRENCY))


def close() -> None:
    """Stop every worker and refuse to start another; for the server's shutdown."""
    from ministack.core import lambda_runtime

    _closing.set()
    lambda_runtime.reset()


def environment(config: CloudConfig, function: dict[str, Any], code_dir: Path) -> dict[str, str]:
    """What a function finds in its environment: the runtime's variables and its own, no more."""
    name = str(function["FunctionName"])
    temporary = config.tmp / "functions" / name
    temporary.mkdir(parents=True, exist_ok=True)
    _arn, _partition, _service, region, account, *_rest = str(function["FunctionArn"]).split(":")
    own = function.get("Environment", {}).get("Variables", {})
    return {
        **{name: os.environ[name] for name in ("PATH", "LANG", "LC_ALL") if name in os.environ},
        "TZ": ":UTC",
        "AWS_ENDPOINT_URL": config.endpoint,
        **{key: str(value) for key, value in own.items()},
        "TMPDIR": str(temporary),
        "HOME": str(temporary),
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
        "AWS_ACCESS_KEY_ID": account,
        "AWS_SECRET_ACCESS_KEY": "test",
        "AWS_SESSION_TOKEN": "test",
        # The recorder tells functions apart by the application id in the SDK's user agent.
        "AWS_SDK_UA_APP_ID": name[:50],
        "AWS_EC2_METADATA_DISABLED": "true",
        # The endpoint is an address, so modelled host prefixes cannot resolve.
        "AWS_DISABLE_HOST_PREFIX_INJECTION": "true",
        "AWS_EXECUTION_ENV": f"AWS_Lambda_{function.get('Runtime', 'python3.13')}",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_FUNCTION_NAME": name,
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.get("MemorySize", 128)),
        "AWS_LAMBDA_FUNCTION_VERSION": str(function.get("Version", "$LATEST")),
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": os.urandom(16).hex(),
        "_HANDLER": str(function.get("Handler", "")),
        "LAMBDA_TASK_ROOT": str(code_dir),
    }


class SharedCode:
    """The part of a pooled worker that starts its process; mixed into upstream's `Worker`."""

    cloud: ClassVar[CloudConfig]
    config: dict[str, Any]
    code_zip: bytes
    _proc: Any
    _stderr_queue: Any
    _stderr_thread: Any

    def _spawn(self) -> None:
        if _closing.is_set():
            raise RuntimeError("the embedded cloud is shutting down")
        code_dir = unpacked.unpack(self.code_zip, self.cloud.tmp / "code")
        self._proc = subprocess.Popen(
            # -I drops PYTHON* variables and the working directory, -S this venv's site-packages.
            [sys.executable, "-I", "-S", str(_WORKER_SCRIPT)],
            cwd=code_dir,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            bufsize=1,
            env=environment(self.cloud, self.config, code_dir),
            start_new_session=True,
        )
        self._stderr_queue = queue.Queue()
        reading = self._read_stderr  # type: ignore[attr-defined]
        self._stderr_thread = threading.Thread(target=reading, daemon=True)
        self._stderr_thread.start()
        self._greet(code_dir)

    def _greet(self, code_dir: Path) -> None:
        module, handler = str(self.config.get("Handler", "app.handler")).rsplit(".", 1)
        init = {
            "code_dir": str(code_dir),
            "layers": [str(layer) for layer in _layers(self.config, self.cloud.build / "layers")],
            "runtime": str(unpacked.runtime_directory(self.cloud.build)),
            "module": module.replace("/", "."),
            "handler": handler,
            "function_name": self.config.get("FunctionName", ""),
            "memory": self.config.get("MemorySize", 128),
            "arn": self.config.get("FunctionArn", ""),
        }
        self._proc.stdin.write(json.dumps(init) + "\n")
        self._proc.stdin.flush()
        line = self._proc.stdout.readline()
        answer = json.loads(line) if line else {}
        if answer.get("status") != "ready":
            self._abandon(answer)

    def _abandon(self, answer: dict[str, Any]) -> None:
        process, self._proc = self._proc, None
        process.stdin.close()
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=2)
        process.kill()
        self._stderr_thread.join(timeout=1)
        failure = answer.get("failure") or {
            "errorType": "Runtime.ExitError",
            "errorMessage": f"Runtime exited with status {process.wait()}",
        }
        lines = []
        while not self._stderr_queue.empty():
            lines.append(self._stderr_queue.get_nowait())
        raise InitFailed(failure, "\n".join(lines))

    def invoke(self, *args: Any, **kwargs: Any) -> Any:
        """One invocation; a function that cannot start is answered like any other failure."""
        try:
            return super().invoke(*args, **kwargs)  # type: ignore[misc]
        except InitFailed as failed:
            result = {worker.FAILURE_KEY: failed.failure}
            return {"status": "ok", "result": result, "log": failed.log, "cold_start": True}

    def _drain_stderr_bounded(self, *_args: float, **_kwargs: float) -> str:
        """The log of this invocation, up to the mark that the worker writes behind it."""
        lines: list[str] = []
        deadline = time.monotonic() + _LOG_SECONDS
        while (left := deadline - time.monotonic()) > 0 and self._proc is not None:
            try:
                line = self._stderr_queue.get(timeout=left)
            except queue.Empty:
                break
            if line == worker.END_OF_LOG:
                break
            lines.append(line)
        return "\n".join(lines)


def _layers(function: dict[str, Any], into: Path) -> list[Path]:
    from ministack.services import lambda_svc

    zips = [lambda_svc._resolve_layer_zip(layer) for layer in function.get("Layers", [])]
    return [unpacked.unpack(data, into) for data in zips if data]
