"""Stage 7: compare the evaluated systems; write tables, figures and the page.

Reads exp/<name>/<system>/results/ (and results_sed/, where the recipe has that list), those of the
pseudo-systems untrained and ideal_ratio_mask, data/mixtures/eval.csv (and eval_sed.csv),
data/classes.csv, data/anchors.json, data/amae_probe.json, the training logs, and
local/results_notes.md (what the authors of a recipe want to say) where there is one; for the
examples what uss.bin.evaluate reads; conf/evaluate.yaml.
Writes in exp/<name>/: results.csv, results_sed.csv, results.json, table1.md, figure2.{pdf,png,csv},
figure3.{pdf,png}, examples/*/*.{wav,png}, index.html, RESULTS.md; of imported mixtures
results_imported.csv and table1_imported.md. With evaluate.split dev it writes table1_dev.md alone,
of exp/<name>/<system>/results_dev/; with evaluate.split recordings table1_recordings.md and
results_recordings.csv alone. With --publish it copies RESULTS.md,
results.json, figure2.png, figure2.csv and figure3.png beside the recipe's README.

    python -m uss.bin.report --name paper --systems resunet_joint mae_frozen --publish
"""

import logging
import shlex
from pathlib import Path

from uss.command import add_name, add_systems, parser, run
from uss.config import load
from uss.files import size_of
from uss.labels import read_classes
from uss.layout import CLASSES, EXPERIMENTS
from uss.reporting.experiment_report import (
    files_beside,
    final_step,
    lost_loss_curves,
    make_record,
    publish,
    write_dev_table,
    write_report,
)
from uss.reporting.recordings_report import write_recordings_tables
from uss.schema import Evaluate

logger = logging.getLogger(__name__)


def main(argv: list[str] | None = None) -> None:
    arguments = add_systems(add_name(parser(__doc__)))
    arguments.add_argument("--publish", action="store_true", help="copy the small files here")
    options = arguments.parse_args(argv)
    config = load(options.conf, "evaluate", Evaluate, options.overrides)
    experiment = EXPERIMENTS / options.name
    systems = config.in_order(options.systems)
    if config.split == "dev":
        write_dev_table(experiment, systems, read_classes(CLASSES), config)
        return
    if config.split == "recordings":
        write_recordings_tables(experiment, systems, read_classes(CLASSES), config)
        return
    words = ["./run.sh", "--name", options.name, "--systems", " ".join(systems)]
    for override in options.overrides:
        words += ["--set", override]
    command = shlex.join(words)

    step = final_step(experiment, systems, config, command)
    lost = [path for path in files_beside(experiment, systems, config) if not size_of(path)]
    lost += lost_loss_curves(experiment, systems)
    if lost:
        logger.info("run %s: %s is missing or empty", step.output, lost[0])
    if lost or not step.is_current():
        classes = read_classes(CLASSES)
        record, scores = make_record(experiment, systems, classes, config, command)
        write_report(experiment, record, scores, classes, config, options.systems)
        step.finish(files_beside(experiment, systems, config))
        logger.info("wrote %s and %s", experiment / "index.html", step.output)
    if options.publish:
        publish(experiment, Path())


if __name__ == "__main__":
    run(main)
