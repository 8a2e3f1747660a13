# SPDX-License-Identifier: Apache-2.0
"""nginx as the origin: HTTP/1.1, and HTTP/2 over TLS with a CA of its own.

It runs in the server's namespace. Its access log says what a system asked for;
Origin.count() is the sum over what was logged since the last call.
"""
import contextlib
import dataclasses
import os
import subprocess
import time

from network import SERVER_ADDRESS

HTTP_PORT, HTTPS_PORT = 8080, 8443

CONFIG = """daemon off; master_process off; pid {home}/pid; error_log {home}/error.log;
events {{ worker_connections 4096; }}
http {{
  {temp}
  log_format counted '$request_method $status $body_bytes_sent $server_protocol $request_uri';
  access_log {home}/access.log counted;
  sendfile on; tcp_nopush on; keepalive_requests 1000000; keepalive_timeout 600; autoindex on;
  default_type application/octet-stream; root {www};
  server {{ listen {address}:{http}; }}
  server {{
    listen {address}:{https} ssl http2;
    ssl_certificate {home}/server.pem; ssl_certificate_key {home}/server.key;
  }}
}}
"""


@dataclasses.dataclass
class Requests:
    listings: int = 0
    listing_bytes: int = 0
    heads: int = 0
    content: int = 0
    content_bytes: int = 0


def count_requests(lines):
    """Requests for content are GETs of what is no directory."""
    sum_of = Requests()
    for line in lines:
        method, _, size, _, target = line.rstrip("\n").split(" ", 4)
        if method == "HEAD":
            sum_of.heads += 1
        elif target.split("?")[0].endswith("/"):
            sum_of.listings += 1
            sum_of.listing_bytes += int(size)
        else:
            sum_of.content += 1
            sum_of.content_bytes += int(size)
    return sum_of


class Origin:
    def __init__(self, home, network):
        self.http = f"http://{SERVER_ADDRESS}:{HTTP_PORT}/"
        self.https = f"https://{SERVER_ADDRESS}:{HTTPS_PORT}/"
        self.ca = os.path.join(home, "ca.pem")
        self.log_path = os.path.join(home, "access.log")
        self.network = network
        self.position = 0

    def url(self, protocol):
        return self.https if protocol == "h2" else self.http

    def count(self):
        """A request is logged when it ends, so this waits until the log stands still."""
        size = -1
        while size != os.path.getsize(self.log_path):
            size = os.path.getsize(self.log_path)
            time.sleep(0.1 + 2 * self.network.round_trip)
        with open(self.log_path, encoding="utf-8", errors="surrogateescape") as log:
            log.seek(self.position)
            lines = log.readlines()
            self.position = log.tell()
        return count_requests(lines)


def _openssl(home, *argv):
    subprocess.run(["openssl", *argv], cwd=home, check=True, capture_output=True)


def make_certificates(home):
    key = ["-newkey", "rsa:2048", "-nodes"]
    _openssl(home, "req", "-x509", *key, "-days", "2", "-subj", "/CN=benchmark CA",
             "-keyout", "ca.key", "-out", "ca.pem")
    _openssl(home, "req", *key, "-subj", "/CN=origin", "-keyout", "server.key", "-out", "server.csr")
    with open(os.path.join(home, "names"), "w", encoding="utf-8") as names:
        names.write(f"subjectAltName=IP:{SERVER_ADDRESS}\n")
    _openssl(home, "x509", "-req", "-in", "server.csr", "-CA", "ca.pem", "-CAkey", "ca.key",
             "-CAcreateserial", "-days", "2", "-extfile", "names", "-out", "server.pem")


def _write_config(home, www):
    temp = "".join(f"{kind}_temp_path {home}/{kind};"
                   for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi"))
    path = os.path.join(home, "nginx.conf")
    with open(path, "w", encoding="utf-8") as config:
        config.write(CONFIG.format(home=home, www=www, temp=temp, address=SERVER_ADDRESS,
                                   http=HTTP_PORT, https=HTTPS_PORT))
    return path


@contextlib.contextmanager
def nginx(network, home, www):
    """nginx over `www`; `home` is a directory of its own."""
    os.makedirs(home)
    make_certificates(home)
    server = subprocess.Popen([*network.server, "/usr/sbin/nginx", "-p", home,
                               "-e", f"{home}/error.log", "-c", _write_config(home, www)])
    origin = Origin(home, network)
    try:
        answers = ["curl", "-sf", "--retry", "20", "--retry-connrefused", "--retry-delay", "1",
                   "--cacert", origin.ca, "-o", "/dev/null", origin.https]
        subprocess.run([*network.client, *answers], check=True)
        origin.count()
        yield origin
    finally:
        server.terminate()
        server.wait()
