"""A few passages that the examples share."""

PASSAGES = [
    "Coffee is brewed from the roasted beans of a tropical shrub.",
    "Black tea is oxidised for several hours before it is dried.",
    "Milk was first pasteurised for sale in the 1880s.",
    "Green tea is made from leaves that are steamed or pan-fired, so that they hardly oxidise.",
    "The samovar came to Russia in the 18th century.",
    "Leaves for matcha, a green tea, are shaded for weeks and ground to powder.",
]
QUESTION = "How is green tea made?"
