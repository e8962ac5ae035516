"""`python -m cltv_ml.cli`."""

from cltv_ml.cli import main

main()
