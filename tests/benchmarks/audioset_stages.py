"""Wall time and memory of egs/audioset's stages 0 to 4, and of the training reader, on a synthetic
AudioSet.

    python -m tests.benchmarks.audioset_stages FOLDER --num-train-clips 1500 --num-eval-clips 500

The lists have AudioSet's real size, so that every table has; audio has the number of clips asked
for. The networks are small (stages 2 and 4 show memory and overhead, not the networks' own time),
and stage 4 caches the features of few mixtures. Writes the audio to FOLDER/audioset, where a second
run finds it; prints a table in Markdown. Memory is that of the largest process: resident, and the
part of it that is no mapped file.
"""

import argparse
import shutil
import subprocess
import sys
import threading
import time
from pathlib import Path

from tests.recipes.recipe import copy_recipe

SMALL = {
    "tagger.model.channels": "[8, 16, 16, 32, 32, 64]",
    "tagger.training.steps": 20,
    "tagger.training.batch_size": 8,
    "amae.model.width": 64,
    "amae.model.depth": 2,
    "amae.model.heads": 2,
    "amae.model.decoder_width": 32,
    "amae.model.decoder_depth": 1,
    "amae.model.decoder_heads": 2,
    "amae.training.steps": 5,
    "amae.training.batch_size": 8,
    "pretrained.sound_event_detector": "null",
    "pretrained.query_encoder": "null",
    "pretrained.audio_mae": "null",
}
SAMPLE_SECONDS = 0.1
SAMPLED = {"VmRSS:": "resident", "RssAnon:": "anonymous"}


class Memory:
    """The largest process below this one, sampled."""

    def __init__(self, root: int) -> None:
        self.root = root
        self.peak_kilobytes = dict.fromkeys(SAMPLED.values(), 0)
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._sample)

    def __enter__(self) -> "Memory":
        self._thread.start()
        return self

    def __exit__(self, *args: object) -> None:
        self._end.set()
        self._thread.join()

    def _sample(self) -> None:
        while not self._end.wait(SAMPLE_SECONDS):
            for process in descendants(self.root):
                try:
                    lines = Path(f"/proc/{process}/status").read_text().splitlines()
                except OSError:
                    continue  # it has just ended
                for line in lines:
                    name, *words = line.split()
                    if name in SAMPLED:
                        kind, value = SAMPLED[name], int(words[0])
                        self.peak_kilobytes[kind] = max(self.peak_kilobytes[kind], value)


def descendants(root: int) -> set[int]:
    """This process and all below it."""
    parent_of = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            text = path.read_text()
        except OSError:
            continue
        parent_of[int(path.parent.name)] = int(text.rpartition(")")[2].split()[1])
    found, before = {root}, set()
    while found != before:
        before = set(found)
        found |= {process for process, parent in parent_of.items() if parent in found}
    return found


def run_stage(recipe: Path, stage: int, options: list[str], settings: dict) -> dict:
    command = ["./run.sh", "--stage", str(stage), "--stop-stage", str(stage), *options]
    for key, value in settings.items():
        command += ["--set", f"{key}={value}"]
    return measure(command, recipe)


def measure(command: list[str], recipe: Path) -> dict:
    start = time.monotonic()
    process = subprocess.Popen(command, cwd=recipe)
    with Memory(process.pid) as memory:
        status = process.wait()
    if status != 0:
        sys.exit(f"{' '.join(command)} failed with status {status}")
    return {"seconds": time.monotonic() - start, **memory.peak_kilobytes}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--num-train-clips", type=int, default=1500)
    parser.add_argument("--num-eval-clips", type=int, default=500)
    parser.add_argument("--rate", type=int, default=32000, help="of the source audio, in Hz")
    parser.add_argument("--source", choices=["local", "packed"], default="local")
    parser.add_argument(
        "--num-cached", type=int, default=2000, help="mixtures of stage 4; 0: without it"
    )
    parser.add_argument("--nj", type=int, default=1)
    parser.add_argument("--set", action="append", default=[], metavar="FILE.KEY=VALUE")
    arguments = parser.parse_args()
    audioset = arguments.folder / "audioset"
    if not (audioset / "segments").exists():
        layout = {"local": "files", "packed": "packed"}[arguments.source]
        command = [sys.executable, "-m", "tests.audioset_synthetic", str(audioset)]
        command += ["--num-train-clips", str(arguments.num_train_clips)]
        command += ["--num-eval-clips", str(arguments.num_eval_clips)]
        command += ["--rate", str(arguments.rate), "--layouts", layout]
        subprocess.run(command, check=True)
    shutil.rmtree(arguments.folder / "egs", ignore_errors=True)
    (arguments.folder / "tools").unlink(missing_ok=True)
    (arguments.folder / "path.sh").unlink(missing_ok=True)
    recipe = copy_recipe("audioset", arguments.folder)
    audioset = audioset.resolve()
    settings = SMALL | {
        "data.source": arguments.source,
        "data.segments_folder": audioset / "segments",
        "data.local.folders": f"[{audioset / 'audio'}]",
        "data.packed.files": f"['{audioset / 'packed'}/*.h5']",
    }
    settings |= dict(override.split("=", 1) for override in arguments.set)
    few = settings | {
        "mixtures.num_train": arguments.num_cached,
        "amae.mixtures_per_part": min(1000, arguments.num_cached),
    }
    options = ["--nj", str(arguments.nj), "--systems", "mae_frozen"]
    cases = [
        ("0 data", 0, settings),
        ("1 resample", 1, settings),
        ("2 anchors", 2, settings),
        ("3 mixtures, full lists", 3, settings),
    ]
    results = {name: run_stage(recipe, stage, options, keys) for name, stage, keys in cases}
    reader = [sys.executable, "-m", "tests.benchmarks.training_reader"]
    results["5 training reader, full list"] = measure(reader, recipe)
    if arguments.num_cached > 0:
        name = f"3 mixtures, {arguments.num_cached} to train"
        results[name] = run_stage(recipe, 3, options, few)
        results["4 A-MAE and features of these"] = run_stage(recipe, 4, options, few)
    print("| stage | wall time (s) | resident (MB) | anonymous (MB) |")
    print("|---|---|---|---|")
    for name, result in results.items():
        resident, anonymous = result["resident"] / 1024, result["anonymous"] / 1024
        print(f"| {name} | {result['seconds']:.1f} | {resident:.0f} | {anonymous:.0f} |")


if __name__ == "__main__":
    main()
