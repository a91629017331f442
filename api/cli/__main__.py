"""`python -m api.cli`: the same as `kroniek`, for processes that start each other."""

import sys

from api.cli import main

sys.exit(main())
