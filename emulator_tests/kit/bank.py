"""Accounts of families: setters that read more than they write, and one that is not idempotent."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from functools import cached_property
from typing import Any

from onto_fn import (
    DomainModel,
    Form,
    FormMediator,
    Patch,
    PatchMediator,
    Ref,
    Refused,
    Request,
    Store,
    ViewModel,
    one,
    query,
    root,
)
from onto_fn.access import owner
from onto_fn.engine import Engine


class Limit(DomainModel, collection="limits"):
    amount: int


class Account(DomainModel, collection="accounts", extra="ignore"):
    owner: str
    house: str
    balance: int = 0
    note: str | None = None
    limit: Ref[Limit] | None = None


class AccountStore(Store):
    account = root(Account)
    family = query(Account).where("house", "==", lambda store: store.account.house)
    limit = one(Limit, lambda store: store.account.limit, default=None)


class AccountPage(ViewModel[AccountStore], path="users/{user_id}/accounts/{account_id}"):
    """A family may owe nothing in all; an account has a limit of its own."""

    @property
    def balance(self) -> int:
        return self.store.account.balance

    @balance.setter
    def balance(self, value: int) -> None:
        self.store.account.balance = value
        if self.of_family < 0:
            raise Refused("the family would owe money")
        if self.store.limit is not None and value > self.store.limit.amount:
            raise Refused("the account would exceed its limit")

    @property
    def deposit(self) -> int:
        return 0

    @deposit.setter
    def deposit(self, amount: int) -> None:
        if amount == 13:
            raise ZeroDivisionError("a secret of the code")
        self.balance = self.store.account.balance + amount

    @property
    def note(self) -> str | None:
        return self.store.account.note

    @note.setter
    def note(self, text: str | None) -> None:
        self.store.account.note = text

    @cached_property
    def of_family(self) -> int:
        return sum(account.balance for account in self.store.family)

    def targets(self) -> Iterable[Mapping[str, str]]:
        account = self.store.account
        return [{"user_id": account.owner, "account_id": account.doc_id}]


class AccountPatch(
    Patch[AccountPage],
    path="users/{user_id}/accountPatches/{id}",
    target="account",
    create=owner("user_id"),
):
    balance: int
    deposit: int
    note: str | None


class SavingsStore(Store):
    """No query: what is written is not locked as well, so many can write one account at once."""

    account = root(Account)
    limit = one(Limit, lambda store: store.account.limit)


class SavingsPage(ViewModel[SavingsStore], path="users/{user_id}/savings/{account_id}"):
    @property
    def deposit(self) -> int:
        return self.store.account.balance

    @deposit.setter
    def deposit(self, amount: int) -> None:
        self.store.account.balance += amount
        if self.store.account.balance > self.store.limit.amount:
            raise Refused("the account would exceed its limit")

    def targets(self) -> Iterable[Mapping[str, str]]:
        account = self.store.account
        return [{"user_id": account.owner, "account_id": account.doc_id}]


class SavingsPatch(
    Patch[SavingsPage],
    path="users/{user_id}/savingsPatches/{id}",
    target="account",
    create=owner("user_id"),
):
    deposit: int


class Transfer(DomainModel, collection="transfers"):
    amount: int


class TransferForm(
    Form[AccountStore],
    path="users/{user_id}/transferForms/{id}",
    create=owner("user_id"),
    root="account",
):
    """Takes an amount from an account, and keeps a record of it."""

    account: str
    amount: int
    record: str

    def submit(self, request: Request) -> list[Transfer]:
        if self.store.account.owner != request.uid:
            raise Refused("not your account")
        self.store.account.balance -= self.amount
        return [Transfer(doc_id=self.record, amount=self.amount)]


def engine(**options: Any) -> Engine:
    """An engine with all three requests."""
    patches = [PatchMediator(model).definition() for model in (AccountPatch, SavingsPatch)]
    return Engine([*patches, transfers()], **options)


def transfers() -> Any:
    return FormMediator(TransferForm).definition()


PATCH, FORM = "users/ann/accountPatches/p", "users/ann/transferForms/f"
SAVING = "users/ann/savingsPatches/p"
ACCOUNT = "accounts/a"
ANN = {"owner": "ann", "house": "F", "balance": 10, "color": "undeclared"}
"""Fields of `accounts/a`, with one that the model does not keep."""
BOB = {"owner": "bob", "house": "F", "balance": 10}
"""Fields of `accounts/b`, of the same family."""


SAVER = ANN | {"limit": Limit.ref("all")}
"""Fields of `accounts/a`, with a limit."""


def patch(**fields: Any) -> dict[str, Any]:
    return {"account": "a", **fields}
