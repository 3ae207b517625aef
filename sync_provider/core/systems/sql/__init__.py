"""Any database that SQLAlchemy has a dialect for, read through its driver as it is."""
