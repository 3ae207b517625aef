"""SQL text → checked row expression: the language of `filter:`, `expr:` and computed columns."""

from sync_provider.core.expressions.expression import CastGuard, Expression
from sync_provider.core.expressions.grammar import parse
from sync_provider.core.expressions.names import unknown_name

__all__ = ["CastGuard", "Expression", "parse", "unknown_name"]
