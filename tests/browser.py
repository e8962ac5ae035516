"""A headless Chromium driven through its own pipe, without any further package."""

import base64
import fcntl
import json
import os
import select
import shutil
import subprocess
import time

CHROMIUM = shutil.which("chromium") or shutil.which("google-chrome") or shutil.which("chromium-browser")

_FLAGS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--no-first-run",
    "--hide-scrollbars",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--window-size=1400,1000",
    "--disable-features=IsolateSandboxedIframes",
    "--disable-site-isolation-trials",
    "--remote-debugging-pipe",
)


class Browser:
    """One page; what its console says in red is kept in `faults`."""

    def __init__(self, profile):
        read, self._send = os.pipe()
        self._read, write = os.pipe()
        ends = [fcntl.fcntl(one, fcntl.F_DUPFD, 20) for one in (read, write)]  # out of the way of 3 and 4
        self.process = subprocess.Popen(
            [CHROMIUM, *_FLAGS, f"--user-data-dir={profile}"],
            pass_fds=(3, 4),
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            preexec_fn=lambda: (os.dup2(ends[0], 3), os.dup2(ends[1], 4)),  # Chromium reads 3 and writes 4
        )
        for one in (read, write, *ends):
            os.close(one)
        self._number, self._rest, self._answers, self._session = 0, b"", {}, None
        self.contexts, self.faults = [], []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log"):
            self.call(f"{domain}.enable")

    def close(self):
        self.process.kill()
        self.process.wait()
        for one in (self._send, self._read):
            os.close(one)

    def call(self, method, **params):
        """Send a command and return its result."""
        self._number += 1
        message = {"id": self._number, "method": method, "params": params}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._send, json.dumps(message).encode() + b"\0")
        until = time.monotonic() + 60
        while self._number not in self._answers:
            self._listen(until)
        answer = self._answers.pop(self._number)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def open(self, address):
        """Go to an address; a change behind the # alone would not load a page anew."""
        self.call("Page.navigate", url="about:blank")
        self.call("Page.navigate", url=address)

    def evaluate(self, expression):
        """Return an expression's value in each frame of the page that has one."""
        if not self.contexts:  # after a change of process the frames are only told anew when asked for
            self.call("Runtime.disable")
            self.call("Runtime.enable")
        found = []
        for context in list(self.contexts):
            try:
                answer = self.call(
                    "Runtime.evaluate", expression=expression, contextId=context, returnByValue=True
                )
            except RuntimeError:  # the frame has gone
                continue
            found.append(answer["result"].get("value"))
        return found

    def wait(self, expression, seconds=60):
        """Return the first true value of an expression in any frame."""
        until = time.monotonic() + seconds
        while time.monotonic() < until:
            values = [value for value in self.evaluate(expression) if value]
            if values:
                return values[0]
            time.sleep(0.3)
        text = self.evaluate("document.body ? document.body.innerText.slice(0, 1500) : ''")
        raise AssertionError(f"never true: {expression}; the page says {text}; its console {self.faults}")

    def screenshot(self, path):
        """Write what the page looks like as PNG."""
        path.write_bytes(base64.b64decode(self.call("Page.captureScreenshot")["data"]))

    def _listen(self, until):
        if not select.select([self._read], [], [], max(until - time.monotonic(), 0))[0]:
            raise TimeoutError("Chromium does not answer")
        self._rest += os.read(self._read, 1 << 20)
        *whole, self._rest = self._rest.split(b"\0")
        for text in whole:
            message = json.loads(text)
            if "id" in message:
                self._answers[message["id"]] = message
            else:
                self._note(message["method"], message["params"])

    def _note(self, method, params):
        if method == "Runtime.executionContextCreated":
            self.contexts.append(params["context"]["id"])
        elif method == "Runtime.executionContextDestroyed":
            self.contexts = [one for one in self.contexts if one != params["executionContextId"]]
        elif method == "Runtime.executionContextsCleared":
            self.contexts = []
        elif method == "Runtime.exceptionThrown":
            self.faults.append(str(params["exceptionDetails"]))
        elif method == "Runtime.consoleAPICalled" and params["type"] == "error":
            self.faults.append(str([one.get("value", one.get("description")) for one in params["args"]]))
        elif method == "Log.entryAdded" and params["entry"]["level"] == "error":
            self.faults.append(f"{params['entry']['text']} {params['entry'].get('url')}")
