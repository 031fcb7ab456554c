"""Configurations: every mistake is named with file, line, key path and cure; overrides; the exported schema."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from configs import schema
from configs.document import read_document
from configs.errors import InputError, nearest
from configs.reference_layout import is_reference_layout, translate
from configs.schema import CustomConfig, DiffuseConfig, as_json, load_config
from data_info.published_fit import published_fit

CONFIGS = sorted(Path(schema.__file__).parent.glob("*.yaml"))
BASE = """\
name: test
analysis: diffuse
datasets:
  data: {files: a.json, kind: data, format: hese_json}
  mc:
    kind: mc
    format: surrogate
fits:
  main:
    likelihood: poisson
    scan:
      x: astro_gamma
"""


def load(folder: Path, text: str = BASE, *overrides: str) -> Any:
    path = folder / "c.yaml"
    path.write_text(text)
    return load_config(path, overrides)


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_the_projects_own_configurations_are_valid(path: Path) -> None:
    config = load_config(path)
    assert config.source == path
    assert config.output == Path("outputs") / config.name
    assert type(config).model_validate(as_json(config)) == config.model_copy(update={"source": Path("config.yaml")})


def test_the_analyses_promised_have_configurations() -> None:
    assert {path.stem for path in CONFIGS} >= {"diffuse", "diffuse_example", "diffuse_bootcamp_example", "diffuse_release"}


def test_real_data_configuration_states_the_published_answer() -> None:
    """Phys. Rev. D 104, 022002 (2021): gamma 2.87 +0.20 -0.19, norm 6.37 +1.46 -1.62, 2635.51 days; the grid of the release's scan."""
    config = load_config(Path(schema.__file__).with_name("diffuse.yaml"))
    assert set(config.fits) == {"main", "with_systematics", "segmented", "energy_only", "energy_topology"}
    published = published_fit(config)  # recognised by the events; the numbers stand in data_info/hese/published_fit.csv
    assert published is not None
    assert published.intervals == {"astro_gamma": (2.87, 0.19, 0.20), "astro_norm": (6.37, 1.62, 1.46)}
    assert config.datasets["data"].metadata["livetime_s"] == pytest.approx(2635.51 * 86400, rel=2e-6)
    assert (config.fits["main"].scan.x_grid, config.fits["main"].scan.y_grid) == ((2.0, 4.0, 51), (0.0, 12.0, 41))
    assert config.fits["energy_only"].axes == ["energy"]
    assert config.fits["energy_topology"].axes == ["energy", "topology"]


def test_one_file_is_a_list(tmp_path: Path) -> None:
    config = load(tmp_path)
    assert isinstance(config, DiffuseConfig)
    assert config.datasets["data"].files == ["a.json"]


def test_options_are_frozen(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="Instance is frozen"):
        load(tmp_path).seed = 2


