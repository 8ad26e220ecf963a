"""`uss separate --output -`: one sound of one recording, as a file on standard output."""

import os
import shutil
import sys
import tempfile
from dataclasses import replace
from pathlib import Path

from uss.separation.batch import Request, separate_all
from uss.separation.file_separation import read_record

STANDARD_OUTPUT = Path("-")


def separate_to_standard_output(asked: Request) -> int:
    """As `separate_all`. A header tells the length, so that the file is made elsewhere first.

    Raises:
        ValueError: the request gives more than one file.
    """
    num_sounds = len(asked.classes) + len(asked.queries)
    more = asked.auto or asked.residual or asked.spectrogram or asked.report
    if len(asked.inputs) != 1 or asked.inputs[0].is_dir() or num_sounds != 1 or more:
        raise ValueError(
            "--output - takes one file of one sound: give one input and one --class or --query, "
            "without --auto, --residual, --spectrogram and --report; or name a folder"
        )
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
