"""Signatures of a version's two models: inputs, outputs and parameters of a request."""

from __future__ import annotations

from collections.abc import Sequence

from mlflow.models import ModelSignature
from mlflow.types import ColSpec, ParamSchema, ParamSpec, Schema

from cltv_ml.features import attribute_columns, is_text
from cltv_ml.models import ValueModel
from cltv_ml.serving.chosen_value import PAST
from cltv_ml.tables import TRANSACTIONS, split_postcode

#: The parameter that states that no campaign has contacted the customers of a request.
NOT_CONTACTED = "not_contacted"

#: The outputs that are not numbers.
_OUTPUT_KINDS = {
    "customer_id": "string",
    "tier": "string",
    "reason": "string",
    "model_version": "string",
    "as_of": "string",
    "lines_set_aside": "long",
    "features_missing": "long",
}


def customers_signature(model: ValueModel, features: Sequence[str], outputs: Sequence[str]) -> ModelSignature:
    """Return the signature for tables of features.

    Every column is optional for MLflow, so that our own check, which shows no rows, reports missing ones.
    """
    inputs = [ColSpec("string", "customer_id", required=False), ColSpec("double", PAST, required=False)]
    inputs += [ColSpec("string" if is_text(name) else "double", name, required=False) for name in features]
    return ModelSignature(
        inputs=Schema(inputs),
        outputs=Schema(
            [
                ColSpec(_OUTPUT_KINDS.get(name, "double"), name)
                for name in (*outputs, "model_version", "features_missing")
            ]
        ),
        params=ParamSchema(_params(model)),
    )


def transactions_signature(
    model: ValueModel, features: Sequence[str], outputs: Sequence[str]
) -> ModelSignature:
    """Return the signature for raw transactions.

    Times are text, because MLflow's CSV reader has no other type for them.
    """
    kinds = {"number": "double"}
    inputs = [
        ColSpec(kinds.get(column.kind, "string"), name, required=False)
        for name, column in TRANSACTIONS.columns.items()
    ]
    own = [name.partition("_")[2] for name in attribute_columns(features)]
    names = dict.fromkeys([*own, *(split_postcode(name)[0] for name in own)])  # a postcode may come whole
    inputs += [ColSpec("string", f"customers.{name}", required=False) for name in names]
    return ModelSignature(
        inputs=Schema(inputs),
        outputs=Schema(
            [
                ColSpec(_OUTPUT_KINDS.get(name, "double"), name)
                for name in (*outputs, "reason", "lines_set_aside", "model_version", "as_of")
            ]
        ),
        params=ParamSchema(
            [*_params(model), ParamSpec("as_of", "string", ""), ParamSpec(NOT_CONTACTED, "boolean", False)]
        ),
    )


def _params(model: ValueModel) -> list[ParamSpec]:
    rate = model.get_params(deep=False).get("discount_rate", 0.0)
    settings = {"horizon": model.horizon, "discount_rate": rate, "margin": 1.0}
    numbers = [ParamSpec(name, "double", float(value)) for name, value in settings.items()]
    words = [ParamSpec("value", "string", "horizon"), ParamSpec("basis", "string", "revenue")]
    return [*numbers, *words, ParamSpec("end", "double", 0.0)]
