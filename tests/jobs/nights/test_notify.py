"""Messages about nights reach a command and a webhook, after retries, and no secret reaches a log."""

import json
import os
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from pydantic import ValidationError

from jobs.nights.notify import send_message
from schemas.site_notify import NotifyConfig

MESSAGE = {"text": "night of 2026-03-02: done", "units_left": 0}
SECRET = "s3cr3t-t0ken"


@dataclass
class Receiver:
    """A web server that answers with the given codes, the last one for ever."""

    address: str = ""
    codes: list[int] = field(default_factory=lambda: [200])
    requests: list[tuple[dict[str, str], str]] = field(default_factory=list)


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    """A web server of this machine."""
    found = Receiver()

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            found.requests.append((dict(self.headers), body))
            code = found.codes.pop(0) if len(found.codes) > 1 else found.codes[0]
            self.send_response(code)
            if code == 302:
                self.send_header("Location", f"{found.address}/elsewhere")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    found.address = f"http://127.0.0.1:{server.server_port}/{SECRET}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield found
    server.shutdown()
    thread.join()
    server.server_close()


def test_a_webhook_gets_the_message_with_its_token(receiver):
    config = NotifyConfig(webhook_env="HOOK", token_env="TOKEN")
    assert send_message(config, MESSAGE, {"HOOK": receiver.address, "TOKEN": SECRET}) == []
    ((headers, body),) = receiver.requests
    assert json.loads(body) == MESSAGE
    assert headers["Authorization"] == f"Bearer {SECRET}" and headers["Content-Type"] == "application/json"


def test_a_webhook_that_fails_is_tried_again_after_longer_and_longer_pauses(receiver):
    receiver.codes = [500, 503, 200]
    pauses: list[float] = []
    config = NotifyConfig(webhook=receiver.address, retries=3)
    assert send_message(config, MESSAGE, {}, pauses.append) == []
    assert (len(receiver.requests), pauses) == (3, [2.0, 4.0])


@pytest.mark.parametrize(("code", "word"), [(500, "answered 500"), (302, "answered 302")])
def test_a_webhook_that_never_takes_it_is_a_problem_without_its_address(receiver, code, word):
    receiver.codes = [code]
    config = NotifyConfig(webhook_env="HOOK", token_env="TOKEN", retries=1)
    (problem,) = send_message(config, MESSAGE, {"HOOK": receiver.address, "TOKEN": SECRET}, lambda _: None)
    assert word in problem and SECRET not in problem
    assert len(receiver.requests) == 2, "a redirect would take the token to another place: none is followed"


@pytest.mark.parametrize(
    ("environment", "word"),
    [
        ({}, "HOOK is not set"),
        ({"HOOK": "file:///etc/passwd"}, "neither https:// nor http://"),
        ({"HOOK": f"http://127.0.0.1:1/{SECRET}"}, "cannot be reached (ConnectionRefusedError)"),
        ({"HOOK": f"http://127.0.0.1:99999/{SECRET}"}, "cannot be reached"),
        ({"HOOK": f"http://127.0.0.1:1/{SECRET} x"}, "cannot be reached"),
    ],
)
def test_what_cannot_be_reached_is_one_line_without_the_address(environment, word):
    (problem,) = send_message(NotifyConfig(webhook_env="HOOK", retries=0), MESSAGE, environment)
    assert word in problem and SECRET not in problem


def test_a_command_gets_the_line_and_the_json(tmp_path):
    target = tmp_path / "got"
    config = NotifyConfig(command=("sh", "-c", f'cat > {target}; printf %s "$NIGHTSHIFT_MESSAGE" >> {target}'))
    assert send_message(config, MESSAGE, {"PATH": os.environ["PATH"]}) == []
    line, text = target.read_text().splitlines()
    assert line == MESSAGE["text"] and json.loads(text) == MESSAGE


@pytest.mark.parametrize(
    ("command", "word"),
    [
        (("false",), "exit code 1"),
        (("no-such-program",), "No such file"),
        (("sleep", "5"), "more than 0.05 s"),
        (("sh", "-c", f"echo {SECRET} >&2; exit 3"), "exit code 3"),
    ],
)
def test_a_command_that_fails_is_one_line_without_its_output(command, word):
    config = NotifyConfig(command=command, timeout_s=0.05 if command[0] == "sleep" else 20, retries=0)
    (problem,) = send_message(config, MESSAGE)
    assert word in problem and SECRET not in problem


def test_each_receiver_has_its_own_problem():
    config = NotifyConfig(command=("false",), webhook_env="HOOK", retries=0)
    assert [problem.split()[1] for problem in send_message(config, MESSAGE, {})] == ["command", "webhook"]


@pytest.mark.parametrize(
    ("section", "word"),
    [
        ({"webhook": "ftp://example.org"}, "https://"),
        ({"webhook": f"https://me:{SECRET}@example.org/"}, "webhook_env or token_env"),
        ({"webhook": "https://example.org", "webhook_env": "HOOK"}, "keep one"),
        ({"token_env": "TOKEN"}, "neither webhook"),
        ({"token_env": f"Bearer {SECRET}", "webhook": "https://example.org"}, "token_env"),
        ({"on": ["sometimes"]}, "on"),
    ],
)
def test_mistakes_in_the_section(section, word):
    with pytest.raises(ValidationError, match=word):
        NotifyConfig.model_validate(section)
