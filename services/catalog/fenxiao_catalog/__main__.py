"""`python -m fenxiao_catalog`."""

import sys

from fenxiao_catalog.app import main

sys.exit(main())
