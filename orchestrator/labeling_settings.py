"""What a run can be told about the seed set, the images that it asks about, and the people who answer."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, model_validator

from orchestrator.setting_types import Folder, OptionalPath, Section, Strategy, lower


class SeedSetSettings(Section):
    """The first labelled images, which the first head is trained on."""

    mode: Annotated[Literal["neighbours", "folder", "none"], BeforeValidator(lower)] = Field(
        "none",
        description="neighbours: label what looks like `seed_set.reference` or fits `seed_set.phrase`; folder: take"
        " `seed_set.folder`; none: start with images that are unlike each other. Not given, it follows from what is",
    )
    reference: OptionalPath = Field(None, description="an image of what is looked for, from inside or outside the data")
    references: tuple[Folder, ...] = Field((), description="more such images; the neighbours of each count alike")
    phrase: str = Field(
        "", max_length=500, description="what is looked for in words, where the encoder understands text (CLIP)"
    )
    folder: OptionalPath = Field(
        None, description="folder with `positive/` and `negative/`, holding images named as in the data"
    )
    count: int | None = Field(
        None,
        ge=1,
        description="images labelled at first: 80 % neighbours, 20 % random; not given: asked for (20 with auto)",
    )
    repeats: int | None = Field(
        None,
        ge=0,
        description="how often neighbours of the positives so far are added; not given: asked for (0 with auto)",
    )

    @model_validator(mode="before")
    @classmethod
    def _mode_follows(cls, values: Any) -> Any:
        if not isinstance(values, dict) or values.get("mode") is not None:
            return values
        near = [key for key in ("reference", "references", "phrase") if values.get(key)]
        given = ["neighbours"] * bool(near) + ["folder"] * bool(values.get("folder"))
        if len(given) == 2:
            raise ValueError(
                f"seed_set.{near[0]} is {str(values[near[0]])!r} and seed_set.folder is {str(values['folder'])!r};"
                " say which to use with seed_set.mode: neighbours or folder"
            )
        return {**values, "mode": given[0] if given else "none"}

    @model_validator(mode="after")
    def _has_what_the_mode_needs(self) -> SeedSetSettings:
        if self.mode == "neighbours" and not (self.reference or self.references or self.phrase.strip()):
            raise ValueError(
                "seed_set.mode wants neighbours of an image, but seed_set.reference is not set;"
                " give an image of what you look for, or a phrase"
            )
        if self.mode == "folder" and self.folder is None:
            raise ValueError(
                "seed_set.mode wants a folder of labelled images, but seed_set.folder is not set;"
                " give the folder with positive/ and negative/"
            )
        return self


class SamplingSettings(Section):
    """Which images are asked about in a round."""

    strategy: Strategy = Field(
        "hybrid",
        description="how images are chosen; hybrid: likely positives, uncertain ones, and clusters never visited; positive:"
        " most likely positive; uncertainty: probability nearest to 0.5; all are in docs/strategies.md",
    )
    parameters: dict[str, float] = Field(
        {}, description="numbers that the strategy takes, by name; not given: what suits `goal`, or the strategy's own"
    )
    no_closer_than: float = Field(
        0.0, ge=0, lt=1, description="near-duplicates: no two images of a batch have a larger cosine; 0: no limit"
    )
    anchors: int = Field(0, ge=0, description="choose among so many images drawn by lot; 0: among all")
    seals: int = Field(
        0, ge=0, le=10_000, description="choose among so many nearest neighbours of each positive (SEALS); 0: among all"
    )
    size: int = Field(20, ge=1, description="images chosen in a round")
    neighbours: bool = Field(False, description="ask about the nearest neighbours of the chosen images, too")
    n_closest: int = Field(5, ge=1, description="neighbours of each chosen image; the image itself counts, so 5 adds 4")


def _switch(value: Any) -> Any:
    """What YAML makes of on and off, back in words."""
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else lower(value)


class LabelingSettings(Section):
    """How the images get their labels."""

    batch_size: int = Field(10, ge=1, description="images on the page before it stops for a breath")
    continuous: bool = Field(
        False,
        description="train and rank while people label, instead of in rounds: the cards that nobody holds are replaced",
    )
    show_scores: bool = Field(
        False,
        description="say on the page why an image was chosen, and the probability that the head gives it; that leads people, so"
        " each label event says whether it was so (`scores_shown`)",
    )
    retrain_after: int = Field(10, ge=1, description="answers after which the next head is trained (continuous)")
    on_offer: int = Field(60, ge=1, description="cards that lie ready for people (continuous)")
    simulate: bool = Field(
        False, description="no person: an image is positive when its file name contains `labeling.pos_class`"
    )
    pos_class: str = Field(
        "", description="text that the file names of positive images contain; for `labeling.simulate` and the metrics"
    )
    second_opinions: float | None = Field(
        None,
        ge=0,
        le=0.5,
        description="share of a round's cards, at most, that are second opinions on answers which the other labels speak against;"
        " where nothing is given: 0.5 where people label, 0 where labels are simulated",
    )
    while_embedding: Annotated[Literal["auto", "on", "off"], BeforeValidator(_switch)] = Field(
        "auto",
        description="images drawn by lot that people may label while the others are embedded; the answers bound how many are"
        " positive. auto: where people label and there are 20,000 images or more",
    )
    overlap: float = Field(
        0.0,
        ge=0,
        le=0.5,
        description="share of a round's cards that are answered images for a second person, drawn by lot",
    )
    simulate_error: float = Field(0.0, ge=0, le=0.5, description="share of the simulated answers that are wrong")
    port: int = Field(5000, ge=0, le=65535, description="port of the labeling page; 0: any free one")
    host: str = Field(
        "127.0.0.1",
        min_length=1,
        description="address that the page listens on; 0.0.0.0 lets phones in your network reach it",
    )
    public_url: str = Field(
        "",
        max_length=500,
        description="address of the page as others open it, for the links; empty: this machine's address in its network where"
        " the page listens beyond 127.0.0.1",
    )
    open_browser: bool = Field(
        True, description="open the page when labeling starts, where the terminal is on a machine with a browser"
    )

    @property
    def again(self) -> float:
        """The share of second opinions, whether given or not."""
        if self.second_opinions is not None:
            return self.second_opinions
        return 0.0 if self.simulate else 0.5

    @model_validator(mode="after")
    def _simulation_makes_sense(self) -> LabelingSettings:
        if self.simulate and not self.pos_class:
            raise ValueError(
                "labeling.simulate is on, but labeling.pos_class is not set;"
                " give the text that the file names of positive images contain"
            )
        if self.simulate and self.while_embedding == "on":
            raise ValueError(
                "labeling.while_embedding is on, but with labeling.simulate nobody labels while the images are embedded;"
                " leave it at auto, or let people label"
            )
        return self
