"""Calls of the HTTP API in this process, and control over the device."""

import asyncio
import threading

import httpx

from service.app import make_app

SECRET = "zq7-private-words"
ROUTE = "/v1/classify"
JSON = {"content-type": "application/json"}


def call(context, method, path, **request):
    """The response of the whole application to one request."""

    async def go():
        transport = httpx.ASGITransport(make_app(context), raise_app_exceptions=False)
        async with httpx.AsyncClient(transport=transport, base_url="http://test") as client:
            return await client.request(method, path, **request)

    return asyncio.run(go())


def classify(context, **body):
    return call(context, "POST", ROUTE, json=body)


class Hold:
    """Lets a test hold the device during a batch."""

    def __init__(self):
        self.entered, self.released = threading.Event(), threading.Event()
        self.ran: list[int] = []


def hold_device(monkeypatch, served):
    hold, real = Hold(), served.predictor.run

    def run(examples, groups=None):
        hold.ran.append(len(examples))
        hold.entered.set()
        assert hold.released.wait(120)
        return real(examples, groups)

    monkeypatch.setattr(served.predictor, "run", run)
    return hold
