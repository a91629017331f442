"""The stock peer: strawberry, SQLAlchemy, FastAPI and uvicorn, put together as the documentation of each shows.

`python -m benchmarks.graphql.stock ADDRESS TABLE` serves bus transactions and prints its address. It reads as the
superuser of PostgreSQL: without tokens, limits, row-level security and lines in a log.
"""

from __future__ import annotations

import socket
import sys
from collections.abc import Sequence
from datetime import datetime
from typing import Any, cast

import strawberry
import uvicorn
from fastapi import FastAPI
from sqlalchemy import Table, func, select
from sqlalchemy.ext.asyncio import AsyncSession, async_sessionmaker, create_async_engine
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from strawberry.fastapi import GraphQLRouter

Session = async_sessionmaker()


class Base(DeclarativeBase):
    pass


class TransactionModel(Base):
    __tablename__ = "bus_transactions"
    __table_args__ = {"schema": "read"}  # noqa: RUF012 - as SQLAlchemy wants it

    transaction_id: Mapped[str] = mapped_column(primary_key=True)
    source_id: Mapped[str]
    target_id: Mapped[str]
    service_family: Mapped[str]
    status: Mapped[str]
    request_size_bytes: Mapped[int]
    response_size_bytes: Mapped[int]
    accepted_at: Mapped[datetime]


@strawberry.type
class Transaction:
    id: strawberry.ID
    source_id: strawberry.ID
    target_id: strawberry.ID
    service_family: str
    status: str
    accepted_at: datetime

    @classmethod
    def marshal(cls, model: TransactionModel) -> Transaction:
        return cls(
            id=strawberry.ID(model.transaction_id),
            source_id=strawberry.ID(model.source_id),
            target_id=strawberry.ID(model.target_id),
            service_family=model.service_family,
            status=model.status,
            accepted_at=model.accepted_at,
        )


@strawberry.type
class TransactionTotal:
    service_family: str
    request_size_bytes: str
    response_size_bytes: str


@strawberry.type
class Query:
    @strawberry.field
    async def bus_transactions(self, first: int) -> list[Transaction]:
        newest = TransactionModel.accepted_at.desc(), TransactionModel.transaction_id.desc()
        async with Session() as session:
            found = await session.scalars(select(TransactionModel).order_by(*newest).limit(first))
            return [Transaction.marshal(it) for it in found]

    @strawberry.field
    async def bus_transaction(self, id: strawberry.ID) -> Transaction | None:  # noqa: A002 - the argument's name
        async with Session() as session:
            found = await session.get(TransactionModel, id)
            return None if found is None else Transaction.marshal(found)

    @strawberry.field
    async def transaction_totals(self, since: datetime, until: datetime) -> list[TransactionTotal]:
        async with Session() as session:
            return await _totals(session, since, until)


async def _totals(session: AsyncSession, since: datetime, until: datetime) -> list[TransactionTotal]:
    model = TransactionModel
    sums = func.sum(model.request_size_bytes), func.sum(model.response_size_bytes)
    query = select(model.service_family, *sums).group_by(model.service_family)
    rows: Sequence[Any] = (
        await session.execute(query.where(model.accepted_at >= since, model.accepted_at < until))
    ).all()
    return [
        TransactionTotal(service_family=family, request_size_bytes=str(asked), response_size_bytes=str(answered))
        for family, asked, answered in rows
    ]


app = FastAPI()
app.include_router(GraphQLRouter(strawberry.Schema(Query)), prefix="/graphql")


def main(url: str, table: str) -> None:
    cast(Table, TransactionModel.__table__).name = table
    Session.configure(bind=create_async_engine(url.replace("postgresql://", "postgresql+psycopg://")))
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        print(f"http://127.0.0.1:{listener.getsockname()[1]}", flush=True)
        uvicorn.Server(uvicorn.Config(app, access_log=False, log_level="warning")).run(sockets=[listener])


if __name__ == "__main__":
    main(*sys.argv[1:])
