"""Debian's mosquitto, started by a test, and a sender that keeps what has not been answered."""

from __future__ import annotations

import getpass
import json
import shutil
import subprocess
import threading
import time
from datetime import UTC, datetime, timedelta

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties

from tests.peers.start import free_port

MOSQUITTO = shutil.which("mosquitto") or shutil.which("mosquitto", path="/usr/sbin")


def needs_mosquitto():
    if MOSQUITTO is None:
        pytest.skip("no mosquitto here: MQTT was not tested against a broker")


class Broker:
    """A mosquitto of its own: stopped with SIGTERM or SIGKILL, by its process number."""

    def __init__(self, folder, *lines):
        needs_mosquitto()
        self.port = free_port()
        self.config = folder / "mosquitto.conf"
        self.config.write_text(
            "\n".join(
                [
                    f"listener {self.port} 127.0.0.1",
                    f"user {getpass.getuser()}",
                    "persistence true",
                    f"persistence_location {folder}/",
                    "autosave_interval 0",  # the disk sees a message when the broker stops
                    *(lines or ("allow_anonymous true",)),
                ]
            )
            + "\n"
        )
        self.start()

    def start(self):
        self.process = subprocess.Popen(
            [MOSQUITTO, "-c", self.config], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 5
        while time.monotonic() < deadline:
            try:
                import socket

                socket.create_connection(("127.0.0.1", self.port), 0.2).close()
                return
            except OSError:
                time.sleep(0.02)
        raise RuntimeError("mosquitto did not start")

    def stop(self):
        self.process.terminate()
        self.process.wait(5)

    def kill(self):
        self.process.kill()
        self.process.wait(5)


class Sender:
    """A numbered sender: keeps each message until it is answered, sends again what is missing."""

    def __init__(self, port, device="D1", **settings):
        self.port, self.device = port, device
        self.kept, self.answers = {}, []
        self.settings = settings
        self.connect()

    def connect(self):
        self.client = paho.Client(
            CallbackAPIVersion.VERSION2, f"sender-{self.device}", protocol=paho.MQTTv5
        )
        if "ca" in self.settings:
            self.client.tls_set(self.settings["ca"])
        self.client.username_pw_set(*self.settings.get("login", (None, None)))
        self.ready = threading.Event()
        self.client.on_connect = lambda client, *_: client.subscribe(f"ack/{self.device}", 1)
        self.client.on_subscribe = lambda *_: self.ready.set()
        self.client.on_message = self.answered
        self.client.connect("127.0.0.1", self.port)
        self.client.loop_start()
        assert self.ready.wait(5)

    def answered(self, _, __, came):
        answer = json.loads(came.payload)
        self.answers.append(answer)
        for number in answer.get("missing", ()):
            if number in self.kept:
                self.send(self.kept[number])
        if answer["result"] == 1:
            self.kept.pop(answer.get("seq"), None)

    def send(self, payload, topic=None, **user):
        properties = Properties(PacketTypes.PUBLISH)
        properties.UserProperty = [(name, str(value)) for name, value in user.items()]
        body = payload if isinstance(payload, bytes) else json.dumps(payload).encode()
        return self.client.publish(
            topic or f"plant/{self.device}/up", body, 1, properties=properties
        )

    def measure(self, seq, value, ago_s=0, **more):
        """Send one value under a number; wait until the broker says that it has it."""
        ts = datetime.now(UTC) - timedelta(seconds=ago_s)
        payload = {"ts": ts.isoformat(), "seq": seq, "values": {"E1": value}} | more
        self.kept[seq] = payload
        self.send(payload).wait_for_publish(5)

    def close(self):
        self.client.disconnect()
        self.client.loop_stop()
