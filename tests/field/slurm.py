"""Slurm sites, on a cluster of two nodes on this machine."""

import atexit
import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from tests.field.case import Done, Skip, case, require
from tests.field.place import CASES, ROOT, Place
from tests.helpers.bash import make_recipe
from tests.helpers.recipe_runs import REDUCED, copy_recipe

SLURM = "Slurm"
CLUSTER = ROOT / "tests" / "slurm" / "cluster.sh"
PROGRAMS = ("slurmctld", "slurmd", "sbatch", "munged", "srun", "salloc")
STAGES = """
stage_1() { launch cpu 2 data/log/task bash -c 'python -c "import uss.files" &&
    echo done >done$SHARD'; }
"""
STAGE = ("--stage=1", "--stop-stage=1", "--launcher=slurm", "--nj=2")
started: list[Path] = []


def cluster() -> dict[str, str]:
    """The variables that lead to it; it is started once and ends with this program."""
    for program in PROGRAMS:
        if shutil.which(program, path=f"{os.environ['PATH']}:/usr/sbin:/sbin") is None:
            raise Skip(f"no {program}")
    if os.geteuid() != 0:
        raise Skip("only root can start a cluster")
    if not started:
        folder = Path(tempfile.mkdtemp(prefix="uss-cluster-"))
        atexit.register(stop, folder)
        environment = os.environ | {"PATH": f"{os.environ['PATH']}:/usr/sbin:/sbin"}
        if subprocess.run([CLUSTER, "start", folder], env=environment).returncode != 0:
            raise Skip("the cluster does not start")
        started.append(folder)
    return {"SLURM_CONF": str(started[0] / "slurm.conf")}


def stop(folder: Path) -> None:
    subprocess.run([CLUSTER, "stop", folder])
    shutil.rmtree(folder, ignore_errors=True)


def recipe_of(place: Place, flags: str = "") -> Path:
    """A recipe whose stage 1 is two tasks; flags: of the profile cpu."""
    recipe = make_recipe(place.folder, STAGES)
    (recipe / "conf" / "slurm.conf").write_text(f"cpu {flags}\ngpu\ntrain\n")
    return recipe


def run_sh(place: Place, recipe: Path, **variables: str | Path) -> Done:
    done = place.run(recipe / "run.sh", *STAGE, seconds=180, **cluster() | variables)
    return done


def both(recipe: Path, done: Done) -> str:
    """Both tasks have done their work, and run.sh knows it."""
    there = [(recipe / f"done{task}").exists() for task in (1, 2)]
    require(done.status == 0, f"{done.short} (tasks done: {there})")
    require(there == [True, True], f"tasks done: {there}; {done.short}")
    return done.line


@case(
    SLURM,
    "CURC Documentation#86",
    "`SBATCH_EXPORT=NONE ./run.sh --launcher slurm`",
    "the tasks find their environment",
)
def the_environment_of_the_caller(place: Place) -> str:
    recipe = recipe_of(place)
    return both(recipe, run_sh(place, recipe, SBATCH_EXPORT="NONE"))


@case(SLURM, "CURC Documentation#86", "`--export=NONE` in slurm.conf, SLURM_EXPORT_ENV", "the same")
def an_export_of_the_site(place: Place) -> str:
    recipe = recipe_of(place, "--export=NONE")
    return both(recipe, run_sh(place, recipe, SLURM_EXPORT_ENV="NONE"))


def with_program(place: Place, name: str, script: str) -> dict[str, str]:
    programs = place.program(name, script)
    return {"PATH": f"{programs}{os.pathsep}{place.environment()['PATH']}"}


def of_case(name: str) -> str:
    return (CASES / "slurm" / name).read_text()


@case(
    SLURM,
    "nipype#1330",
    "an sbatch that greets on its output (`sbatch.banner`)",
    "the job is followed",
)
def the_greeting_of_the_site(place: Place) -> str:
    recipe = recipe_of(place)
    slowly = of_case("sbatch.banner").replace("exec ", "sleep 0.5; exec ")  # as a network is
    return both(recipe, run_sh(place, recipe, **with_program(place, "sbatch", slowly)))


@case(
    SLURM,
    "nipype#1330",
    "an sbatch that greets with a line of digits first, and says farewell",
    "the job is followed",
)
def a_greeting_with_numbers(place: Place) -> str:
    recipe = recipe_of(place)
    script = (
        '#!/bin/bash\necho "2026 jobs run"\necho "1 job"\nsleep 0.5; /usr/bin/sbatch "$@"\ns=$?\n'
    )
    script += 'echo "Your job waits in queue 3."\nexit $s\n'
    return both(recipe, run_sh(place, recipe, **with_program(place, "sbatch", script)))


