"""``python -m benchmarks``: all of them, one after the other; options go to the comparison with the peers."""

import subprocess
import sys

for name in ("run", "events", "growth", "memory", "startup"):
    options = sys.argv[1:] if name == "run" else []
    subprocess.run([sys.executable, "-m", f"benchmarks.{name}", *options], check=True)
