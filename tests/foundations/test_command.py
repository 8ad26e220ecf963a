"""How an entry point ends: 1 and one line for a user's fault, a traceback for a bug."""

import subprocess
import sys
import textwrap

import pytest


def end(statement, **environment):
    code = f"""
        from uss.bin.command import run
        def main(argv):
            {statement}
        run(main)
    """
    return subprocess.run(
        [sys.executable, "-c", textwrap.dedent(code)],
        capture_output=True,
        text=True,
        env={"PYTHONPATH": ":".join(path for path in sys.path if path), **environment},
    )


def test_a_users_fault_is_one_line(tmp_path):
    log = tmp_path / "log"
    done = end("raise ValueError('x.csv: line 2: mend it')", USS_LOG=str(log))
    assert done.returncode == 1
    assert done.stderr.endswith("ERROR command: x.csv: line 2: mend it\n")
    assert done.stderr.count("\n") == 1
    assert log.read_text() == done.stderr


def test_a_bug_keeps_its_traceback():
    done = end("raise KeyError('x')")
    assert done.returncode == 1
    assert "this is a bug" in done.stderr and "Traceback" in done.stderr


def test_success():
    assert end("pass").returncode == 0


@pytest.mark.parametrize("module", ["resample", "mixtures", "check_config"])
@pytest.mark.parametrize("option", ["--conff", "--set", "more"])
def test_a_wrong_option_exits_2(module, option, capsys):
    from importlib import import_module

    with pytest.raises(SystemExit) as caught:
        import_module(f"uss.bin.{module}").main([option])
    assert caught.value.code == 2
    assert capsys.readouterr().err.splitlines()[-1].count("error:") == 1
