"""The page: `python ui.py` is `assistant ui`."""

import sys

from assistant.cli import main

if __name__ == "__main__":
    raise SystemExit(main(["ui", *sys.argv[1:]]))
