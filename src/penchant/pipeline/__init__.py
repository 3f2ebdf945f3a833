"""The path of a request: context → retrieve → filter → rank → rerank → answer → log, with a trace of every step."""

from penchant.pipeline.pipeline import Answer, Pipeline
from penchant.pipeline.trace import Step, Trace

__all__ = ["Answer", "Pipeline", "Step", "Trace"]
