"""Separate any recording with a trained model.

    uss separate street.flac --model exp/default/resunet_joint --class "Dial tone" --residual
    uss separate recordings/ --model MODEL --query examples/bell/ --output separated
    uss separate street.flac --model MODEL --auto --level 1 --spectrogram --report
    uss classes --model MODEL
    uss info MODEL
    uss export MODEL --onnx masks.onnx

MODEL is the directory of a system after stage 6, or an imported one. `uss separate` writes
<output>/<name>/<name>_<sound>.wav and separation.json for each input, at the input's rate, channels
and length; run again, it skips what is done. Exit status: 0 all is well, 1 something failed (what
could be separated is), 2 a wrong option.
"""

import argparse
import logging
import os
import re
import sys
from dataclasses import fields
from pathlib import Path

from uss.command import run
from uss.separation.allocator import keep_freed_memory
from uss.version import __version__

STANDARD_OUTPUT = Path("-")

logger = logging.getLogger(__name__)


def options() -> argparse.ArgumentParser:
    result = argparse.ArgumentParser(
        prog="uss", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    result.add_argument("--version", action="version", version=f"uss {__version__}")
    commands = result.add_subparsers(dest="command", required=True)
    separate = commands.add_parser("separate", help="separate files or folders of files")
    separate.add_argument("inputs", nargs="+", type=Path, metavar="INPUT")
    separate.add_argument("--model", type=Path, required=True, help="directory of a system")
    separate.add_argument(
        "--class", dest="classes", action="append", default=[], metavar="CLASS",
        help="a class by its name, mid or index; repeatable",
    )  # fmt: skip
    separate.add_argument(
        "--query", dest="queries", action="append", default=[], type=Path, metavar="PATH",
        help="an example sound, a folder of examples, or what --save-query wrote; repeatable",
    )  # fmt: skip
    separate.add_argument(
        "--save-query", type=Path, metavar="FILE.h5", help="keep the query of the one --query"
    )
    separate.add_argument("--auto", action="store_true", help="separate what the detector hears")
    separate.add_argument(
        "--level", type=int, choices=(1, 2, 3), default=3, help="of AudioSet's hierarchy (--auto)"
    )
    separate.add_argument(
        "--threshold", type=float, default=0.5, help="probability of the detector (--auto)"
    )
    separate.add_argument(
        "--not", dest="others", action="append", default=[], metavar="CLASS",
        help="experimental: take the direction of this class out of every query; repeatable",
    )  # fmt: skip
    separate.add_argument("--residual", action="store_true", help="write the rest too")
    separate.add_argument(
        "--confidence", action="store_true", help="say how alike query and output are; takes time"
    )
    separate.add_argument(
        "--output", type=Path, default=Path("separated"),
        help="folder; - is standard output, for one sound of one file",
    )  # fmt: skip
    separate.add_argument(
        "--format", choices=("wav", "flac"), default="wav", help="of the outputs (wav)"
    )
    separate.add_argument("--spectrogram", action="store_true", help="a PNG for each output")
    separate.add_argument("--report", action="store_true", help="write <output>/index.html")
    separate.add_argument(
        "--jobs", type=positive, default=1, metavar="N", help="files at a time (1)"
    )
    separate.add_argument(
        "--threads", type=positive, metavar="N", help="of each file; by default all cores share"
    )
    separate.add_argument(
        "--device", type=device, help="cpu, cuda or cuda:1; by default a GPU where there is one"
    )
    classes = commands.add_parser("classes", help="list the classes of a model")
    classes.add_argument("--model", type=Path, required=True)
    info = commands.add_parser("info", help="what a model is")
    info.add_argument("model", type=Path)
    export = commands.add_parser("export", help="the mask network, without STFT, as ONNX")
    export.add_argument("model", type=Path)
    export.add_argument("--onnx", type=Path, required=True, metavar="FILE")
    return result


def positive(text: str) -> int:
    """Whole numbers from 1 on."""
    if not text.isdecimal() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is no whole number from 1 on")
    return int(text)


def device(text: str) -> str:
    if not re.fullmatch(r"cpu|cuda(:\d+)?", text):
        raise argparse.ArgumentTypeError(f"{text!r} is none of cpu, cuda, cuda:0, cuda:1, ...")
    return text


def main(argv: list[str] | None = None) -> None:
    """Raises ValueError for a user's fault; exits 1 where some inputs failed, 2 for options."""
    parser = options()
    chosen = parser.parse_args(argv)
    if chosen.command == "classes":
        list_classes(chosen.model)
    elif chosen.command == "info":
        from uss.separation.info import describe

        print(describe(chosen.model))
    elif chosen.command == "export":
        from uss.separation.onnx_export import export

        export(chosen.model, chosen.onnx)
    else:
        if not (chosen.classes or chosen.queries or chosen.auto):
            parser.error("say what to separate: --class, --query or --auto")
        if chosen.save_query and len(chosen.queries) != 1:
            parser.error("--save-query needs exactly one --query")
        if not 0 < chosen.threshold < 1:
            parser.error("--threshold must lie between 0 and 1")
        to_stdout = chosen.output == STANDARD_OUTPUT
        if to_stdout and not gives_one_file(chosen):
            parser.error(
                "--output - takes one sound of one file: give one input and one --class or "
                "--query, without --auto, --residual, --spectrogram and --report"
            )
        from uss.separation.batch import Request, separate_all
        from uss.separation.standard_output import separate_to_standard_output

        asked = Request(**{field.name: getattr(chosen, field.name) for field in fields(Request)})
        if (separate_to_standard_output if to_stdout else separate_all)(asked) > 0:
            sys.exit(1)


def gives_one_file(chosen: argparse.Namespace) -> bool:
    num_sounds = len(chosen.classes) + len(chosen.queries)
    more = chosen.auto or chosen.residual or chosen.spectrogram or chosen.report
    return len(chosen.inputs) == num_sounds == 1 and not chosen.inputs[0].is_dir() and not more


def list_classes(directory: Path) -> None:
    from uss.data.averages import read_average_embeddings
    from uss.separation.model_files import EMBEDDINGS, class_table

    classes = class_table(directory)
    targets = read_average_embeddings(directory / EMBEDDINGS).num_targets
    for index, class_id in enumerate(classes.ids):
        without = "" if targets[index] else "\t(no average embedding)"
        print(f"{index}\t{class_id}\t{classes.names[index]}{without}")


def console() -> None:
    """The command `uss`."""
    # As tools/launch.sh has it, and before torch is imported: threads that wait shall sleep, not
    # spin where other programs need the core.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    keep_freed_memory()
    run(main)


if __name__ == "__main__":
    console()
