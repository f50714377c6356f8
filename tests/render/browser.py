"""A real browser, started once, told what to do by the DevTools protocol over two pipes."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest


class Browser:
    def __init__(self, program: str, folder: Path) -> None:
        (commands, self._send), (self._receive, answers) = os.pipe(), os.pipe()

        def connect() -> None:
            kept = os.dup(answers)  # 3 and 4 may be taken by the very pipes
            os.dup2(commands, 3)
            os.dup2(kept, 4)

        self._process = subprocess.Popen(
            [
                program, "--headless", "--disable-gpu", "--no-sandbox", "--no-first-run",
                "--disable-dev-shm-usage", f"--user-data-dir={folder}", "--remote-debugging-pipe",
            ],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env={**os.environ, "HOME": str(folder)},
            pass_fds=(3, 4),
            preexec_fn=connect,
        )  # fmt: skip
        os.close(commands)
        os.close(answers)
        self._left, self._count, self._session = b"", 0, {}
        target = self._call("Target.createTarget", url="about:blank")["targetId"]
        session = self._call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        self._session = {"sessionId": session}
        for domain in ("Page", "Runtime", "Log"):
            self._call(f"{domain}.enable")

    def _read(self) -> dict[str, Any]:
        while b"\0" not in self._left:
            more = os.read(self._receive, 1 << 20)
            assert more, "the browser is gone"
            self._left += more
        message, _, self._left = self._left.partition(b"\0")
        found: dict[str, Any] = json.loads(message)
        complaints = ("Runtime.consoleAPICalled", "Runtime.exceptionThrown", "Log.entryAdded")
        assert found.get("method") not in complaints, found
        return found

    def _call(self, method: str, **params: Any) -> dict[str, Any]:
        self._count += 1
        call = {"id": self._count, "method": method, "params": params, **self._session}
        os.write(self._send, json.dumps(call).encode() + b"\0")
        while (answer := self._read()).get("id") != self._count:
            pass
        assert "result" in answer, answer
        return answer["result"]

    def visit(self, page: Path, script: str) -> Any:
        """Open a page, run a script on it that returns something, and expect no complaint."""
        self._call("Page.navigate", url=page.as_uri())
        while self._read().get("method") != "Page.loadEventFired":
            pass
        run = f"(async () => {{ {script} }})()"
        result = self._call(
            "Runtime.evaluate", expression=run, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def close(self) -> None:
        self._call("Browser.close")
        self._process.wait()
        os.close(self._send)
        os.close(self._receive)


@pytest.fixture(scope="session")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    names = ("chromium", "chromium-browser", "google-chrome", "chrome")
    program = next((path for name in names if (path := shutil.which(name))), None)
    if program is None:
        pytest.skip("no Chromium is installed")
    opened = Browser(program, tmp_path_factory.mktemp("browser"))
    yield opened
    opened.close()
