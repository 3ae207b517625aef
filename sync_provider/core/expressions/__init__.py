"""SQL text → checked row expression: the language of `filter:`, `expr:` and computed columns."""

from sync_provider.core.expressions.exact import Guard
from sync_provider.core.expressions.expression import Compiled, Expression
from sync_provider.core.expressions.grammar import parse
from sync_provider.core.expressions.names import unknown_name

__all__ = ["Compiled", "Expression", "Guard", "parse", "unknown_name"]
