"""The process that runs one Lambda function: reads invocations on stdin, answers on stdout.

Run as a plain script by the embedded cloud (`python -I -S worker.py`), so it imports only the
standard library and sees no site-packages: a function finds its own code, its layers and the SDK
that the real runtime brings, and nothing else. What is missing there is missing here.

Protocol, one JSON object a line: the first line is the init (code_dir, layers, runtime, module,
handler, function_name, memory, arn), answered by `ready` or `error`; every further line is
`{"event":…, "ctx":…}`, answered by `{"status":"ok","result":…}`. A handler that raises is answered
with its failure under FAILURE_KEY, and the worker lives on, as it does in AWS.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
import traceback
from typing import Any

FAILURE_KEY = "__nightshift_failure__"
END_OF_LOG = "\x1eend-of-log"


class Context:
    """The second argument of a handler."""

    identity = None
    client_context = None

    def __init__(self, init: dict[str, Any], call: dict[str, Any]) -> None:
        self.function_name: str = init["function_name"]
        self.function_version = os.environ.get("AWS_LAMBDA_FUNCTION_VERSION", "$LATEST")
        self.memory_limit_in_mb: int = init["memory"]
        self.invoked_function_arn: str = call.get("invoked_function_arn") or init["arn"]
        self.aws_request_id: str = call.get("request_id", "")
        self.log_group_name = os.environ.get("AWS_LAMBDA_LOG_GROUP_NAME", "")
        self.log_stream_name = os.environ.get("AWS_LAMBDA_LOG_STREAM_NAME", "")
        self._deadline = time.monotonic() + call.get("timeout_ms", 3000) / 1000

    def get_remaining_time_in_millis(self) -> int:
        """Milliseconds until this invocation is cut off."""
        return max(0, int((self._deadline - time.monotonic()) * 1000))


def failure_of(error: BaseException, request_id: str) -> dict[str, Any]:
    """What AWS answers for an unhandled error; the machinery's own frames are left out."""
    frames = [
        frame
        for frame in traceback.extract_tb(error.__traceback__)
        if frame.filename not in (__file__, importlib.__file__) and not frame.filename.startswith("<frozen")
    ]
    return {
        "errorMessage": str(error),
        "errorType": type(error).__name__,
        "requestId": request_id,
        "stackTrace": traceback.format_list(frames),
    }


def use_paths(code_dir: str, layers: list[str], runtime: str) -> None:
    """Order the import path as AWS does: the function, its layers (last wins), the runtime."""
    version = f"python{sys.version_info.major}.{sys.version_info.minor}"
    found = [code_dir]
    for layer in reversed(layers):
        found += [f"{layer}/python/lib/{version}/site-packages", f"{layer}/python"]
    sys.path[:] = [*filter(os.path.isdir, found), *sys.path, runtime]


def run(handler: Any, init: dict[str, Any], message: dict[str, Any]) -> str:
    """One invocation, answered as a line of JSON."""
    call = message.get("ctx") or {}
    request_id = str(call.get("request_id", ""))
    if call.get("trace_id"):
        os.environ["_X_AMZN_TRACE_ID"] = str(call["trace_id"])
    else:
        os.environ.pop("_X_AMZN_TRACE_ID", None)
    try:
        return json.dumps({"status": "ok", "result": handler(message["event"], Context(init, call))})
    except Exception as error:  # noqa: BLE001 - the boundary: whatever a handler raises is its own answer
        failure = failure_of(error, request_id)
        print(f"[ERROR] {failure['errorType']}: {error}", file=sys.stderr)
        traceback.print_exc(file=sys.stderr)
        return json.dumps({"status": "ok", "result": {FAILURE_KEY: failure}})


def load(init: dict[str, Any]) -> Any:
    """Import the handler; raises what the import raises."""
    use_paths(init["code_dir"], init["layers"], init["runtime"])
    return getattr(importlib.import_module(init["module"]), init["handler"])


def main() -> None:
    """Serve invocations until stdin closes."""
    # Anything a handler or its children write to stdout belongs to the log, not to the protocol.
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8", buffering=1)
    os.dup2(2, 1)
    sys.stdout = sys.stderr
    init = json.loads(sys.stdin.readline())
    try:
        handler = load(init)
    except Exception as error:  # noqa: BLE001 - the boundary: a function that cannot start says why
        traceback.print_exc(file=sys.stderr)
        failure = failure_of(error, "")
        if isinstance(error, ImportError):
            failure["errorType"] = "Runtime.ImportModuleError"
        answers.write(json.dumps({"status": "error", "error": str(error), "failure": failure}) + "\n")
        return
    answers.write('{"status": "ready", "cold": true}\n')
    for line in sys.stdin:
        answer = run(handler, init, json.loads(line))
        sys.stderr.flush()
        sys.stderr.write(END_OF_LOG + "\n")
        sys.stderr.flush()
        answers.write(answer + "\n")


if __name__ == "__main__":
    main()
