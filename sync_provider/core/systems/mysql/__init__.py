"""MySQL and MariaDB: sessions over mysqlclient, errors by errno, types from the catalogue."""
