"""The gate between a candidate and the champion: what it takes, and the promotion behind it.

verdict = promote_candidate(PromoteJob("v2", (Path("test.jsonl"),), Path("registry"), "attention"))
"""

from xundan.training.gate.decide import gate as gate
from xundan.training.gate.promote import PromoteJob as PromoteJob
from xundan.training.gate.promote import promote_candidate as promote_candidate
from xundan.training.gate.verdict import Evidence as Evidence
from xundan.training.gate.verdict import GateLimits as GateLimits
from xundan.training.gate.verdict import Reason as Reason
from xundan.training.gate.verdict import Verdict as Verdict
