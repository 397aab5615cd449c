"""Objects of libraries, one function for each; it raises ImportError where the library is not installed."""


def numpy_objects():
    import numpy
    array = numpy.arange(12, dtype="f8").reshape(3, 4)
    records = numpy.array([(1, 2.0, "x")], dtype=[("a", "i4"), ("b", "f8"), ("c", "U5")])
    generator = numpy.random.default_rng(3)
    kinds = "?bBhHiIlLqQefdgFDGSUVOMm"
    arrays = [numpy.zeros(3, dtype=f"{kind}8[s]" if kind in "Mm" else kind) for kind in kinds]
    return [
        array, array.T, numpy.asfortranarray(array), array[::2], array.astype(">i2"), numpy.array(5), numpy.array([]),
        numpy.array([{"a": 1}, None, [2]], dtype=object), records, records[0], records.view(numpy.recarray), *arrays,
        numpy.ma.masked_array([1, 2], mask=[0, 1]), numpy.ma.masked, numpy.matrix([[1]]), numpy.float64(1.5),
        numpy.int8(1), numpy.bool_(True), numpy.str_("s"), numpy.bytes_(b"b"), numpy.datetime64("2020-01-01"),
        numpy.timedelta64(1, "D"), numpy.complex64(1j), numpy.dtype("i4"), records.dtype, numpy.float32, numpy.ndarray,
        numpy.sin, numpy.add, numpy.mean, numpy.linalg.norm, numpy.random.rand, generator, generator.bit_generator,
        numpy.random.RandomState(3), numpy.random.Generator(numpy.random.MT19937(1)), numpy.random.SeedSequence(1),
        numpy.random.Philox(1), numpy.poly1d([1, 2]), numpy.polynomial.Polynomial([1, 2]), numpy.nan,
        numpy.linalg.LinAlgError("x"), numpy.char.array(["a"]), numpy.s_[1:2], numpy.finfo("f8"), array.flat,
        numpy.nditer(array), numpy.broadcast(array, array), numpy.zeros(200_000), [array, {"x": array}], array.flags,
    ]


def django_objects():
    from django.conf import settings
    if not settings.configured:
        settings.configure(INSTALLED_APPS=["django.contrib.contenttypes", "corpus.shop"], USE_TZ=True, SECRET_KEY="s",
                           DATABASES={"default": {"ENGINE": "django.db.backends.sqlite3", "NAME": ":memory:"}})
        import django
        django.setup()
    from corpus.shop import forms, models
    from django.core import signing
    from django.core.exceptions import ObjectDoesNotExist, ValidationError
    from django.core.files.base import ContentFile
    from django.core.files.uploadedfile import SimpleUploadedFile
    from django.core.paginator import Paginator
    from django.db import connection
    from django.http import HttpRequest, HttpResponse, QueryDict
    from django.template.response import SimpleTemplateResponse
    from django.test import RequestFactory
    from django.utils import datastructures, functional, safestring, timezone, translation
    with connection.schema_editor() as schema:
        for model in (models.Item, models.Cart):
            if model._meta.db_table not in connection.introspection.table_names():
                schema.create_model(model)
    item = models.Item(name="pen", price="1.50")
    cart = models.Cart(owner="me", first=item)
    saved = models.Item.objects.create(name="saved", price=2)
    form = forms.ItemForm({"name": "x", "price": "3", "color": "red"})
    form.is_valid()
    query = models.Item.objects.filter(name__startswith="s").exclude(price=3)
    found = models.Item.objects.all()
    list(found)
    lazy = functional.SimpleLazyObject(lambda: saved)
    return [
        item, cart, saved, models.Item, models.Item.Color.RED, models.Item._meta.get_field("name"),
        models.Cart._meta.get_field("first"), query, query.query, query.values("name"), query.values_list("name"),
        query.values_list("name", flat=True), found, models.Item.objects.none(), models.Cart.objects.select_related(),
        models.Item.DoesNotExist("x"), models.Item.MultipleObjectsReturned(), models.Item.DoesNotExist,
        ObjectDoesNotExist("x"), ValidationError({"a": ["b"]}), ValidationError("x", code="c", params={"p": 1}),
        form.cleaned_data, form.errors, translation.gettext_lazy("text"), translation.ngettext_lazy("a", "b"),
        translation.pgettext_lazy("context", "text"), lazy, {"user": lazy}, functional.LazyObject,
        functional.SimpleLazyObject(dict), functional.lazystr("x"), safestring.mark_safe("<b>"), timezone.now(),
        safestring.SafeString("x"), datastructures.MultiValueDict({"a": [1, 2]}), QueryDict("a=1&b=2"),
        QueryDict("a=1", mutable=True), HttpResponse("x"), SimpleTemplateResponse("t"), HttpRequest(),
        RequestFactory().get("/"), timezone.utc, timezone.get_fixed_timezone(60), timezone.get_default_timezone(),
        ContentFile(b"x"), SimpleUploadedFile("f", b"x"), Paginator([1, 2], 1), Paginator([1, 2], 1).page(1),
        signing.Signer, models.price_of, models.Item.objects, models.Item.objects.filter, query.count,
        [item, {"cart": cart}], HttpResponse("x", headers={"A": "b"}).headers, forms.ItemForm,
    ]


