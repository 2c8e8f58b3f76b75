"""DynamoDB: plain values to items and back, consistent reads, and transactions that say who lost."""

from __future__ import annotations

import random
import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import islice
from typing import Any

from boto3.dynamodb.types import TypeDeserializer, TypeSerializer
from botocore.exceptions import ClientError

from nightshift.aws.session import client
from nightshift.errors import Conflict

TRIES = 5  # of a transaction that met another one, or a table that was busy
MOST_ITEMS = 100  # that one BatchGetItem takes
BATCH = 25  # as many puts as one BatchWriteItem takes
# Why a transaction was cancelled although no condition was lost.
_THROTTLED = frozenset({"ThrottlingError", "ProvisionedThroughputExceeded"})
_MET = _THROTTLED | {"TransactionConflict"}

_to, _from = TypeSerializer(), TypeDeserializer()


@dataclass(frozen=True)
class Write:
    """One operation of a transaction.

    ``kind`` is Put, Update or ConditionCheck; ``label`` says in an error whose condition was lost.
    """

    label: str
    kind: str
    request: Mapping[str, object]


def values(plain: Mapping[str, object]) -> dict[str, Any]:
    """Plain values (text, integers, lists, maps) as DynamoDB attribute values."""
    return {name: _to.serialize(value) for name, value in plain.items()}


def plain(item: Mapping[str, Any]) -> dict[str, Any]:
    """An item as plain values; numbers become integers."""
    return {name: _integers(_from.deserialize(value)) for name, value in item.items()}


def get(table: str, key: Mapping[str, object]) -> dict[str, Any] | None:
    """Read one item consistently; None when there is none."""
    item = client("dynamodb").get_item(TableName=table, Key=values(key), ConsistentRead=True).get("Item")
    return plain(item) if item else None


def several(table: str, keys: Sequence[Mapping[str, object]]) -> Iterator[dict[str, Any]]:
    """Read items consistently, in no order; what there is none of is left out."""
    for start in range(0, len(keys), MOST_ITEMS):
        yield from _batch(table, keys[start : start + MOST_ITEMS])


def _batch(table: str, keys: Sequence[Mapping[str, object]]) -> Iterator[dict[str, Any]]:
    left: Any = {table: {"Keys": [values(key) for key in keys], "ConsistentRead": True}}
    while left:
        answer = client("dynamodb").batch_get_item(RequestItems=left)
        for item in answer["Responses"].get(table, []):
            yield plain(item)
        left = answer.get("UnprocessedKeys")


def pages(operation: str, **request: object) -> Iterator[dict[str, Any]]:
    """Every item of a ``query`` or ``scan``, over all its pages."""
    for page in client("dynamodb").get_paginator(operation).paginate(**request):
        for item in page["Items"]:
            yield plain(item)


def newest(table: str, index: str, name: str, value: str, limit: int) -> Iterator[dict[str, Any]]:
    """The last items of an index whose key attribute ``name`` is ``value``; eventually consistent."""
    found = pages(
        "query",
        TableName=table,
        IndexName=index,
        KeyConditionExpression="#key = :key",
        ExpressionAttributeNames={"#key": name},
        ExpressionAttributeValues=values({":key": value}),
        ScanIndexForward=False,
    )
    return islice(found, limit)


def put(label: str, table: str, item: Mapping[str, object], *, unless: str = "") -> Write:
    """Put a new item; with ``unless`` only if no item with that key attribute exists."""
    request: dict[str, object] = {"TableName": table, "Item": values(item)}
    if unless:
        request["ConditionExpression"] = "attribute_not_exists(#key)"
        request["ExpressionAttributeNames"] = {"#key": unless}
    return Write(label, "Put", request)


def replace(label: str, table: str, item: Mapping[str, object], *, read: int) -> Write:
    """Put an item in the place of the one whose ``version`` was ``read``; it loses to any other."""
    request = {
        "TableName": table,
        "Item": values(item),
        "ConditionExpression": "version = :read",
        "ExpressionAttributeValues": values({":read": read}),
    }
    return Write(label, "Put", request)


def put_all(table: str, items: Iterable[Mapping[str, object]]) -> None:
    """Put items without any condition, 25 at a time; what DynamoDB leaves over is tried again with jitter."""
    left = [{"PutRequest": {"Item": values(item)}} for item in items]
    pause = 0.05
    while left:
        batch, left = left[:BATCH], left[BATCH:]
        again = client("dynamodb").batch_write_item(RequestItems={table: batch})["UnprocessedItems"]
        if again:
            left = [*again[table], *left]
            time.sleep(random.uniform(0, pause))  # noqa: S311 # nosec B311 - jitter, not a secret
            pause = min(2 * pause, 2.0)


def update(
    label: str,
    table: str,
    key: Mapping[str, object],
    expression: str,
    arguments: Mapping[str, object],
    *,
    condition: str = "",
    names: Mapping[str, str] | None = None,
) -> Write:
    """Update an item; an empty ``expression`` only checks the ``condition``."""
    request: dict[str, object] = {"TableName": table, "Key": values(key)}
    if expression:
        request["UpdateExpression"] = expression
    if condition:
        request["ConditionExpression"] = condition
    if arguments:
        request["ExpressionAttributeValues"] = values(arguments)
    if names:
        request["ExpressionAttributeNames"] = dict(names)
    return Write(label, "Update" if expression else "ConditionCheck", request)


def transact(writes: Sequence[Write]) -> None:
    """Do all of ``writes`` or none; raises Conflict ``state.conflict`` whose context names who lost.

    A table that stays busy raises DynamoDB's own error, as it does outside of transactions.
    """
    for attempt in range(1, TRIES + 1):
        try:
            client("dynamodb").transact_write_items(
                TransactItems=[{write.kind: dict(write.request)} for write in writes]
            )
        except ClientError as error:
            if error.response["Error"]["Code"] != "TransactionCanceledException":
                raise
            reasons = error.response.get("CancellationReasons", [])
            lost = {
                write.label: reason["Code"]
                for write, reason in zip(writes, reasons, strict=False)
                if reason.get("Code") != "None"
            }
            why = set(lost.values())
            # Two met at an item, or it is busy; no condition was lost, so the same one may be tried again.
            if why and why <= _MET and attempt < TRIES:
                time.sleep(random.uniform(0, 0.05 * 2**attempt))  # noqa: S311 # nosec B311 - jitter, not a secret
                continue
            if why & _THROTTLED and why <= _MET:
                raise
            names = ", ".join(lost)
            raise Conflict("state.conflict", f"another writer was first: {names}", lost=names) from error
        return


def write(one: Write) -> dict[str, Any]:
    """Do one Put or Update alone and return the item after it; raises Conflict ``state.conflict``."""
    operation = {"Put": "put_item", "Update": "update_item"}[one.kind]
    extra = {"ReturnValues": "ALL_NEW"} if one.kind == "Update" else {}
    try:
        answer = getattr(client("dynamodb"), operation)(**one.request, **extra)
    except client("dynamodb").exceptions.ConditionalCheckFailedException as error:
        raise Conflict("state.conflict", f"another writer was first: {one.label}", lost=one.label) from error
    return plain(answer.get("Attributes", {}))


def _integers(value: Any) -> Any:
    if isinstance(value, Decimal):
        return int(value)
    if isinstance(value, list):
        return [_integers(inner) for inner in value]
    if isinstance(value, dict):
        return {name: _integers(inner) for name, inner in value.items()}
    return value
