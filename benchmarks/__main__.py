"""``python -m benchmarks``: all of them, one after the other; options go to the comparison with the peers."""

import sys

from benchmarks import growth, memory, run, startup

run.main(sys.argv[1:])
growth.main([])
memory.main([])
startup.main([])
