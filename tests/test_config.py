import pytest

from cltv_ml.config import Settings, load_settings, merge, parse_mapping


@pytest.fixture
def toml(tmp_path):
    def write(text):
        path = tmp_path / "run.toml"
        path.write_text(text)
        return path

    return write


def test_settings_come_from_a_file_and_flags_win(toml):
    settings = load_settings(toml('data = "a.csv"\nhorizon = "6m"\n[mapping]\namount = "Total"\n'))
    assert merge(settings, {"data": "b.csv", "cutoff": ""}) == Settings(
        data="b.csv", horizon="6m", mapping={"amount": "Total"}
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ('horizn = "6m"', "unknown setting 'horizn'. Available: "),
        ("horizon = 6", "horizon must be of type str, got 6"),
        ("max_origins = true", "max_origins must be of type int, got True"),
        ("data = ", "is not valid TOML"),
    ],
)
def test_wrong_settings_are_named(toml, text, message):
    with pytest.raises(ValueError, match=message):
        load_settings(toml(text))


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"no file .*absent\.toml"):
        load_settings(tmp_path / "absent.toml")


def test_mapping_reads_pairs_and_files_together(toml):
    path = toml('[mapping]\namount = "Total"\n')
    assert parse_mapping([str(path), "customer_id=Kunde"]) == {"amount": "Total", "customer_id": "Kunde"}


@pytest.mark.parametrize("entry", ["customer_id", "=Kunde", "customer_id="])
def test_a_mapping_without_both_sides_is_refused(entry):
    with pytest.raises(ValueError, match="cannot be read; write name=column"):
        parse_mapping([entry])
