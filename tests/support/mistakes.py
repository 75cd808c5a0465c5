"""The user's mistakes on the command line: one clear line, and exit code 2."""


def one_line(said, *words):
    assert said.code == 2, said
    assert said.err.count("\n") == 1 and "Traceback" not in said.err, said.err
    for word in words:
        assert word in said.err, said.err
