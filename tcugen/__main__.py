"""`python -m tcugen`."""

from tcugen.cli import app

app(prog_name="tcugen")
