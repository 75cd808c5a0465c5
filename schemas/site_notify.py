"""The section ``[notify]`` of ``site.toml``: who gets a message about how a night ended."""

from typing import Annotated, Literal
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator

from schemas.site_section import Strict

NightEvent = Literal["failed", "quarantine", "behind", "always"]

_EnvironmentName = Annotated[str, Field(pattern=r"^[A-Za-z_][A-Za-z0-9_]*$")]


class NotifyConfig(Strict):
    """``[notify]``: a message after a scheduled night. It has numbers, and no footage, names of people or track ids."""

    on: tuple[NightEvent, ...] = Field(
        ("failed", "quarantine", "behind"),
        description="events that send the message: failed (the run, the purge or the report), quarantine (something "
        "new is in quarantine), behind (work is left that the next night does not catch up with, or a night was "
        "missed), always (every night)",
    )
    command: tuple[str, ...] = Field(
        (), description='program that gets the message on its standard input, such as ["mail", "-s", "night", "me@b.c"]'
    )
    webhook: str | None = Field(
        None, description="http(s) address that gets the message as JSON, by POST; `text` is its line for people"
    )
    webhook_env: _EnvironmentName | None = Field(
        None, description="name of the environment variable with that address, where the address is a secret itself"
    )
    token_env: _EnvironmentName | None = Field(
        None, description="name of the environment variable with the token that the webhook gets as `Bearer`"
    )
    timeout_s: float = Field(20.0, gt=0, le=600, description="seconds that one try may take")
    retries: int = Field(3, ge=0, le=10, description="tries after the first one, 2, 4, 8, ... seconds apart")

    @field_validator("webhook")
    @classmethod
    def _address(cls, value: str | None) -> str | None:
        parts = urlsplit(value or "")
        if value is not None and (parts.scheme not in ("http", "https") or not parts.hostname):
            raise ValueError("webhook should be an address that begins with https:// or http://")
        if "@" in parts.netloc:
            raise ValueError("webhook has a password, and site.toml is no place for one: use webhook_env or token_env")
        return value

    @model_validator(mode="after")
    def _one_address(self) -> "NotifyConfig":
        if self.webhook is not None and self.webhook_env is not None:
            raise ValueError("webhook and webhook_env are both set; keep one")
        if self.token_env is not None and self.webhook is None and self.webhook_env is None:
            raise ValueError("token_env is set, but neither webhook nor webhook_env")
        return self

    @property
    def is_set(self) -> bool:
        """Whether there is anywhere to send a message."""
        return bool(self.command or self.webhook or self.webhook_env)