@case(SLURM, "batchtools#201", "a squeue that fails once (`squeue.fails_once`)", "goes on")
def a_hiccup_of_the_controller(place: Place) -> str:
    recipe = recipe_of(place)
    variables = with_program(place, "squeue", of_case("squeue.fails_once"))
    return both(recipe, run_sh(place, recipe, TMPDIR=place.folder, **variables))


@case(SLURM, "batchtools#201", "a squeue that always fails", "goes on: it only serves a message")
def a_controller_that_never_answers(place: Place) -> str:
    recipe = recipe_of(place)
    script = "#!/bin/bash\necho 'slurm_load_jobs error: Unable to contact' >&2\nexit 1\n"
    return both(recipe, run_sh(place, recipe, **with_program(place, "squeue", script)))


@case(
    SLURM,
    "snakemake#2230",
    "inside `salloc --mem=500`, with `--mem-per-cpu=100` in slurm.conf",
    "inherited limits are dropped",
)
def inside_salloc(place: Place) -> str:
    recipe = recipe_of(place, "--mem-per-cpu=100")
    done = place.run("salloc", "--mem=500", "--quiet", recipe / "run.sh", *STAGE, seconds=180,
                     **cluster())  # fmt: skip
    return both(recipe, done)


@case(
    SLURM,
    "snakemake#2230",
    "with the variables of an allocation: SLURM_MEM_PER_NODE, SLURM_NTASKS, SLURM_NNODES, ...",
    "dropped",
)
def inherited_variables(place: Place) -> str:
    recipe = recipe_of(place, "--mem-per-cpu=100")
    inherited = {
        "SLURM_MEM_PER_NODE": "500", "SBATCH_MEM_PER_NODE": "500", "SLURM_MEM_PER_GPU": "100",
        "SLURM_NTASKS": "4", "SLURM_NTASKS_PER_NODE": "4", "SLURM_CPUS_PER_TASK": "2",
        "SLURM_NNODES": "2", "SLURM_TRES_PER_TASK": "cpu:2",
    }  # fmt: skip
    return both(recipe, run_sh(place, recipe, **inherited))


@case(SLURM, "spd#830", "`--comment=project7` in slurm.conf", "kept, or refused by name")
def a_comment_for_accounting(place: Place) -> str:
    recipe = recipe_of(place, "--comment=project7")
    script = '#!/bin/bash\nprintf "%s\\n" "$@" >"${0%/*}/words"\nexec /usr/bin/sbatch "$@"\n'
    done = run_sh(place, recipe, **with_program(place, "sbatch", script))
    if done.sentence:
        require("comment" in done.said, done.short)
        return done.short
    words = (place.folder / "programs" / "words").read_text().splitlines()
    comments = [word for word in words if word.startswith("--comment")]
    require(comments == ["--comment=project7"], f"{comments}; {done.short}")
    return both(recipe, done)


@case(SLURM, "molgenis/vip#44", "`sbatch ./run.sh`", "works, or a sentence")
def run_sh_as_a_job(place: Place) -> str:
    recipe = copy_recipe("mini", place.folder / "clone")
    log = place.folder / "job.log"
    overrides = [word for override in REDUCED for word in ("--set", override)]
    words = ("sbatch", "--wait", f"--output={log}", "./run.sh", "--stage=0", "--stop-stage=0")
    done = place.run(*words, *overrides, cwd=recipe, seconds=180, **cluster())
    for _ in range(50):
        if log.exists() and log.stat().st_size:
            break
        time.sleep(0.1)
    own = Done(done.status, log.read_text() if log.exists() else "")
    if done.status == 0:
        require((recipe / "data" / "classes.csv").exists(), f"nothing is done; {own.short}")
        return own.line
    require("No such file" not in own.said, own.short)
    return own.require_sentence().short


@case(SLURM, "own", "`crlf_slurm.conf`, whose lines end in CR LF", "read")
def line_ends_of_windows(place: Place) -> str:
    recipe = recipe_of(place)
    shutil.copy(CASES / "slurm" / "crlf_slurm.conf", recipe / "conf" / "slurm.conf")
    return both(recipe, run_sh(place, recipe))


@case(SLURM, "own", '`cpu --comment="a b"` and `--partition="main"` in slurm.conf', "quotes named")
def quotes_in_slurm_conf(place: Place) -> str:
    recipe = recipe_of(place, '--partition="main"')
    done = run_sh(place, recipe)
    require(done.status == 2 and "quote" in done.said, done.short)
    return done.short
