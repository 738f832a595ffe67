"""OpenVINO without its telemetry: import it from here, nowhere else.

from xundan.models.engine import openvino

OpenVINO tells its makers of every import and conversion unless its reporting library is missing, so for this
process it is: nothing may leave the machine.
"""

from __future__ import annotations

import sys

sys.modules.setdefault("openvino_telemetry", None)  # type: ignore[arg-type]

import openvino as openvino  # noqa: E402
