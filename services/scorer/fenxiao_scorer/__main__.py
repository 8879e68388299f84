"""`python -m fenxiao_scorer`."""

import sys

from fenxiao_scorer.app import main

sys.exit(main())
