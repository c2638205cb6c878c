"""Phrases, through the server: in the space of the images, as the library itself sees them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from protos import embedder_pb2 as messages
from protos.common_pb2 import Encoder
from protos.errors import InvalidInputError
from tests.support.embedder_place import Place

pytest.importorskip("transformers", reason="transformers is not installed")
from tests.support import hub_models as hub

PHRASES = ["a photo of a crater", "ein Vogel über dem Meer", "日本の火山 🌋", "a crater " * 50]


def embed(place: Place, encoder: Encoder, *phrases: str, precision: str = "") -> np.ndarray:
    options = messages.EmbedOptions(precision=precision)
    request = messages.EmbedTextRequest(run="r", encoder=encoder, phrases=phrases, options=options)
    answer = place.stub.EmbedText(request)
    assert answer.run == "r"
    return np.frombuffer(answer.vectors.data, "<f4").reshape(answer.vectors.rows, answer.vectors.dim)


def import_model(place: Place, folder: Path, family: str) -> tuple[Encoder, object]:
    model = hub.save_model(folder, family)
    return place.stub.ImportEncoder(messages.ImportEncoderRequest(model=str(folder))).encoder, model


@pytest.mark.parametrize("family", ["clip", "siglip"])
def test_phrases_equal_the_librarys(place: Place, tmp_path: Path, family: str) -> None:
    encoder, model = import_model(place, tmp_path / "model", family)
    ours = embed(place, encoder, *PHRASES)
    assert ours.shape == (len(PHRASES), encoder.dim)
    theirs = np.stack([hub.embed_phrase(tmp_path / "model", family, model, phrase) for phrase in PHRASES])
    assert hub.cosines(theirs[:-1], theirs[1:]).min() < 0.99
    assert hub.cosines(ours, theirs).min() >= 0.9999
    np.testing.assert_allclose(np.linalg.norm(ours, axis=1), 1, rtol=1e-5)


def test_a_phrase_depends_on_itself_only(place: Place, tmp_path: Path) -> None:
    encoder, _ = import_model(place, tmp_path / "model", "clip")
    together = embed(place, encoder, *PHRASES)
    for row, phrase in enumerate(PHRASES):
        assert np.array_equal(embed(place, encoder, phrase)[0], together[row])
    assert embed(place, encoder).shape == (0, encoder.dim)
    rough = embed(place, encoder, *PHRASES, precision="bf16")
    assert hub.cosines(rough, together).min() > 0.99 and not np.array_equal(rough, together)


def test_a_phrase_that_is_too_long_is_cut(place: Place, tmp_path: Path) -> None:
    encoder, _ = import_model(place, tmp_path / "model", "clip")
    long, longer = embed(place, encoder, "a crater " * 50, "a crater " * 500)
    assert np.array_equal(long, longer)


def test_siglip_reads_small_letters_without_punctuation(place: Place, tmp_path: Path) -> None:
    encoder, _ = import_model(place, tmp_path / "model", "siglip")
    plain, shouted = embed(place, encoder, "a photo of a crater", " A photo,  of a CRATER! ")
    assert np.array_equal(plain, shouted)


def test_a_phrase_without_words_is_refused(place: Place, tmp_path: Path) -> None:
    clip, _ = import_model(place, tmp_path / "clip", "clip")
    siglip, _ = import_model(place, tmp_path / "siglip", "siglip")
    for encoder, phrase in ((clip, ""), (clip, " \n\t"), (siglip, "?!")):
        with pytest.raises(InvalidInputError, match=r"has no words; say what you look for, for example 'a crater'"):
            embed(place, encoder, "a crater", phrase)


def test_an_encoder_without_text_says_which_ones_have_it(place: Place, tmp_path: Path) -> None:
    remedy = "does not understand phrases; give a reference image, or an encoder that does: a CLIP or SigLIP model"
    hog = place.stub.ImportEncoder(messages.ImportEncoderRequest(builtin="hog")).encoder
    with pytest.raises(InvalidInputError, match=f"the encoder hog {remedy}"):
        embed(place, hog, "a crater")
    vit, _ = import_model(place, tmp_path / "vit", "vit")
    with pytest.raises(InvalidInputError, match=f"the encoder vit {remedy}"):
        embed(place, vit, "a crater")
    with pytest.raises(InvalidInputError, match="precision 'fp64' is not known"):
        embed(place, hog, "a crater", precision="fp64")
    hub.save_model(tmp_path / "mute", "clip")
    (tmp_path / "mute" / "tokenizer.json").unlink()
    mute = place.stub.ImportEncoder(messages.ImportEncoderRequest(model=str(tmp_path / "mute"))).encoder
    with pytest.raises(InvalidInputError, match=f"the encoder clip {remedy} with its tokenizer.json"):
        embed(place, mute, "a crater")
