"""Check every YAML in conf/ with the overrides of the command line, before any work starts.

Reads conf/*.yaml, conf/systems/*.yaml, local/data_config.py. Writes nothing; exit 2 and one line
for the first key that is unknown, malformed or out of range.

    python -m uss.bin.check_config --set train.steps=10
"""

import sys

from uss.command import parser
from uss.recipe_config import check


def main(argv: list[str] | None = None) -> None:
    options = parser(__doc__).parse_args(argv)
    try:
        check(options.conf, options.overrides)
    except (ValueError, OSError) as error:
        print(f"{error}", file=sys.stderr)
        sys.exit(2)


if __name__ == "__main__":
    main()
