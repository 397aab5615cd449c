"""Classes that SQLAlchemy maps."""

import sqlalchemy
from sqlalchemy import orm
from sqlalchemy.ext.mutable import MutableDict

Base = orm.declarative_base()


class User(Base):
    __tablename__ = "users"
    id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
    name = sqlalchemy.Column(sqlalchemy.String(20))
    options = sqlalchemy.Column(MutableDict.as_mutable(sqlalchemy.PickleType))
    orders = orm.relationship("Order", back_populates="user")


class Order(Base):
    __tablename__ = "orders"
    id = sqlalchemy.Column(sqlalchemy.Integer, primary_key=True)
    number = sqlalchemy.Column(sqlalchemy.Integer)
    user_id = sqlalchemy.Column(sqlalchemy.ForeignKey("users.id"))
    user = orm.relationship("User", back_populates="orders")
