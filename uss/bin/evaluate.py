"""Stage 7: SDR, SDRi and SI-SDR of every evaluation mixture, for each system and embedding.

Reads data/mixtures/eval.csv (and eval_sed.csv, and eval_imported.csv of import_mixtures),
data/eval/anchors/, exp/<name>/<system>/, exp/<name>/average_embeddings.h5; conf/evaluate.yaml.
Writes exp/<name>/<system>/results/part_0000.csv (results_sed/ for eval_sed.csv, results_imported/).
Two pseudo-systems stand beside the systems: the bound `ideal_ratio_mask`, and `untrained`, the
reference of evaluate.yaml (without it the first one in the order of tables) with its initial
weights. A sample of the mixtures is measured with museval too. With evaluate.split dev it is
data/mixtures/dev.csv alone, into results_dev/: for whatever is chosen by its results. With
evaluate.split recordings it is data/recordings.csv alone, ready mixtures of any length, into
results_recordings/, by what `uss separate` takes of a model's directory. Sharded over systems and
parts.

    SHARD=1 NUM_SHARDS=4 python -m uss.bin.evaluate --name paper --systems resunet mae_frozen
"""

from tqdm import tqdm

from uss.command import add_name, add_systems, parser, run
from uss.config import load
from uss.data.dataset import Dataset
from uss.evaluation.measurement import Evaluation
from uss.evaluation.units import all_units
from uss.layout import DATA
from uss.schema import Evaluate
from uss.separation.recordings import RecordingsEvaluation
from uss.shards import mine


def main(argv: list[str] | None = None) -> None:
    options = add_systems(add_name(parser(__doc__))).parse_args(argv)
    config = load(options.conf, "evaluate", Evaluate, options.overrides)
    evaluation: Evaluation | RecordingsEvaluation
    if config.split == "recordings":
        evaluation = RecordingsEvaluation(options.name, options.systems, config)
        units = evaluation.units()
    else:
        evaluation = Evaluation(options.name, options.systems, config, Dataset(DATA))
        units = all_units(options.systems, config)
    for unit in tqdm(mine(units), disable=None):
        step = evaluation.step(unit)
        if not step.is_current():
            evaluation.run(unit, step)


if __name__ == "__main__":
    run(main)
