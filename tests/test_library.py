import h5py
import numpy as np
import pytest

from neuromorph.characterization import recipe_names
from neuromorph.errors import LibraryError
from neuromorph.library import BlockData, FittedModel, Library, SweepData


def block(name="demo"):
    sweep = SweepData(
        {"a": np.array([1.0, 2.0])}, {"t": np.arange(3.0)},
        {"y": np.arange(6.0).reshape(2, 3), "z": np.array([1.0, np.nan])},
        {"a": "V", "t": "s", "y": "A", "z": "J"}, np.array([1, 2], np.int8), {(1,): "timestep too small | at 3 ns"},
    )  # fmt: skip
    fit = FittedModel("form", {"p": 1.5e-15}, {"p": "F"}, {"p": 1e-17}, {"max": 0.01}, {"v": (0.0, 0.5)})
    return BlockData(name, {"netlist_sha256": "0" * 64, "plan_sha256": "1"}, {"s": sweep}, fit)


def test_round_trip(tmp_path):
    library, data = Library(tmp_path), block()
    library.write(data)
    back = library.read("demo")
    np.testing.assert_array_equal(back["s"]["y"], data["s"]["y"])
    np.testing.assert_array_equal(back["s"]["z"], data["s"]["z"])
    assert back["s"].units == data["s"].units
    assert back["s"].reasons == data["s"].reasons
    assert back.fit == data.fit
    assert library.blocks() == ("demo",)
    assert not list(tmp_path.glob("*.partial")) + list(tmp_path.glob(".*.partial"))


def test_every_dataset_has_units(tmp_path):
    path = Library(tmp_path).write(block())
    missing = []
    with h5py.File(path) as file:
        file["sweeps/s/outputs"].visititems(
            lambda n, d: missing.append(n) if "units" not in d.attrs else None
        )
    assert not missing


def test_what_is_missing_is_named(tmp_path):
    library = Library(tmp_path)
    with pytest.raises(LibraryError, match="neuromorph characterize heart"):
        library.read("heart")
    library.write(block())
    with pytest.raises(LibraryError, match="no curve 'other'"):
        library.read("demo")["other"]
    with pytest.raises(LibraryError, match="holds no 'q'"):
        library.read("demo")["s"]["q"]


def test_another_schema_and_a_damaged_file_are_refused(tmp_path):
    library = Library(tmp_path)
    path = library.write(block())
    with h5py.File(path, "r+") as file:
        file.attrs["schema"] = 99
    with pytest.raises(LibraryError, match="schema 99"):
        library.read("demo")
    path.write_bytes(b"not hdf5 at all")
    with pytest.raises(LibraryError, match=r"demo\.h5.*not a readable HDF5"):
        library.read("demo")


def test_the_digest_follows_the_fit(tmp_path):
    library, data = Library(tmp_path), block()
    library.write(data)
    before = library.digest()
    data.fit.parameters["p"] *= 1.001
    library.write(data)
    assert library.digest() != before


def test_the_shipped_library_is_small_and_fitted():
    library = Library.shipped()
    assert library.blocks() == recipe_names()
    for name in library.blocks():
        assert library.file(name).stat().st_size <= 2 << 20
        assert library.read(name).fit is not None