MISTAKES = {
    "unknown key": ("likelihood: poisson", "likelyhood: poisson", r":10: fits\.main\.likelyhood: unknown key; did you mean 'likelihood'\?"),
    "unknown key deep": ("x: astro_gamma", "xgrid: [1, 2, 3]", r":12: fits\.main\.scan\.xgrid: unknown key; did you mean 'x_grid'\?"),
    "unknown key on top": ("name: test", "nme: test", r":1: nme: unknown key; did you mean 'name'\?"),
    "missing key": ("name: test\n", "", r"yaml: name: this key is required"),
    "missing key deep": ("    kind: mc\n", "", r":5: datasets\.mc\.kind: this key is required"),
    "wrong word": ("likelihood: poisson", "likelihood: gauss", r":10: fits\.main\.likelihood: Input should be 'poisson', .* \(given: 'gauss'\)"),
    "word nearly right": ("likelihood: poisson", "likelihood: poison", r" \(given: 'poison'\); did you mean 'poisson'\?$"),
    "not a number": ("fits:", "processor: {reference_index: .nan}\nfits:", r":8: processor\.reference_index: Input should be a finite number"),
    "neither a word nor a section": (
        "fits:", "processor: {binning: offical}\nfits:",
        r"^[^\n]*:8: processor\.binning: Input should be 'official', 'bootcamp' or 'surrogate' .*; did you mean 'official'\?$",
    ),
    "slip in a section that may be a word": (
        "fits:", "processor: {binning: {energy_gev: [1e5, 1e6], cosze: [-1, 1]}}\nfits:",
        r":8: processor\.binning\.coszen: this key is required\n.*: processor\.binning\.cosze: unknown key; did you mean 'coszen'\?$",
    ),
    "wrong type": ("x: astro_gamma", "x_grid: [2, 4]", r":12: fits\.main\.scan\.x_grid: entry 3 of the list is missing"),
    "few points": ("x: astro_gamma", "x_grid: [2, 4, 2]", r":12: fits\.main\.scan\.x_grid\.2: Input should be .* equal to 3 \(given: 2\)"),
    "two sources": (
        "files: a.json,", "files: a.json, catalogue: b,",
        r":4: datasets\.data: give exactly one of files, filelist, catalogue, example \(given: files, catalogue\)",
    ),
    "no source": ("files: a.json, ", "", r":4: datasets\.data: give exactly one of files, filelist, catalogue, example \(given: none\)"),
    "unknown analysis": ("analysis: diffuse", "analysis: difuse", r":2: analysis: 'difuse' is not an analysis; did you mean 'diffuse'\?"),
    "analysis is a list": ("analysis: diffuse", "analysis: [diffuse]", r":2: analysis: \['diffuse'\] is not an analysis"),
    "no analysis": ("analysis: diffuse\n", "", r"yaml: analysis: None is not an analysis; known: custom, dark_matter, diffuse"),
    "path in the name": ("name: test", "name: ../up", r":1: name: String should match pattern"),
    "key given twice": ("    format: surrogate", "    format: surrogate\n    kind: data", r":8: datasets\.mc\.kind is given twice \(first in"),
    "not yaml": ("name: test", "name: [", r"c\.yaml: not valid YAML"),
    "prior of two kinds": (
        "    likelihood: poisson", "    parameters: {astro_norm: {prior: {gaussian: [1, 2], flat: [0, 1]}}}",
        r":10: fits\.main\.parameters\.astro_norm\.prior: a prior has exactly one of gaussian, lognormal, asymmetric, flat",
    ),
    "prior without width": (
        "    likelihood: poisson", "    parameters: {astro_norm: {prior: {gaussian: [1, 0]}}}",
        r":10: fits\.main\.parameters\.astro_norm\.prior\.gaussian\.1: Input should be greater than 0 \(given: 0\)",
    ),
    "our own field": ("name: test", "source: x", r":1: source: unknown key"),
    "processor option": ("fits:", "processor: {moment: 1}\nfits:", r":8: processor\.moment: unknown key; did you mean 'moments'\?"),
    "pairs deeper than weights": (
        "fits:", "processor: {moments: 0}\nfits:", r":8: processor: pair_moments: 2 needs .* set pair_moments: 0 \(or null: .*\)$",
    ),
    "own processor's option": ("fits:", "processor: {class: a.B, opions: {}}\nfits:", r":8: processor\.opions: unknown key; did you mean 'options'"),
}  # fmt: skip


@pytest.mark.parametrize("case", MISTAKES)
def test_mistake_is_named_with_its_place(case: str, tmp_path: Path) -> None:
    old, new, message = MISTAKES[case]
    assert old in BASE
    with pytest.raises(InputError, match=message):
        load(tmp_path, BASE.replace(old, new))


def test_all_mistakes_come_at_once(tmp_path: Path) -> None:
    text = BASE.replace("likelihood: poisson", "likelihood: gauss").replace("name: test", "nam: test")
    with pytest.raises(InputError, match="likelihood") as caught:
        load(tmp_path, text)
    assert len(str(caught.value).splitlines()) == 3


@pytest.mark.parametrize(
    ("content", "message"), [("", "a configuration is a mapping of keys .*, not NoneType"), ("- a\n", "not list"), ("text", "not str")]
)
def test_something_else_than_a_mapping(content: str, message: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=message):
        load(tmp_path, content)


def test_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"none\.yaml: cannot read the configuration \(No such file or directory\); give the path of a YAML file"):
        load_config(tmp_path / "none.yaml")
    (tmp_path / "binary.yaml").write_bytes(b"\xff\x00\x9f")
    with pytest.raises(InputError, match=r"binary\.yaml: cannot read the configuration \(not a text file\)"):
        load_config(tmp_path / "binary.yaml")


