"""Sends a night's message to a command or a webhook, with retries. Secrets come from the environment, and only there.

No problem that is reported names the address or the token: both go to logs.
"""

import json
import os
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Mapping
from http.client import HTTPException
from typing import Any

from schemas.site_notify import NotifyConfig

MESSAGE_VARIABLE = "NIGHTSHIFT_MESSAGE"
"""Environment variable in which a command finds the message as JSON."""

FIRST_PAUSE_S = 2.0


class _NoRedirects(urllib.request.HTTPRedirectHandler):
    """Refuses redirects: they would take the token to another host."""

    def redirect_request(self, *_: Any) -> None:
        return None


_OPENER = urllib.request.build_opener(_NoRedirects)


def send_message(
    config: NotifyConfig,
    message: Mapping[str, object],
    environment: Mapping[str, str] | None = None,
    pause: Callable[[float], object] = time.sleep,
) -> list[str]:
    """Sends a message to all that ``[notify]`` names.

    Args:
        message: what JSON can hold; ``text`` is its line for people.
        environment: where the secrets are; None for that of this process.
        pause: waits some seconds between two tries.

    Returns:
        One line for each receiver that did not get it.
    """
    variables = os.environ if environment is None else environment
    senders: list[tuple[str, Callable[[], str]]] = []
    if config.command:
        senders.append(("command", lambda: _run(config, message, variables)))
    if config.webhook or config.webhook_env:
        senders.append(("webhook", lambda: _post(config, message, variables)))
    problems = []
    for name, send in senders:
        problem = send()
        for number in range(config.retries):
            if not problem:
                break
            pause(FIRST_PAUSE_S * 2**number)
            problem = send()
        if problem:
            problems.append(f"the {name} of [notify] did not get the message: {problem}")
    return problems


def _run(config: NotifyConfig, message: Mapping[str, object], environment: Mapping[str, str]) -> str:
    """Runs the command once; returns what went wrong. What it prints is dropped: it may repeat a secret."""
    try:
        done = subprocess.run(
            config.command,
            input=f"{message['text']}\n",
            text=True,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            timeout=config.timeout_s,
            env={**environment, MESSAGE_VARIABLE: json.dumps(message)},
            check=False,
        )
    except subprocess.TimeoutExpired:
        return f"{config.command[0]} took more than {config.timeout_s:g} s"
    except OSError as error:
        return f"{config.command[0]}: {error.strerror}"
    return f"{config.command[0]} ended with exit code {done.returncode}" if done.returncode else ""


def _post(config: NotifyConfig, message: Mapping[str, object], environment: Mapping[str, str]) -> str:
    """Posts the message once; returns what went wrong."""
    headers = {"Content-Type": "application/json", "User-Agent": "nightshift"}
    for name in filter(None, (config.webhook_env, config.token_env)):
        if not environment.get(name):
            return f"the environment variable {name} is not set"
    if config.token_env:
        headers["Authorization"] = f"Bearer {environment[config.token_env]}"
    address = config.webhook or environment[config.webhook_env or ""]
    if not address.startswith(("https://", "http://")):
        return f"the address in {config.webhook_env} begins with neither https:// nor http://"
    try:
        request = urllib.request.Request(address, json.dumps(message).encode(), headers, method="POST")
        with _OPENER.open(request, timeout=config.timeout_s):
            return ""
    except urllib.error.HTTPError as error:
        return f"it answered {error.code}"
    except urllib.error.URLError as error:
        return f"it cannot be reached ({type(error.reason).__name__})"
    except (OSError, HTTPException, ValueError) as error:  # their texts may have the address
        return f"it cannot be reached ({type(error).__name__})"
