"""What Claude costs: the price book, and what an answer's usage comes to.

Prices are data (`gateway/data/prices`), effective from a day to a day, with their source. What the
book does not know has no price: never zero, never that of the nearest name.
"""
