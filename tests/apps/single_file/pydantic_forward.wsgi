"""pydantic's models that refer to one another by name, made and completed while a request is served."""

from __future__ import annotations

from typing import List, Optional

import pydantic


class Item(pydantic.BaseModel):
    name: str
    parts: List[Part] = []


def make():
    class Order(pydantic.BaseModel):
        items: List[Item]
        note: Optional[Part] = None

    return Order


class Part(pydantic.BaseModel):
    size: int


def application(environ, start_response):
    complete = getattr(Item, "model_rebuild", None) or Item.update_forward_refs
    complete()
    order = make()(items=[{"name": "cup", "parts": [{"size": "3"}]}], note={"size": 1})
    start_response("200 OK", [])
    return [repr((order.items[0].parts[0].size, order.note.size)).encode()]
