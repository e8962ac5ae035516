"""Interactive plotly figures, one file each: a table in, a labelled figure out."""