@pytest.mark.parametrize(
    ("text", "value"), [("1e8", 1e8), ("2.5E-3", 2.5e-3), ("-1e+3", -1e3), (".5e1", 5.0), ("1.0e+8", 1e8), ("7", 7), ("e8", "e8"), ("1e8s", "1e8s")]
)
def test_numbers_may_be_written_as_physicists_do(text: str, value: object, tmp_path: Path) -> None:
    """In YAML 1.1, which PyYAML reads, a livetime of 1e8 is text."""
    changed = BASE.replace("kind: mc", f"kind: mc\n    metadata: {{livetime_s: {text}}}")
    assert load(tmp_path, changed).datasets["mc"].metadata["livetime_s"] == value
    assert load(tmp_path, BASE, f"datasets.mc.metadata.livetime_s={text}").datasets["mc"].metadata["livetime_s"] == value


def test_overrides_change_any_key(tmp_path: Path) -> None:
    config = load(
        tmp_path, BASE, "seed=7", "fits.main.likelihood=say", "fits.main.scan.x_grid=[1, 2, 5]", "fits.second.minos=[beta]",
        "datasets.mc.metadata.livetime_s=1e7", "fits.main.minos=[a, b]", "fits.main.minos.0=c=d", "executor.address=null",
    )  # fmt: skip
    assert config.seed == 7
    assert config.fits["main"].likelihood == "say"
    assert config.fits["main"].scan.x_grid == (1.0, 2.0, 5)
    assert config.fits["second"].minos == ["beta"]
    assert config.datasets["mc"].metadata["livetime_s"] in (1e7, "1e7")  # YAML 1.1 takes 1e7 without a point as text
    assert config.fits["main"].minos == ["c=d", "b"]
    assert config.executor.address is None


def test_an_override_changes_one_of_two_places_that_share_an_anchor(tmp_path: Path) -> None:
    """The shipped configurations share priors between fits by YAML anchors: --set of one fit used to change all of them."""
    shared = "  main: {parameters: &priors {astro_norm: {start: 6.0}}}\n  other: {parameters: *priors}\n"
    text = BASE[: BASE.index("fits:")] + "fits:\n" + shared
    config = load(tmp_path, text, "fits.main.parameters.astro_norm.start=2.0")
    assert [config.fits[name].parameters["astro_norm"].start for name in ("main", "other")] == [2.0, 6.0]


OVERRIDES = {
    "fits.main.likelihood": r"--set fits\.main\.likelihood: expected key\.path=value",
    "=3": r"--set =3: expected key\.path=value",
    "seed=[": r"--set seed=\[: the value is not valid YAML",
    "name.x=1": r"--set name\.x=1: x lies below a value, not below a mapping",
    "name.x.y=1": r"--set name\.x\.y=1: x lies below a value, not below a mapping",
    "fits.main.likelyhood=say": r"^--set fits\.main\.likelyhood=say: unknown key; did you mean 'likelihood'\?$",
    "fits.main.likelihood=gauss": r"^--set fits\.main\.likelihood=gauss: Input should be .* \(given: 'gauss'\)$",
    "fits.main.minos=[1]": r"^--set fits\.main\.minos=\[1\]: fits\.main\.minos\.0: Input should be a valid string",
    "fits.main.model={astro: table}": r"^--set fits\.main\.model=\{astro: table\}: astro: table needs the key 'table'",
    "fits.main.model.astro=table": r"c\.yaml:9: fits\.main\.model \(with --set fits\.main\.model\.astro=table\): astro: table needs the key 'table'",
    "datasets.dato.tree=hits": r"^--set datasets\.dato\.tree=hits: no data set 'dato'; did you mean 'data'\?$",
    "datasets.more={tree: hits}": r"^--set datasets\.more=\{tree: hits\}: datasets\.more\.kind: this key is required$",
    "analysis=difuse": r"^--set analysis=difuse: 'difuse' is not an analysis; did you mean 'diffuse'\?$",
    "fits.main.model={table: flux.txt}": r"table: flux\.txt has no effect with astro: power_law; set astro: table",
    "fits.main.model={astro: table, table: a.txt, class: m.C}": r"class: m\.C has no effect with astro: table",
    "executor.workers=0": r"^--set executor\.workers=0: Input should be greater than 0 \(given: 0\)",
}


@pytest.mark.parametrize("override", OVERRIDES)
def test_wrong_override_is_named(override: str, tmp_path: Path) -> None:
    with pytest.raises(InputError, match=OVERRIDES[override]):
        load(tmp_path, BASE, override)


