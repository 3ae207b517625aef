"""A shop's own rules; in YAML by dotted name, e.g. `shop_rules.ean13:RULE: [barcode]`."""
