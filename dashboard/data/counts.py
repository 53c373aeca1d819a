"""How many classes, pictures, refusals and duplicates each dataset has, counted by the database."""

import sqlalchemy as sa

from dashboard.core import database

COLUMNS = ["id", "name", "version", "created_at", "classes", "images", "refused", "duplicates"]
DUPLICATES = ("duplicate", "duplicate-two-classes")


def of_newest_versions() -> sa.Select:
    """The query: one row a dataset that is not deleted, newest first; columns as in `COLUMNS`."""
    table, taken, left_out = database.datasets, _taken(), _left_out()
    return (
        sa.select(
            table.c.id,
            table.c.name,
            taken.c.version,
            table.c.created_at,
            taken.c.classes,
            taken.c.images,
            sa.func.coalesce(left_out.c.refused, 0).label("refused"),
            sa.func.coalesce(left_out.c.duplicates, 0).label("duplicates"),
        )
        .join(taken, taken.c.dataset_id == table.c.id)
        .outerjoin(left_out, left_out.c.dataset_id == table.c.id)
        .where(table.c.deleted_at.is_(None))
        .order_by(table.c.created_at.desc())
    )


def _taken() -> sa.Subquery:
    """Classes and pictures of the newest version of each dataset."""
    members, versions = database.members, database.dataset_versions
    newest = (
        sa.select(versions.c.dataset_id, sa.func.max(versions.c.version).label("version"))
        .group_by(versions.c.dataset_id)
        .subquery()
    )
    return (
        sa.select(
            members.c.dataset_id,
            members.c.version,
            sa.func.count(members.c.class_name.distinct()).label("classes"),
            sa.func.count().label("images"),
        )
        .join(newest, sa.and_(newest.c.dataset_id == members.c.dataset_id, newest.c.version == members.c.version))
        .group_by(members.c.dataset_id, members.c.version)
        .subquery()
    )


def _left_out() -> sa.Subquery:
    """What was not taken: as a duplicate, or for any other reason."""
    remarks = database.remarks
    duplicate = remarks.c.code.in_(DUPLICATES)
    return (
        sa.select(
            remarks.c.dataset_id,
            sa.func.count(sa.case((sa.and_(remarks.c.refused, ~duplicate), 1))).label("refused"),
            sa.func.count(sa.case((duplicate, 1))).label("duplicates"),
        )
        .group_by(remarks.c.dataset_id)
        .subquery()
    )
