"""Models as an application has them."""

from django.db import models
from django.utils.translation import gettext_lazy


def price_of(item):
    return item.price


class ItemQuerySet(models.QuerySet):
    def cheap(self):
        return self.filter(price__lt=5)


class Item(models.Model):
    class Color(models.TextChoices):
        RED = "red", gettext_lazy("Red")
        BLUE = "blue", gettext_lazy("Blue")

    name = models.CharField(gettext_lazy("name"), max_length=30)
    price = models.DecimalField(max_digits=8, decimal_places=2)
    color = models.CharField(max_length=5, choices=Color.choices, default=Color.RED)
    picture = models.FileField(blank=True)
    added = models.DateTimeField(auto_now_add=True)

    objects = ItemQuerySet.as_manager()


class Cart(models.Model):
    owner = models.CharField(max_length=30)
    first = models.ForeignKey(Item, null=True, on_delete=models.CASCADE)
