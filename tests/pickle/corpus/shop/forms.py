"""A form as an application has it."""

from django import forms

from corpus.shop.models import Item


class ItemForm(forms.ModelForm):
    when = forms.DateField(required=False)

    class Meta:
        model = Item
        fields = ("name", "price", "color")
