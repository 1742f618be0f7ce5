"""CITATION.cff follows the Citation File Format 1.2.0 as far as it is used, and agrees with the package."""

import tomllib
from pathlib import Path
from typing import Annotated, Literal

import pytest
import yaml
from pydantic import BaseModel, ConfigDict, Field, ValidationError

import tcugen

ROOT = Path(__file__).parents[1]
FILE = (ROOT / "CITATION.cff").read_text()
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]

Text = Annotated[str, Field(strict=True, min_length=1)]


class Rules(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Entity(Rules):
    """An author that is no person: a name is required."""

    name: Text


class Citation(Rules):
    """The keys of the format's schema that may stand here, with its types; the first four it requires."""

    cff_version: Annotated[Literal["1.2.0"], Field(alias="cff-version")]
    message: Text
    title: Text
    authors: Annotated[list[Entity], Field(min_length=1)]
    type: Literal["software", "dataset"] = "software"
    abstract: Text
    version: Text
    license: Text
    keywords: Annotated[list[Text], Field(min_length=1)]


def test_it_follows_the_format():
    citation = Citation.model_validate(yaml.safe_load(FILE))
    assert len(set(citation.keywords)) == len(citation.keywords)


def test_a_wrong_one_would_be_seen():
    for line in ("type: program", "titel: tcugen", "version: 0.1"):
        with pytest.raises(ValidationError):
            Citation.model_validate(yaml.safe_load(FILE) | yaml.safe_load(line))


def test_it_agrees_with_the_package():
    citation = Citation.model_validate(yaml.safe_load(FILE))
    assert citation.version == tcugen.__version__
    assert citation.license == PROJECT["license"]
    assert [{"name": author.name} for author in citation.authors] == PROJECT["authors"]
    assert citation.title.startswith(PROJECT["name"])
