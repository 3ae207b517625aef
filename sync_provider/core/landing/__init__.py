"""How staged rows land in a table: what is the same for every SQL target, in SQL that each of them speaks."""
