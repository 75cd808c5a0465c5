"""Ray's clients use the token of this user where there is one, and never make one."""

import os

import pytest

from jobs.cluster.authentication import use_own_token


@pytest.fixture
def home(tmp_path, monkeypatch):
    """A home without a token, and an environment without one."""
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"):
        monkeypatch.setenv(name, "")  # so that the test's own changes are undone
        monkeypatch.delenv(name)
    monkeypatch.setenv("HOME", str(tmp_path))
    return tmp_path


def test_without_a_token_nothing_changes_and_none_is_made(home):
    use_own_token()
    assert "RAY_AUTH_MODE" not in os.environ and not list(home.iterdir())


@pytest.mark.parametrize("name", ["RAY_AUTH_TOKEN", "RAY_AUTH_TOKEN_PATH"])
def test_a_token_in_the_environment_turns_authentication_on(home, monkeypatch, name):
    monkeypatch.setenv(name, "x")
    use_own_token()
    assert os.environ["RAY_AUTH_MODE"] == "token"


def test_a_token_in_the_home_turns_it_on_unless_the_user_says_otherwise(home, monkeypatch):
    (home / ".ray").mkdir()
    (home / ".ray" / "auth_token").write_text("x")
    monkeypatch.setenv("RAY_AUTH_MODE", "disabled")
    use_own_token()
    assert os.environ["RAY_AUTH_MODE"] == "disabled"
    monkeypatch.delenv("RAY_AUTH_MODE")
    use_own_token()
    assert os.environ["RAY_AUTH_MODE"] == "token"


@pytest.mark.parametrize("missing", [True, False], ids=["no home", "a home that nobody can read"])
def test_a_home_that_is_not_there_is_no_error(home, monkeypatch, missing):
    if missing:
        monkeypatch.delenv("HOME")
        monkeypatch.setattr("jobs.cluster.authentication.home_folder", lambda: None)
    else:
        monkeypatch.setenv("HOME", "/proc/1/no-such-home")
    use_own_token()
    assert "RAY_AUTH_MODE" not in os.environ
