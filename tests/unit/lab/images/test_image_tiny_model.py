import array
import json
import math
import struct
from pathlib import Path
from typing import Any

import pytest

from lab.images.vllm import tiny_model
from lab.images.vllm.tiny_model import DIMENSIONS, SENTENCE, SPECIAL, successor, vocabulary


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    target = tmp_path_factory.mktemp("models") / "tiny"
    tiny_model.write_model(target)
    return target


def read_tensors(path: Path) -> dict[str, tuple[list[int], "array.array[float]"]]:
    data = path.read_bytes()
    (length,) = struct.unpack("<Q", data[:8])
    header: dict[str, Any] = json.loads(data[8 : 8 + length])
    header.pop("__metadata__")
    body = data[8 + length :]
    tensors: dict[str, tuple[list[int], array.array[float]]] = {}
    for name, tensor in header.items():
        start, end = tensor["data_offsets"]
        tensors[name] = tensor["shape"], array.array("f", body[start:end])
    assert max(tensor["data_offsets"][1] for tensor in header.values()) == len(body)
    return tensors


def test_an_answer_is_the_sentence_and_then_ends() -> None:
    tokens = vocabulary()
    names = {number: token for token, number in tokens.items()}
    token, words = tokens[":"], list[str]()  # the last byte of every prompt
    while (token := successor(tokens, token)) != tokens["</s>"]:
        words.append(names[token].replace("Ġ", " "))

    assert words == list(SENTENCE)


def test_every_byte_and_every_word_is_a_token_of_its_own() -> None:
    tokens = vocabulary()

    assert len(tokens) == 256 + len(SPECIAL) + len(SENTENCE)
    assert sorted(tokens.values()) == list(range(len(tokens)))


def test_each_tensor_has_the_size_of_its_shape(folder: Path) -> None:
    for name, (shape, values) in read_tensors(folder / "model.safetensors").items():
        assert len(values) == math.prod(shape), name


def test_the_weights_choose_the_successor_by_far(folder: Path) -> None:
    tokens = vocabulary()
    tensors = read_tensors(folder / "model.safetensors")
    (_, width), embedding = tensors["model.embed_tokens.weight"]
    (count, _), output = tensors["lm_head.weight"]
    rows = [output[row * width : (row + 1) * width] for row in range(count)]
    sample = [tokens["a"], tokens[":"], tokens["</s>"], *range(tokens["This"], tokens["This"] + len(SENTENCE))]
    for token in sample:
        vector = embedding[token * width : (token + 1) * width]
        norm = math.sqrt(sum(value * value for value in vector) / width)
        scores = [sum(a * b for a, b in zip(vector, row, strict=True)) / norm for row in rows]
        best, second = sorted(range(count), key=lambda number: scores[number], reverse=True)[:2]
        assert best == successor(tokens, token)
        assert scores[best] - scores[second] > 20  # certain at temperature 1, too


def test_the_model_is_the_same_on_every_machine(folder: Path, tmp_path: Path) -> None:
    tiny_model.write_model(tmp_path / "again")

    for path in folder.iterdir():
        assert (tmp_path / "again" / path.name).read_bytes() == path.read_bytes()


def test_the_tokenizer_says_how_a_chat_becomes_a_prompt(folder: Path) -> None:
    assert "add_generation_prompt" in json.loads((folder / "tokenizer_config.json").read_text())["chat_template"]
    assert json.loads((folder / "config.json").read_text())["vocab_size"] >= len(vocabulary())


def test_the_model_that_embeds_is_the_same_with_its_modules_beside_it(folder: Path, tmp_path: Path) -> None:
    target = tmp_path / "embedder"
    tiny_model.write_embedding_model(target)

    for path in folder.iterdir():
        assert (target / path.name).read_bytes() == path.read_bytes()
    assert {path.name for path in target.iterdir()} - {path.name for path in folder.iterdir()} == {
        "modules.json",
        "1_Pooling",
    }


def test_a_vector_is_the_last_token_s_at_length_one(tmp_path: Path) -> None:
    """vLLM reads the modules by these names, and takes whatever is true in the pooling's settings for its kind."""
    tiny_model.write_embedding_model(tmp_path / "embedder")
    modules: list[dict[str, Any]] = json.loads((tmp_path / "embedder/modules.json").read_text())
    places = {module["type"].removeprefix("sentence_transformers.models."): module["path"] for module in modules}
    pooling = json.loads((tmp_path / "embedder" / places["Pooling"] / "config.json").read_text())

    assert set(places) == {"Transformer", "Pooling", "Normalize"}
    assert [name for name, value in pooling.items() if value is True] == ["pooling_mode_lasttoken"]
    assert pooling["word_embedding_dimension"] == DIMENSIONS
