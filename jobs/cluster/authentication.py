"""Which token Ray's clients use. Ray reads its settings from the environment as it is imported."""

import os

from storage.machine import home_folder


def use_own_token() -> None:
    """Turns token authentication on where this user has a token, unless the environment says otherwise.

    The token is in ``RAY_AUTH_TOKEN``, in the file ``RAY_AUTH_TOKEN_PATH`` or in ``~/.ray/auth_token``.
    """
    home = home_folder()
    given = os.environ.get("RAY_AUTH_TOKEN") or os.environ.get("RAY_AUTH_TOKEN_PATH")
    if given or (home and (home / ".ray" / "auth_token").is_file()):
        os.environ.setdefault("RAY_AUTH_MODE", "token")
