"""Charts as Vega-Lite specifications: plain JSON, so that building one needs no library."""
