"""One Airflow task per stage; each calls one function of core.engine with one Plan."""
