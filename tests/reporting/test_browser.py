"""index.html in a real browser, from a folder, without a server."""

import json

import pytest

from tests.helpers.planted_results import PlantedResults
from tests.reporting.browser import browser  # noqa: F401 (a fixture)
from uss.bin import report

pytestmark = pytest.mark.slow

SIGNALS = ["mixture", "target", "resunet", "resunet_joint", "mae_frozen", "untrained",
           "ideal_ratio_mask"]  # fmt: skip
LOAD_IMAGES = """
return Promise.all(Array.from(document.images, async image => {
  image.loading = "eager";
  await image.decode();
  return [image.src, image.naturalWidth, image.naturalHeight, image.clientWidth];
}));
"""
LOAD_AUDIO = """
return Promise.all(Array.from(document.querySelectorAll("audio"), audio =>
  new Promise((resolve, reject) => {
    audio.onloadedmetadata = () => resolve([audio.src, audio.duration]);
    audio.onerror = () => reject(new Error(audio.src + ": " + audio.error.message));
    audio.preload = "auto";
    audio.load();
  })));
"""
PLAY = """
const audio = document.querySelector("audio");
audio.muted = true;
return new Promise((resolve, reject) => {
  audio.ontimeupdate = () => audio.currentTime > 0 && resolve(audio.currentTime);
  audio.play().catch(reject);
});
"""
CELLS = """
return Array.from(document.querySelector("table.sortable").tBodies[0].rows,
  row => Array.from(row.cells, cell => cell.textContent));
"""


@pytest.fixture(scope="module")
def experiment(tmp_path_factory):
    """The folder of a report of planted numbers."""
    folder = tmp_path_factory.mktemp("recipe")
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        recipe = PlantedResults(folder, num_classes=6)
        report.main(["--name", "paper", "--systems", *recipe.write_all()])
    return recipe.experiment


@pytest.fixture
def page(experiment, browser):  # noqa: F811
    """Opened afresh; its folder."""
    browser.requests(), browser.log("browser")  # of the test before
    browser.open(experiment / "index.html")
    return experiment


def test_the_page_loads_whole_and_asks_for_nothing_else(page, browser):  # noqa: F811
    examples = json.loads((page / "examples" / "examples.json").read_text())
    images = browser.run(LOAD_IMAGES)
    assert len(images) == 2 + len(examples) * len(SIGNALS) + 3  # loss curves
    assert all(width > 0 and height > 0 and shown > 0 for _, width, height, shown in images)
    sounds = browser.run(LOAD_AUDIO)
    assert len(sounds) == len(examples) * len(SIGNALS)
    assert all(seconds == pytest.approx(1.0) for _, seconds in sounds)
    browser.click("h1")  # a page that nobody has touched may not play
    assert browser.run(PLAY) > 0

    asked = browser.requests()
    inside = page.resolve().as_uri() + "/"
    assert {address for address, *_ in images + sounds} < set(asked)
    assert [address for address in asked if not address.startswith(inside)] == []
    assert browser.log("browser") == []  # neither errors nor warnings


def test_a_click_sorts_the_classes(page, browser):  # noqa: F811
    before = browser.run(CELLS)
    assert len(before) == 5
    headers = "table.sortable th:nth-child(%d) button"
    for column in range(len(before[0])):
        # "SDRi / SI-SDR" is sorted by its first number.
        number = (lambda text: text) if column == 0 else lambda text: float(text.split(" / ")[0])
        first_down = column > 0
        for down in (first_down, not first_down, first_down):
            browser.click(headers % (column + 1))
            cells = browser.run(CELLS)
            keys = [number(row[column]) for row in cells]
            assert keys == sorted(keys, reverse=down), (column, down)
            assert sorted(cells) == sorted(before)
            state = "return document.querySelector('th[aria-sort]').getAttribute('aria-sort')"
            assert browser.run(state) == ("descending" if down else "ascending")
    assert browser.log("browser") == []


def test_it_fits_the_window_and_shows_each_systems_examples(page, browser):  # noqa: F811
    width = browser.run("return [document.documentElement.scrollWidth, innerWidth]")
    assert width[0] <= width[1]
    captions = browser.run(
        "return Array.from(document.querySelectorAll('.card > .small'), e => e.textContent)"
    )
    for system in ("resunet", "resunet_joint", "mae_frozen"):
        for kind in ("best", "median", "worst"):
            assert any(f"{kind} of {system}" in caption for caption in captions)
