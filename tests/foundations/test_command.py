"""How an entry point ends: 1 and one line for a user's fault, a traceback for a bug."""

import subprocess
import sys
import textwrap

import pytest


def end(statement, **environment):
    code = f"""
        from uss.command import run
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


@pytest.mark.slow
@pytest.mark.parametrize(
    ("statement", "said"),
    [
        ("raise OSError(28, 'No space left on device', 'x.h5')", "make room there"),
        ("raise OSError(122, 'Disk quota exceeded', 'x.h5')", "quota"),
        ("raise OSError(27, 'File too large', 'x.h5')", "ulimit -f"),
        ("raise OSError(36, 'File name too long', 'x.h5')", "a shorter name"),
        ("raise OSError(5, 'Input/output error', 'x.h5')", "dmesg"),
        ("raise OSError(24, 'Too many open files', 'x.h5')", "ulimit -n"),
        ("raise OSError(116, 'Stale file handle', 'x.h5')", "mounted anew"),
        ("raise OSError(13, 'Permission denied', 'x.h5')", "chmod"),
        ("open('not/there')", "No such file or directory: 'not/there'; put it there"),
        ("open('/')", "Is a directory: '/'; a folder stands where a file belongs"),
        ("bytes(1 << 62)", "out of memory"),
        ("import numpy; numpy.zeros(1 << 58)", "out of memory (Unable to allocate 2.00 EiB"),
        ("import torch; torch.zeros(1 << 58)", "out of memory ("),
        ("raise RuntimeError('CUDA out of memory. Tried to allocate')", "out of memory (CUDA"),
    ],
)
def test_what_the_system_refuses_is_one_line_with_a_remedy(statement, said):
    done = end(statement)
    assert done.returncode == 1
    assert said in done.stderr and done.stderr.count("\n") == 1, done.stderr
    assert done.stderr.rstrip().endswith("and nothing else")


def test_a_runtime_error_of_ours_is_a_bug():
    assert "this is a bug" in end("raise RuntimeError('shapes')").stderr


@pytest.mark.parametrize(("name", "status"), [("SIGINT", 130), ("SIGTERM", 143), ("SIGHUP", 129)])
def test_a_signal_leaves_no_half_written_file(tmp_path, name, status):
    path = tmp_path / "x.wav"
    done = end(
        f"import os, signal; from uss.files import atomic\n"
        f"            with atomic({str(path)!r}) as temporary:\n"
        f"                temporary.write_text('half')\n"
        f"                os.kill(os.getpid(), signal.{name})\n"
        f"                signal.pause()"
    )
    assert done.returncode == status
    assert list(tmp_path.iterdir()) == []
    assert done.stderr.endswith("what was finished is kept, and nothing else\n")
    assert "Traceback" not in done.stderr


def test_a_reader_that_has_enough_is_no_fault():
    """As `uss classes | head -3`."""
    code = """if True:
        from uss.command import run
        def main(argv):
            for number in range(100_000):
                print(number)
        run(main)
    """
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    command = [sys.executable, "-c", code]
    with subprocess.Popen(command, stdout=-1, stderr=-1, env=environment) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
    assert process.returncode == 141


def test_a_full_disk_below_the_standard_output():
    code = "from uss.command import run\nrun(lambda argv: print('x'))"
    environment = {"PYTHONPATH": ":".join(path for path in sys.path if path)}
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [sys.executable, "-c", code], stdout=full, stderr=-1, text=True, env=environment
        )
    assert done.returncode == 1
    assert "No space left on device" in done.stderr and done.stderr.count("\n") == 1


def test_names_that_are_no_utf8_reach_the_log(tmp_path):
    log = tmp_path / "log"
    done = end(r"print('\udce9'); raise ValueError('caf\udce9.wav: not audio')", USS_LOG=str(log))
    assert done.returncode == 1 and done.stdout == "\\udce9\n"
    assert log.read_text() == done.stderr and "caf\\udce9.wav: not audio" in done.stderr


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
