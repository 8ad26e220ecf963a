"""Debian's chromium, headless, driven by chromedriver's WebDriver protocol over HTTP."""

import json
import re
import shutil
import subprocess
import urllib.error
import urllib.request
from pathlib import Path

import pytest

ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-default-apps",
    "--window-size=1280,1600",
)


class Browser:
    """A session with an empty profile.

    Args:
        profile: an empty folder.
    """

    def __init__(self, profile: Path) -> None:
        command = ["chromedriver", "--port=0"]
        self.driver = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        for line in self.driver.stdout:
            started = re.search(r"started successfully on port (\d+)", line)
            if started:
                break
        assert started, "chromedriver did not start"
        self.address = f"http://127.0.0.1:{started[1]}"
        options = {"args": [*ARGUMENTS, f"--user-data-dir={profile}"]}
        capabilities = {
            "browserName": "chrome",
            "goog:chromeOptions": options,
            "goog:loggingPrefs": {"browser": "ALL", "performance": "ALL"},
        }
        body = {"capabilities": {"alwaysMatch": capabilities}}
        session = self._post("/session", body)["sessionId"]
        self.session = f"/session/{session}"

    def _post(self, path: str, body: dict) -> object:
        return self._request(path, "POST", json.dumps(body).encode())

    def _request(self, path: str, method: str, body: bytes | None = None) -> object:
        request = urllib.request.Request(
            self.address + path, body, {"Content-Type": "application/json"}, method=method
        )
        try:
            with urllib.request.urlopen(request, timeout=120) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as error:
            raise AssertionError(json.load(error)["value"]["message"]) from None

    def open(self, path: Path) -> None:
        """Load a local page; returns when all that it asks for at once has been loaded."""
        self._post(f"{self.session}/url", {"url": path.resolve().as_uri()})

    def run(self, script: str) -> object:
        """The value that the script returns; a promise is waited for."""
        body = {"script": script, "args": []}
        return self._post(f"{self.session}/execute/sync", body)

    def click(self, selector: str) -> None:
        """As a user does: scrolls there, and fails where something lies above it."""
        found = self._post(f"{self.session}/element", {"using": "css selector", "value": selector})
        (element,) = found.values()
        self._post(f"{self.session}/element/{element}/click", {})

    def log(self, kind: str) -> list[dict]:
        """Entries since the last call: "browser" is the console, "performance" the network."""
        return self._post(f"{self.session}/se/log", {"type": kind})

    def requests(self) -> list[str]:
        """Addresses that pages have asked for since the last call, but for the browser's own."""
        messages = [json.loads(e["message"])["message"] for e in self.log("performance")]
        sent = [m["params"] for m in messages if m["method"] == "Network.requestWillBeSent"]
        addresses = [params["request"]["url"] for params in sent]
        return [a for a in addresses if not a.startswith(("chrome:", "data:"))]

    def close(self) -> None:
        self._request(self.session, "DELETE")
        self.driver.terminate()
        self.driver.wait()


@pytest.fixture(scope="session")
def browser(tmp_path_factory):
    """Skipped only where chromium is not installed; tests/run.sh installs it where root runs it."""
    if shutil.which("chromedriver") is None or shutil.which("chromium") is None:
        pytest.skip("chromium is not installed: apt-get install chromium chromium-driver")
    session = Browser(tmp_path_factory.mktemp("profile"))
    yield session
    session.close()