def sqlalchemy_objects():
    import sqlalchemy
    from sqlalchemy import orm
    from sqlalchemy.ext.mutable import MutableDict

    from corpus import tables
    engine = sqlalchemy.create_engine("sqlite://")
    tables.Base.metadata.create_all(engine)
    session = orm.Session(engine)
    session.add(tables.User(name="a", orders=[tables.Order(number=1)], options={"x": 1}))
    session.commit()
    user = session.query(tables.User).options(orm.joinedload(tables.User.orders)).one()
    rows = session.execute(sqlalchemy.select(tables.User.id, tables.User.name)).all()
    return [
        user, user.orders, user.orders[0], user.options, tables.User(name="new"), rows, rows[0], rows[0]._mapping,
        tables.User, tables.User.__table__, tables.Base.metadata, sqlalchemy.select(tables.User.__table__),
        tables.User.__table__.c.name == "x", sqlalchemy.Integer(), sqlalchemy.String(5), sqlalchemy.text("SELECT 1"),
        sqlalchemy.func.count(), MutableDict(a=1), sqlalchemy.exc.NoResultFound("x"), sqlalchemy.util.immutabledict(),
        sqlalchemy.exc.IntegrityError("s", {}, Exception("x")), sqlalchemy.sql.quoted_name("x", True),
        sqlalchemy.null(),
        sqlalchemy.util.OrderedSet([1]), orm.joinedload(tables.User.orders), user.orders[0].user, engine, engine.url,
    ]


def dateutil_objects():
    import datetime

    from dateutil import parser, relativedelta, rrule, tz
    start = datetime.datetime(2024, 1, 1)
    return [
        tz.UTC, tz.tzutc(), tz.tzlocal(), tz.tzoffset("X", 3600), tz.gettz("Europe/Berlin"), tz.tzstr("EST5EDT"),
        tz.tzrange("EST"), relativedelta.relativedelta(months=1), relativedelta.MO(1),
        rrule.rrule(3, count=2, dtstart=start),
        rrule.rruleset(), rrule.weekday(1), parser.parse("2020-01-01T00:00:00+01:00"), parser.ParserError("x"),
        start.replace(tzinfo=tz.gettz("Europe/Berlin")), start.replace(tzinfo=tz.UTC), parser.parserinfo(),
    ]


def attr_objects():
    import attr

    from corpus import attrs_classes as classes
    return [
        classes.Point(1, 2), classes.Slots(1), classes.Frozen(1), classes.Slots, classes.WithError(1), attr.NOTHING,
        attr.fields(classes.Point), attr.fields(classes.Point).x, attr.Factory(list), attr.validators.instance_of(int),
        attr.converters.optional(int), classes.Nested(classes.Point(1, 2)), classes.MADE, classes.Made,
        attr.exceptions.FrozenInstanceError(),
    ]


def six_objects():
    import six
    from six.moves import queue, range, urllib
    from six.moves.urllib.parse import urlparse
    return [six.moves, six.text_type, six.moves.reduce, queue.Queue, range(3), urllib.parse.quote, urlparse("http://a"),
            six.StringIO, six.moves.http_client.HTTPConnection, six.reraise, six.moves.map]


def flask_objects():
    import flask
    import jinja2
    import markupsafe
    from werkzeug import datastructures, exceptions
    application = flask.Flask("corpus")
    return [
        datastructures.MultiDict([("a", 1)]), datastructures.ImmutableMultiDict([("a", 1)]),
        datastructures.Headers([("a", "b")]),
        datastructures.ImmutableDict({"a": 1}), datastructures.CombinedMultiDict([]), exceptions.NotFound("x"),
        markupsafe.Markup("<b>"), markupsafe.escape("<"), jinja2.exceptions.TemplateNotFound("x"), application,
        application.config, jinja2.Environment(), jinja2.Undefined(), flask.Response("x"), flask.session,
    ]


def other_objects():
    import cloudpickle
    import joblib
    return [joblib.Memory(None), joblib.delayed(len), joblib.Parallel, joblib.hash, cloudpickle.dumps,
            cloudpickle.CloudPickler]


LIBRARIES = {function.__name__.removesuffix("_objects"): function for function in (
    numpy_objects, django_objects, sqlalchemy_objects, dateutil_objects, attr_objects, six_objects, flask_objects,
    other_objects)}
