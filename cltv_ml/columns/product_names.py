"""Names of products, for reports whose readers do not know the article numbers."""

from __future__ import annotations

from cltv_ml.columns.headings import plain_heading, plain_text
from cltv_ml.columns.parse import Columns
from cltv_ml.columns.raw_table import Raw
from cltv_ml.columns.source_columns import quote

#: Headings of a product's name, the most certain first.
_NAME_HEADINGS = (
    "product name|item name|line item name|lineitem name|article name|product title|item title|product description"
    "|item description|description|title|artikelbezeichnung|artikelname|produktname|produktbezeichnung|bezeichnung"
    "|nom produit|nom du produit|libellé|libellé article|désignation|nombre producto|nombre del producto|descripción"
    "|nome prodotto|descrizione|nome produto|nome do produto|descrição|productnaam|artikelomschrijving|omschrijving"
    "|varunamn|produktnavn|varenavn|tuotenimi|nazwa produktu|nazwa towaru|název produktu|terméknév|ürün adı"
    "|商品名|商品名称|商品名稱|상품명|название|название товара|наименование"
)

#: A column names products where this share of the lines has the most frequent name of its product.
_LEAST_ALIKE = 0.8


def read_product_names(raw: Raw) -> dict[str, str]:
    """Return each product's most frequent name, by its `product_id`, from the source's column of product names.

    The column is chosen by its heading, and nearly all lines of a product must have the same name. Empty if there is no
    such column, or if the names are the products' only identifiers.

    >>> import pandas as pd
    >>> from cltv_ml import read
    >>> sold = pd.DataFrame({"Customer": ["a", "b", "a"], "Date": "2025-03-01", "Total": [2.0, 3.0, 2.0],
    ...                      "SKU": ["A1", "B2", "A1"], "Description": ["Tea", "Jam", "Tea"]})
    >>> read_product_names(read(sold))
    {'A1': 'Tea', 'B2': 'Jam'}
    """
    product = raw.mapping.get("product_id")
    if product is None:
        return {}
    plain = {column: plain_heading(column) for column in raw.columns if column != product}
    headed = [
        column
        for heading in _NAME_HEADINGS.split("|")
        for column in plain
        if plain[column] == plain_text(heading)
    ]
    if not headed:
        return {}
    spelled = Columns(raw.table, raw.rules).identifier(product)
    for column in headed:
        rows = raw.con.sql(
            f"with named as (select {spelled} as product, "
            f"nullif(trim(cast({quote(column)} as varchar)), '') as name from {raw.table}), "
            "counted as (select product, name, count(*) as lines from named "
            "where product is not null and name is not null group by all) "
            "select product, arg_max(name, (lines, name)) as name, max(lines) as alike, sum(lines) as lines "
            "from counted group by product order by product"
        ).df()
        if len(rows) and rows["alike"].sum() >= _LEAST_ALIKE * rows["lines"].sum():
            return dict(zip(rows["product"], rows["name"], strict=True))
    return {}
