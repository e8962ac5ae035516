"""Figures and pages: tables in, plotly figures and self-contained files out."""
