"""What the API takes and gives. Money is decimal, never a float, and is written as a string in JSON."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, model_validator

Money = Annotated[Decimal, Field(max_digits=14, decimal_places=2)]
Amount = Annotated[Decimal, Field(gt=0, max_digits=14, decimal_places=2)]


class Strict(BaseModel):
    """Refuses unknown fields: a misspelt one is an error, not silence."""

    model_config = ConfigDict(extra="forbid", str_strip_whitespace=True)


class NewAccount(Strict):
    owner: str = Field(min_length=1, max_length=100, examples=["Ada"])
    currency: str = Field(default="EUR", pattern="^[A-Z]{3}$")
    balance: Annotated[Decimal, Field(ge=0, max_digits=14, decimal_places=2)] = Decimal("0.00")


class Account(BaseModel):
    id: int
    owner: str
    currency: str
    balance: Money
    created_at: datetime


class Balance(BaseModel):
    account: int
    balance: Money
    currency: str


class NewTransfer(Strict):
    """`request_id` makes a retried transfer safe: the second one returns the first."""

    from_account: int = Field(gt=0)
    to_account: int = Field(gt=0)
    amount: Amount
    request_id: str | None = Field(default=None, min_length=1, max_length=100)

    @model_validator(mode="after")
    def two_accounts(self) -> NewTransfer:
        if self.from_account == self.to_account:
            raise ValueError("from_account and to_account must differ")
        return self


class Transfer(BaseModel):
    id: int
    from_account: int
    to_account: int
    amount: Money
    created_at: datetime


class StatementLine(BaseModel):
    transfer: int
    counterparty: int
    change: Money
    created_at: datetime


class Statement(BaseModel):
    account: int
    balance: Money
    currency: str
    lines: list[StatementLine]
