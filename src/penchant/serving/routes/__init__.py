"""All routes, in the order of the documentation. A new route is one `Endpoint` in the list of its module."""

from penchant.serving.openapi import Endpoint
from penchant.serving.routes import answers, catalogue, events, probes, project

ENDPOINTS: tuple[Endpoint, ...] = (*events.ENDPOINTS, *catalogue.ENDPOINTS, *answers.ENDPOINTS, *project.ENDPOINTS, *probes.ENDPOINTS)