def test_a_data_set_may_be_added_by_overrides(tmp_path: Path) -> None:
    config = load(tmp_path, BASE, "datasets.more.files=b.json", "datasets.more.kind=data")
    assert (config.datasets["more"].files, config.datasets["more"].kind) == (["b.json"], "data")


def test_overrides_do_not_reach_the_file(tmp_path: Path) -> None:
    load(tmp_path, BASE, "seed=7")
    assert load_config(tmp_path / "c.yaml").seed == 1


def test_own_processor_makes_a_custom_analysis(tmp_path: Path) -> None:
    text = "name: n\nanalysis: custom\ndatasets: {d: {files: x.root, kind: data}}\nprocessor: {class: mine.My, options: {cut: 3}}\n"
    config = load(tmp_path, text)
    assert isinstance(config, CustomConfig)
    assert (config.processor.class_, config.processor.options) == ("mine.My", {"cut": 3})
    assert as_json(config)["processor"] == {"class": "mine.My", "options": {"cut": 3}}
    with pytest.raises(InputError, match="processor: this key is required"):
        load(tmp_path, text.replace("processor: {class: mine.My, options: {cut: 3}}\n", ""))


def test_nearest_knows_when_nothing_is_near() -> None:
    assert nearest("enrgy", ["energy", "zenith"]) == "; did you mean 'energy'?"
    assert nearest("qqq", ["zenith", "energy"]) == "; known: energy, zenith"


def references(part: Any) -> set[str]:
    if isinstance(part, dict):
        return set().union(*(references(value) for value in part.values()), {part["$ref"]} if isinstance(part.get("$ref"), str) else set())
    return set().union(*map(references, part)) if isinstance(part, list) else set()


def test_json_schema_describes_every_analysis_and_resolves() -> None:
    exported = schema.json_schema()
    assert json.loads(json.dumps(exported)) == exported
    assert [model["$ref"] for model in exported["oneOf"]] == [f"#/$defs/{model.__name__}" for model in schema.ANALYSES.values()]
    for reference in references(exported):
        part = exported
        for step in reference.removeprefix("#/").split("/"):
            part = part[step]


def fit_class(exported: dict, model: dict, name: str, options: dict) -> str:
    """Options class of a fit: by its section where the sections are fixed (pmt_gain), else by its kind (a fit of diffuse has none)."""
    sections = model["properties"]["fits"].get("$ref")
    if sections is None:
        alone = {"DarkMatterConfig": "Campaign"}.get(model["title"], "fit")
        return str(options.get("kind", alone)).capitalize()
    return exported[sections.rpartition("/")[2]]["properties"][name]["$ref"].rpartition("/")[2]


@pytest.mark.parametrize("path", CONFIGS, ids=lambda path: path.stem)
def test_json_schema_knows_every_key_of_our_configurations(path: Path) -> None:
    """An editor underlines what the schema does not know. Of files in the reference's layout: the keys that they are translated to."""
    exported = schema.json_schema()["$defs"]
    document = read_document(path, ())
    data = translate(document).data if is_reference_layout(document.data) else yaml.safe_load(path.read_text())
    model = exported[schema.ANALYSES[data["analysis"]].__name__]
    assert data.keys() <= model["properties"].keys()
    assert "source" not in model["properties"]
    assert exported["Fit"]["additionalProperties"] is False
    for name, options in data.get("fits", {}).items():
        assert options.keys() <= exported[fit_class(exported, model, name, options)]["properties"].keys()
    assert "class" in exported["Model"]["properties"]


def test_module_writes_the_schema(tmp_path: Path) -> None:
    schema.write_json_schema(tmp_path / "a.json")
    schema.write_json_schema(tmp_path / "b.json")
    assert (tmp_path / "a.json").read_bytes() == (tmp_path / "b.json").read_bytes()
    package = tmp_path / "configs"
    package.mkdir()
    for source in Path(schema.__file__).parent.glob("*.py"):
        (package / source.name).write_text(source.read_text())
    told = subprocess.run([sys.executable, "-m", "configs.schema"], cwd=tmp_path, check=True, capture_output=True, text=True).stdout
    assert told == f"JSON schema of the configurations: {package / 'schema.json'}\n"
    assert json.loads((package / "schema.json").read_text())["title"] == "Dynode configuration"


def test_an_analysis_without_any_fit_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--set fits={}: Dictionary should have at least 1 item"):
        load(tmp_path, BASE, "fits={}")
