"""The pymc-marketing package: maximum a posteriori, weeks as its documentation uses, in an environment of its own."""

from experiments.benchmark.peers import environments


def predict(case):
    """Return the values that two models of pymc-marketing give the customers of a case."""
    return environments.ask("pymc-marketing", ["pymc_bg_nbd", "pymc_pareto_nbd"], case)
