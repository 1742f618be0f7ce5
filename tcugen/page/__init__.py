"""The page of a build or a run: one HTML file that opens offline, and its data beside it."""
