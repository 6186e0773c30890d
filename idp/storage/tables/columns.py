"""What the tables share: one MetaData with names for every constraint, and columns that recur."""

from __future__ import annotations

from typing import Any

from sqlalchemy import Column, ForeignKey, MetaData, String

metadata = MetaData(
    naming_convention={
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "pk": "pk_%(table_name)s",
    }
)


def id_column(name: str = "id", **options: Any) -> Column[str]:
    return Column(name, String(64), primary_key=True, **options)


def account_column() -> Column[str]:
    return Column("account_id", String(64), ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False)
