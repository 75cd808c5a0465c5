"""The account that runs a command."""

import getpass
import os


def user_name() -> str:
    """Returns the account's name, or its number where it has no name, as in containers."""
    try:
        return getpass.getuser()
    except (KeyError, OSError):
        return str(os.getuid())
