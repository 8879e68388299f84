"""`python -m fenxiao_matcher`."""

import sys

from fenxiao_matcher.app import run
from fenxiao_matcher.settings import MatcherSettings
from fenxiao_runtime.settings import read_settings

if __name__ == "__main__":
    sys.exit(run(read_settings(MatcherSettings)))
