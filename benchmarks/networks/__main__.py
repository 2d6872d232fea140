import sys

from benchmarks.networks import main

if __name__ == "__main__":
    main(*sys.argv[1:])
