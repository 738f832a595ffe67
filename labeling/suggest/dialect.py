"""What an endpoint understands of the request: the form is asked for as strictly as it can be told.

dialect = Dialect(); body = dialect.fields(schema, 400); dialect = dialect.without("response_format ...")
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any


@dataclass(frozen=True)
class Dialect:
    """The optional fields of a request. Every answer is checked, so a looser form costs retries, not truth.

    ``form``: json_schema (OpenAI, Qwen, vLLM, Ollama), else json_object (DeepSeek), else nothing. ``cap``:
    what the longest answer is called (newer OpenAI models refuse max_tokens, and any temperature).
    """

    form: str = "json_schema"
    cap: str = "max_tokens"
    temperature: bool = True

    def fields(self, schema: dict[str, Any], max_tokens: int) -> dict[str, Any]:
        """The fields as they are sent."""
        fields: dict[str, Any] = {self.cap: max_tokens}
        if self.temperature:
            fields["temperature"] = 0
        if self.form == "json_schema":
            named = {"name": "labels", "strict": True, "schema": schema}
            fields["response_format"] = {"type": "json_schema", "json_schema": named}
        elif self.form == "json_object":
            fields["response_format"] = {"type": "json_object"}
        return fields

    def without(self, complaint: str) -> Dialect | None:
        """The dialect that avoids what the endpoint complains of; None where that is not ours to change."""
        said = complaint.lower()
        if self.form != "text" and any(word in said for word in ("response_format", "json_schema", "schema")):
            return replace(self, form="json_object" if self.form == "json_schema" else "text")
        if self.cap == "max_tokens" and "max_completion_tokens" in said:
            return replace(self, cap="max_completion_tokens")
        if self.temperature and "temperature" in said:
            return replace(self, temperature=False)
        return None
