# SPDX-License-Identifier: Apache-2.0
"""Runs each request that docs/protocol.md shows as curl, in their order, against a running demo."""

import json
import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

sys.path.insert(0, str(pathlib.Path(__file__).resolve().parents[1] / "support"))
from processes import spawn  # noqa: E402

ROOT = pathlib.Path(__file__).resolve().parents[2]
SECTION = "## The story with curl"


def blocks():
    """(heading, text) of each sh block of the section."""
    text = (ROOT / "docs" / "protocol.md").read_text()
    section = text.split(SECTION, 1)[1]
    section = re.split(r"^## ", section, maxsplit=1, flags=re.M)[0]
    heading, found = "", []
    for match in re.finditer(r"^### ([^\n]*)$|^```sh\n(.*?)^```$", section, re.M | re.S):
        if match.group(1):
            heading = match.group(1)
        else:
            found.append((heading, match.group(2)))
    return found


def main():
    for command in ("curl", "jq", "openssl", "basenc"):
        if shutil.which(command) is None:
            print(f"skipped: {command} is not installed")
            return 77
    parts = blocks()
    assert len(parts) > 8, "docs/protocol.md shows fewer requests than the story has"
    with tempfile.TemporaryDirectory(prefix="writ-curl-") as work:
        demo = spawn(
            [os.environ["WRIT"], "demo", "--only-stage", "--json", "--dir", work + "/demo"],
            stdout=subprocess.PIPE,
            text=True,
        )
        try:
            serving = None
            for line in demo.stdout:
                said = json.loads(line)
                assert said.get("held", True), line
                if "serving" in said:
                    serving = said["serving"]
                    break
            assert serving, "the demo ended before it served"
            script = "set -eu\n" + "".join(f"echo '== {number}'\n{text}" for number, (_, text) in enumerate(parts))
            ran = subprocess.run(
                ["bash", "-c", script + "\necho '== end'\n"],
                env=os.environ | {"URL": serving["url"], "DEMO": serving["directory"], "TMPDIR": work},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                timeout=120,
            )
        finally:
            demo.terminate()
            demo.wait(30)
            demo.stdout.close()
    reached = re.findall(r"^== (\w+)$", ran.stdout, re.M)
    passed = len(reached) - 1
    if reached[-1] == "end" and ran.returncode == 0:
        print(f"{passed} passed, 0 failed, 0 skipped")
        return 0
    print(ran.stdout[-6000:])
    print(f"FAILED in the block under {parts[passed][0]!r}")
    print(f"{passed} passed, {len(parts) - passed} failed, 0 skipped")
    return 1


if __name__ == "__main__":
    sys.exit(main())
