"""Interactive plotly figures, one file each: a table in, a labelled figure out."""

from cltv_ml.reporting.plots.decile_calibration import decile_calibration
from cltv_ml.reporting.plots.gains_curve import gains_curve
from cltv_ml.reporting.plots.predicted_against_realised import predicted_against_realised

#: Every figure by name: what `cltv plot` offers and the contract tests loop over.
CATALOGUE = {
    plot.__name__: plot
    for plot in (
        decile_calibration,
        gains_curve,
        predicted_against_realised,
    )
}

__all__ = ["CATALOGUE", *CATALOGUE]
