"""A server of S3 on loopback, and a stretch of wire to it that can be cut."""

import secrets
import socket
import socketserver
import threading
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

import fsspec
import pytest
from moto.moto_server.werkzeug_app import DomainDispatcherApplication, MotoRequestHandler, create_backend_app
from werkzeug.serving import make_server

_GO_ON, _END = b"HTTP/1.1 100", b"\r\n\r\n"
_ASKS_FIRST = "HTTP_IF_NONE_MATCH"


class S3Server(NamedTuple):
    """Where it is, and what it was asked: method and path (``/BUCKET/KEY``) of each request."""

    endpoint: str
    requests: list[tuple[str, str]]


@contextmanager
def s3_serving() -> Iterator[S3Server]:
    """A server; what it keeps is in this process's memory."""
    dispatch = DomainDispatcherApplication(create_backend_app)
    deciding = threading.Lock()
    requests: list[tuple[str, str]] = []

    def app(environ, start_response):
        requests.append((environ["REQUEST_METHOD"], environ["PATH_INFO"]))
        # moto looks and then writes, in a thread for each request; S3 does both at once.
        if _ASKS_FIRST not in environ:
            return dispatch(environ, start_response)
        with deciding:
            return dispatch(environ, start_response)

    server = make_server("127.0.0.1", 0, app, threaded=True, request_handler=MotoRequestHandler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield S3Server(f"http://127.0.0.1:{server.server_port}", requests)
    server.shutdown()
    thread.join()
    server.server_close()


@contextmanager
def new_bucket(endpoint: str) -> Iterator[str]:
    """``s3://BUCKET`` of a new bucket, and settings with which it is found, in this process and those it starts."""
    with pytest.MonkeyPatch.context() as patch:
        settings = {
            "AWS_ENDPOINT_URL": endpoint,
            "AWS_ACCESS_KEY_ID": "testing",
            "AWS_SECRET_ACCESS_KEY": "testing",
            "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
            "AWS_CONFIG_FILE": "/dev/null",
            "AWS_SHARED_CREDENTIALS_FILE": "/dev/null",
        }
        for name in ("AWS_PROFILE", "AWS_SESSION_TOKEN"):
            patch.delenv(name, raising=False)
        for name, value in settings.items():
            patch.setenv(name, value)
        forget_clients()
        bucket = f"b-{secrets.token_hex(8)}"
        fsspec.filesystem("s3").call_s3("create_bucket", Bucket=bucket)
        yield f"s3://{bucket}"
        forget_clients()


def forget_clients() -> None:
    """From here on the settings are read anew."""
    fsspec.get_filesystem_class("s3").clear_instance_cache()


@contextmanager
def keys_checked(endpoint: str) -> Iterator[None]:
    """The server knows no key, and refuses all."""
    _post(f"{endpoint}/moto-api/reset-auth", b"0")
    yield
    _post(f"{endpoint}/moto-api/reset-auth", b"inf")


def _post(url: str, content: bytes) -> None:
    headers = {"Content-Type": "application/octet-stream"}  # else the content is taken for a form
    with urllib.request.urlopen(urllib.request.Request(url, content, headers, method="POST")):
        pass


class Wire:
    """Passes on what is said between clients and a server, as long as it is left alone.

    Attributes:
        endpoint: for clients.
        cut_after: bytes of what a client sends on a connection after which that is cut; None for never.
        deaf_after: bytes of what the server answers on a connection after which that is cut; None for never.
        cuts: how often it was cut.
    """

    def __init__(self, server: str) -> None:
        host, _, port = server.rpartition("/")[2].partition(":")
        self._server = (host, int(port))
        self.cut_after: int | None = None
        self.deaf_after: int | None = None
        self.cuts = 0
        wire = self

        class Handler(socketserver.BaseRequestHandler):
            def handle(self) -> None:
                wire._join(self.request)

        self._listener = socketserver.ThreadingTCPServer(("127.0.0.1", 0), Handler)
        self._listener.daemon_threads = True
        self.endpoint = f"http://127.0.0.1:{self._listener.server_address[1]}"

    def __enter__(self) -> "Wire":
        threading.Thread(target=self._listener.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._listener.shutdown()
        self._listener.server_close()

    def _join(self, client: socket.socket) -> None:
        with socket.create_connection(self._server) as server:
            back = threading.Thread(target=self._answer, args=(server, client), daemon=True)
            back.start()
            with suppress(OSError):
                self._ask(client, server)
            _shut(server)
            back.join()

    def _ask(self, client: socket.socket, server: socket.socket) -> None:
        sent = 0
        while piece := client.recv(2**14):
            limit = self.cut_after
            if limit is not None and sent + len(piece) > limit:
                server.sendall(piece[: max(limit - sent, 0)])
                self.cuts += 1
                return
            sent += len(piece)
            server.sendall(piece)

    def _answer(self, server: socket.socket, client: socket.socket) -> None:
        sent = 0
        with suppress(OSError):
            while piece := server.recv(2**14):
                limit = self.deaf_after
                # No answer yet; on a busy machine it comes in several pieces, or in one with the answer.
                while _may_go_on(piece) and _END not in piece and (more := server.recv(2**14)):
                    piece += more
                if piece.startswith(_GO_ON):
                    interim, end, piece = piece.partition(_END)
                    client.sendall(interim + end)
                if limit is not None and sent + len(piece) > limit:
                    client.sendall(piece[: max(limit - sent, 0)])
                    self.cuts += 1
                    break
                sent += len(piece)
                client.sendall(piece)
        _shut(client)


def _may_go_on(piece: bytes) -> bool:
    return piece.startswith(_GO_ON) or _GO_ON.startswith(piece)


def _shut(end: socket.socket) -> None:
    with suppress(OSError):
        end.shutdown(socket.SHUT_RDWR)
