"""`uss separate --output -`: one sound of one recording, as a file on standard output."""

import os
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from uss.separation.batch import Request, separate_all
from uss.separation.file_separation import read_record


def separate_to_standard_output(asked: Request) -> int:
    """As `separate_all`, of a request that gives one file. A header tells the length, so that the
    file is made elsewhere first.

    Raises:
        ValueError: nothing that takes audio is there.
    """
    if sys.stdout is None or os.isatty(sys.stdout.fileno()):
        raise ValueError("--output - writes audio: send it to a program or a file (| or >)")
    with tempfile.TemporaryDirectory(prefix="uss_") as folder:
        num_failed = separate_all(replace(asked, output=Path(folder)))
        for path in Path(folder).iterdir():
            record = read_record(path)
            for output in record["outputs"].values() if record else ():
                with (path / output["file"]).open("rb") as file:
                    shutil.copyfileobj(file, sys.stdout.buffer)
    return num_failed
