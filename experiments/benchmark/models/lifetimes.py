"""The lifetimes package: BG/NBD and Pareto/NBD with Gamma-Gamma, in an environment of its own."""

from experiments.benchmark.peers import environments


def predict(case):
    """Return the values that two models of lifetimes give the customers of a case."""
    return environments.ask("lifetimes", ["lifetimes_bg_nbd", "lifetimes_pareto_nbd"], case)
