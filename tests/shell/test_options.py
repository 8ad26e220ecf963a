"""run.sh's options: what is accepted, and that a fault is one line and exit 2."""

import shutil

import pytest

from tests.helpers.bash import bash, make_recipe, run

SHOW = """
stage_3() { printf "%s|" "$stage" "$stop_stage" "$nj" "$name" "${systems[@]}" "${config[@]}"; }"""


@pytest.fixture(scope="module")
def recipe(tmp_path_factory):
    return make_recipe(tmp_path_factory.mktemp("options"), SHOW)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--stage", "three"], "--stage takes an integer from 0 to 7, not 'three'"),
        (["--stage", "8"], "--stage takes an integer from 0 to 7, not '8'"),
        (["--stage", "-1"], "not '-1'"),
        (["--stage", "03"], "not '03'"),
        (["--stage", ""], "not ''"),
        (["--stage="], "not ''"),
        (["--stage", "1+1"], "not '1+1'"),
        (["--stage", "a[$(touch broken)]"], "--stage takes an integer"),
        (["--stop-stage", "1.5"], "--stop-stage takes an integer"),
        (["--stage", "4", "--stop-stage", "3"], "--stop-stage 3 comes before --stage 4"),
        (["--stage"], "--stage needs a value"),
        (["--nj", "0"], "--nj takes an integer from 1"),
        (["--nj", "99999999999999999999"], "--nj takes an integer"),
        (["--nj", "--stage", "3"], "not '--stage'"),
        (["--nj", "1000"], "--nj 1000: at most 999 tasks at a time without --launcher slurm"),
        (["--launcher", "cloud"], "unknown launcher 'cloud'"),
        (["--num-processes", "0"], "--num-processes takes an integer from 1"),
        (["--systems", "resunet nothing"], "unknown system 'nothing'; conf/systems/ has: "),
        (["--systems", "*"], "unknown system '*'"),
        (["--systems", "resunet mae_frozen resunet"], "names a system twice"),
        (["--systems", " "], "names no system"),
        (["--systems", ""], "names no system"),
        (["--name", "a b"], "--name 'a b'"),
        (["--name", "a/b"], "--name 'a/b'"),
        (["--name", ".."], "--name '..'"),
        (["--name", ""], "--name ''"),
        (["--name", "two\nlines"], "--name"),
        (["--stagee", "3"], "unknown option '--stagee'"),
        (["-stage", "3"], "unknown option '-stage'"),
        (["3"], "unknown option '3'"),
        ([""], "unknown option ''"),
        (["--set"], "--set needs a value"),
        (["--set", "nosuchkey=1"], "--set nosuchkey=1: expected FILE.KEY=VALUE"),
        (["--set", "train.steps"], "--set train.steps: expected FILE.KEY=VALUE"),
        (["--set", "train. steps=3"], "expected FILE.KEY=VALUE"),
        (["--set", "train..steps=3"], "expected FILE.KEY=VALUE"),
        (["--set", "train.=3"], "expected FILE.KEY=VALUE"),
        (["--set", "../train.steps=3"], "expected FILE.KEY=VALUE"),
        (["--set", ""], "expected FILE.KEY=VALUE"),
        (["--set", "nosuch.steps=1"], "conf/ has no nosuch.yaml"),
        (["--set", "train.steps="], "--set train.steps=: the value is missing"),
        (["--set=train.steps= "], "the value is missing"),
    ],
)
def test_a_fault_is_one_line_and_exit_2(recipe, options, message):
    result = run(recipe, *options)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1
    assert message in result.stderr
    assert not (recipe / "broken").exists()


def test_a_fault_is_named_before_anything_is_installed(tmp_path):
    recipe = make_recipe(tmp_path, SHOW)
    (recipe.parents[1] / "path.sh").write_text("echo installs\n")
    for option in ("--set=nosuchkey=1", "--set=nosuch.steps=1", "--set=train.steps=", "--nj=x"):
        assert run(recipe, option).returncode == 2
        assert run(recipe, option).stdout == ""


@pytest.mark.parametrize("override", ["train.stepz=3", "nothing.steps=3", "train.steps=many", "x"])
def test_a_bad_override_is_one_line_and_exit_2(recipe, override):
    result = run(recipe, "--set", override)
    assert result.returncode == 2
    assert result.stdout == ""
    assert result.stderr.count("\n") == 1


@pytest.mark.slow
def test_both_forms_of_every_option(recipe):
    values = {
        "--stage": "3",
        "--stop-stage": "3",
        "--nj": "5",
        "--launcher": "local",
        "--systems": "mae_frozen  resunet",
        "--name": "my-run_2.0",
        "--set": "train.steps=700",
    }
    apart = run(recipe, *(word for pair in values.items() for word in pair))
    joined = run(recipe, *(f"{option}={value}" for option, value in values.items()))
    expected = "3|3|5|my-run_2.0|mae_frozen|resunet|--conf|conf|--set|train.steps=700|"
    assert apart.stdout == joined.stdout == expected


def test_overrides_add_up_and_keep_their_spaces(recipe):
    overrides = ("--set=train.steps=700", "--set", "detector.training.seed= 1")
    result = run(recipe, "--stage=3", "--stop-stage=3", *overrides)
    assert result.stdout.endswith("--set|train.steps=700|--set|detector.training.seed= 1|")


