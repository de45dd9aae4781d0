#!/usr/bin/python3
"""A registry (Docker Registry HTTP API V2, read only) with one image of one layer, and a page at every other path.

usage: registry.py NAME:TAG FOLDER ADDRESS CERTIFICATE KEY

The image holds FOLDER. It is served on ADDRESS, https on port 443 and http on port 80, and each request is printed.
"""

import functools
import gzip
import hashlib
import http.server
import io
import json
import ssl
import sys
import tarfile
import threading

MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = "application/vnd.docker.container.image.v1+json"
LAYER = "application/vnd.docker.image.rootfs.diff.tar.gzip"


def digest(data):
    return "sha256:" + hashlib.sha256(data).hexdigest()


def make_image(folder):
    """The answers by what a client asks for: `manifest`, and each blob by its digest."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w") as archive:
        archive.add(folder, arcname=".")
    layer = gzip.compress(packed.getvalue(), compresslevel=1)
    config = json.dumps(
        {
            "architecture": "amd64",
            "os": "linux",
            "config": {"Env": ["PATH=/usr/bin:/bin"]},
            "rootfs": {"type": "layers", "diff_ids": [digest(packed.getvalue())]},
            "history": [{"created_by": "registry.py"}],
        }
    ).encode()
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "size": len(config), "digest": digest(config)},
            "layers": [{"mediaType": LAYER, "size": len(layer), "digest": digest(layer)}],
        }
    ).encode()
    return {"manifest": manifest, digest(config): config, digest(layer): layer}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def __init__(self, name, tag, answers, *rest):
        self.name, self.tag, self.answers = name, tag, answers
        super().__init__(*rest)

    def find(self):
        manifests, blobs = f"/v2/{self.name}/manifests/", f"/v2/{self.name}/blobs/"
        manifest = self.answers["manifest"]
        if self.path in (manifests + self.tag, manifests + digest(manifest)):
            return 200, MANIFEST, manifest
        if self.path.startswith(blobs) and self.path[len(blobs) :] in self.answers:
            return 200, "application/octet-stream", self.answers[self.path[len(blobs) :]]
        if self.path.startswith("/v2/") and self.path != "/v2/":
            return 404, "application/json", b'{"errors":[{"code":"NAME_UNKNOWN"}]}'
        return 200, "text/plain", b"a page\n"

    def do_GET(self):
        status, kind, body = self.find()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Docker-Distribution-Api-Version", "registry/2.0")
        if kind == MANIFEST:
            self.send_header("Docker-Content-Digest", digest(body))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_HEAD = do_GET

    def log_message(self, format, *args):
        print(self.server.server_port, format % args, flush=True)


def main():
    image, folder, address, certificate, key = sys.argv[1:]
    name, tag = image.split(":")
    handler = functools.partial(Handler, name, tag, make_image(folder))
    plain = http.server.ThreadingHTTPServer((address, 80), handler)
    secure = http.server.ThreadingHTTPServer((address, 443), handler)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    secure.socket = context.wrap_socket(secure.socket, server_side=True)
    threading.Thread(target=plain.serve_forever, daemon=True).start()
    print("ready", flush=True)
    secure.serve_forever()


main()
