"""``python -m mlwright …`` is the command line."""

import os
import sys

from mlwright._server import StartError, find_binary


def main() -> None:
    try:
        binary = find_binary()
    except StartError as error:
        sys.exit(str(error))
    os.execv(binary, [binary, *sys.argv[1:]])


if __name__ == "__main__":
    main()