def test_defaults(tmp_path):
    recipe = make_recipe(tmp_path, SHOW)
    options = ("--stage", "3", "--stop-stage", "3", "--nj", "1")
    systems = "|".join((recipe / "conf" / "default_systems").read_text().split())
    assert systems == "resunet_joint|mae_film_frozen"
    assert run(recipe, *options).stdout == f"3|3|1|default|{systems}|--conf|conf|"
    (recipe / "conf" / "default_systems").unlink()
    systems = "|".join(sorted(path.stem for path in (recipe / "conf" / "systems").glob("*.yaml")))
    assert run(recipe, *options).stdout == f"3|3|1|default|{systems}|--conf|conf|"


def test_a_default_system_that_is_not_there(tmp_path):
    recipe = make_recipe(tmp_path, SHOW)
    (recipe / "conf" / "default_systems").write_text("resunet nothing\n")
    result = run(recipe, "--stage=3")
    assert result.returncode == 2
    assert "unknown system 'nothing'; conf/systems/ has: " in result.stderr


def test_help_names_every_option_and_stage(recipe):
    result = run(recipe, "--help")
    assert result.returncode == 0
    for word in ("--stage", "--stop-stage", "--nj", "--launcher", "--systems", "--name", "--set"):
        assert f"  {word} " in result.stdout
    for stage in range(8):
        assert f"\n  {stage} " in result.stdout


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("cpu\ngpu\n", "conf/slurm.conf has no line of the profile 'train'"),
        ("cpu\ngpu\ntrain\nbig --mem=9G\n", "line 4: unknown profile 'big'"),
        ("cpu\ngpu --gres gpu:1\ntrain\n", "line 2: 'gpu:1' is no flag of sbatch"),
        ("cpu\ngpu\n# train\ntrain\ncpu --mem=1G\n", "line 5: a second line of 'cpu'"),
        (None, "conf/slurm.conf is missing"),
        ('cpu\ngpu --comment="a b"\ntrain\n', 'line 2: --comment="a holds a quote'),
        ("cpu\ngpu\ntrain --account=$PROJECT\n", "line 3: --account=$PROJECT holds a quote, "),
        ("cpu\ngpu --mem=1\x00G\x07\ntrain\n", "line 2: $'--mem=1G\\a' holds a control character"),
        ("cpu\ngpu \u2013\u2013mem=1G\ntrain\n", "is no flag of sbatch"),
        ("cpu --array=1-9\ngpu\ntrain\n", "line 1: run.sh itself says '--array' to sbatch"),
        ("cpu\ngpu -Jmine\ntrain\n", "line 2: run.sh itself says '-Jmine' to sbatch"),
        ("cpu\ngpu\ntrain --error=x.log\n", "line 3: run.sh itself says '--error' to sbatch"),
    ],
)
def test_a_fault_in_slurm_conf_is_named(tmp_path, content, message):
    recipe = make_recipe(tmp_path, SHOW)
    (recipe / "conf" / "slurm.conf").unlink()
    if content is not None:
        (recipe / "conf" / "slurm.conf").write_text(content)
    script = 'mkdir bin; touch bin/sbatch; chmod +x bin/sbatch; PATH=$PWD/bin:$PATH "$@"'
    result = bash(script, tmp_path, str(recipe / "run.sh"), "--launcher=slurm", "--stage=3")
    assert (result.returncode, result.stdout) == (2, "")
    assert message in result.stderr and result.stderr.count("\n") == 1


def test_slurm_needs_sbatch(tmp_path, recipe):
    for program in ("bash", "env", "nproc", "dirname", "sort", "uniq", "date", "cat", "sha256sum"):
        (tmp_path / program).symlink_to(shutil.which(program))
    result = bash('"$@"', tmp_path, str(recipe / "run.sh"), "--launcher=slurm", PATH=str(tmp_path))
    assert result.returncode == 2
    assert "there is no sbatch here" in result.stderr


def test_adopted_systems_are_known_under_their_name_and_are_not_trained(tmp_path):
    show = 'stage_3() { printf "%s|" "${systems[@]}" trained "${trained[@]}"; }'
    recipe = make_recipe(tmp_path, show)
    record = recipe / "exp" / "one" / "far" / "adopted.json"
    record.parent.mkdir(parents=True)
    record.write_text("{}")
    options = ["--stage", "3", "--stop-stage", "3"]
    found = run(recipe, *options, "--name", "one", "--systems", "far resunet")
    assert found.stdout == "far|resunet|trained|resunet|", found.stderr
    other = run(recipe, *options, "--systems", "far")
    assert other.returncode == 2 and "unknown system 'far'; conf/systems/ has: " in other.stderr
    assert "far" not in run(recipe, *options, "--name", "one").stdout
    shutil.rmtree(recipe / "conf" / "systems")
    (recipe / "conf" / "default_systems").unlink()
    (recipe / "conf" / "stages").write_text("3 4\n")
    found = run(recipe, "--stage", "3", "--stop-stage", "6", "--name", "one")
    assert found.stdout == "far|trained|", found.stderr
    assert found.stderr.count("nothing to train: adopted are far") == 1
    assert found.stderr.count("this recipe has stages 3 4 alone") == 2
    nothing = run(recipe, *options)
    assert nothing.returncode == 2
    assert "adopt MODEL --system SYSTEM --name default" in nothing.stderr
