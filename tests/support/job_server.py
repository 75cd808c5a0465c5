"""A stand-in for the job server of a Ray head: it answers like Ray's REST API and keeps what it is sent."""

import io
import json
import threading
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


class JobServer:
    """Keeps one job. Its output grows by one line per look, and it ends when the output does, or when it is stopped.

    Attributes:
        exit_code: of the job's command.
        packages: zip files that were uploaded.
        submitted: the requests to start a job.
        tokens: the authorization of each request.
        stopped: how often the job was asked to stop.
        outages: requests that are answered with an error before others are answered again.
    """

    def __init__(self, lines: list[str], exit_code: int = 0, ray_version: str = "2.60.0") -> None:
        self.lines, self.exit_code, self.ray_version = lines, exit_code, ray_version
        self.packages: list[bytes] = []
        self.submitted: list[dict[str, Any]] = []
        self.tokens: set[str | None] = set()
        self.stopped = 0
        self.outages = 0
        self._looks = 0

    def answer(self, method: str, path: str, body: bytes) -> tuple[int, Any]:
        """Returns the status and the content of the answer to a request."""
        if path == "/api/version":
            return 200, {"version": "4", "ray_version": self.ray_version, "ray_commit": "", "session_name": ""}
        if path.startswith("/api/packages/"):
            if method == "GET":
                return 404, {}
            self.packages.append(body)
            return 200, {}
        if method == "POST" and path == "/api/jobs/":
            self.submitted.append(json.loads(body))
            return 200, {"job_id": "job-1", "submission_id": "job-1"}
        if self.outages:
            self.outages -= 1
            return 503, {}
        if path.endswith("/stop"):
            self.stopped += 1
            return 200, {"stopped": True}
        if path.endswith("/logs"):
            return 200, {"logs": "".join(f"{line}\n" for line in self.lines[: self._looks])}
        self._looks += 1
        return 200, self._details()

    def _details(self) -> dict[str, Any]:
        status = "RUNNING"
        if self.stopped:
            status = "STOPPED"
        elif self._looks > len(self.lines):
            status = "FAILED" if self.exit_code else "SUCCEEDED"
        ended = {"FAILED": self.exit_code, "SUCCEEDED": 0}
        job = {"type": "SUBMISSION", "submission_id": "job-1", "entrypoint": "", "message": f"It is {status}."}
        return job | {"status": status, "driver_exit_code": ended.get(status)}

    def sent_files(self) -> dict[str, bytes]:
        """Returns the content of the package by file."""
        (package,) = self.packages
        with zipfile.ZipFile(io.BytesIO(package)) as packed:
            return {name: packed.read(name) for name in packed.namelist() if not name.endswith("/")}


@contextmanager
def serving(jobs: JobServer) -> Iterator[str]:
    """Serves on a port of loopback. Gives the address."""

    class Handler(BaseHTTPRequestHandler):
        def _answer(self) -> None:
            jobs.tokens.add(self.headers.get("Authorization"))
            body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
            status, content = jobs.answer(self.command, self.path, body)
            written = json.dumps(content).encode()
            self.send_response(status)
            self.send_header("Content-Length", str(len(written)))
            self.end_headers()
            self.wfile.write(written)

        do_GET = do_PUT = do_POST = _answer  # noqa: N815  names of http.server

        def log_message(self, *_: object) -> None:
            """Logs nothing."""

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_address[1]}"
        finally:
            server.shutdown()
            thread.join()
