"""TLS: versions and ciphers, certificates of clients, and certificates that change."""

import contextlib
import hashlib
import socket
import ssl
import warnings
from pathlib import Path

from cryptography import x509

import http2
from certificates import Authority
from daemon import Daemon, stop
from processes import Failed, running, wait_until
from proxies import Proxies
from upstream import Upstream
from wire import NO_ANSWER

ENVOY = [x509.UniformResourceIdentifier("spiffe://shop.example/envoy")]


class Checker:
    def __init__(self, daemon: Daemon, folder: Path) -> None:
        self.daemon, self.folder = daemon, folder
        self.wrong: list[str] = []
        daemon.authority.write(folder / "authority.pem")

    def context(self, client: str | None) -> ssl.SSLContext:
        context = ssl.create_default_context(cafile=self.folder / "authority.pem")
        # A client that would take anything: what is refused, the daemon refuses.
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
            context.minimum_version = ssl.TLSVersion.TLSv1
        context.set_ciphers("ALL:COMPLEMENTOFALL:@SECLEVEL=0")
        context.set_alpn_protocols(["h2", "http/1.1"])
        if client:
            context.load_cert_chain(self.folder / f"{client}.pem", self.folder / f"{client}.key")
        return context

    def handshake(self, context: ssl.SSLContext, port: int | None = None) -> tuple[str, str, str, str] | None:
        """Version, cipher, protocol and certificate of a connection on which the daemon speaks; `None` if it ended it."""
        port = port or self.daemon.places.ext_authz
        with contextlib.suppress(ssl.SSLError, ConnectionError, TimeoutError):
            with socket.create_connection(("127.0.0.1", port), timeout=10) as plain:
                with context.wrap_socket(plain, server_hostname="guardhouse.example") as connection:
                    connection.sendall(http2.PREFACE + http2.settings())
                    if connection.recv(1):
                        certificate = hashlib.sha256(connection.getpeercert(binary_form=True) or b"").hexdigest()
                        cipher = connection.cipher()
                        return (
                            connection.version() or "",
                            cipher[0] if cipher else "",
                            connection.selected_alpn_protocol() or "",
                            certificate,
                        )
        return None

    def expect(self, what: str, found: object, expected: object) -> None:
        if found != expected:
            self.wrong.append(f"{what}: {found}, expected {expected}")

    def versions(self) -> None:
        context = self.context("envoy")
        accepted = []
        for version in (ssl.TLSVersion.TLSv1, ssl.TLSVersion.TLSv1_1, ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3):
            with warnings.catch_warnings(action="ignore", category=DeprecationWarning):
                context = self.context("envoy")
                context.maximum_version = context.minimum_version = version
            found = self.handshake(context)
            if found:
                accepted.append(found[0])
        print(f"versions: {', '.join(accepted)}")
        self.expect("versions", accepted, ["TLSv1.2", "TLSv1.3"])

    def ciphers(self) -> None:
        accepted = []
        for cipher in self.context(None).get_ciphers():
            if cipher["protocol"] == "TLSv1.3":
                continue
            context = self.context("envoy")
            context.maximum_version = ssl.TLSVersion.TLSv1_2
            with contextlib.suppress(ssl.SSLError):
                context.set_ciphers(f"{cipher['name']}:@SECLEVEL=0")
                if self.handshake(context):
                    accepted.append(cipher["name"])
        print(f"ciphers of TLS 1.2: {', '.join(accepted)}")
        weak = [
            name
            for name in accepted
            if not name.startswith("ECDHE-") or not any(mode in name for mode in ("GCM", "CHACHA20"))
        ]
        self.expect("weak ciphers", weak, [])
        self.expect("there are ciphers", bool(accepted), True)
        found = self.handshake(self.context("envoy"))
        print(f"by default: {found and found[:3]}")
        self.expect("protocol", found and found[2], "h2")

    def clients(self) -> None:
        clients, foreign = self.daemon.clients, Authority("clients")
        clients.issue(self.folder / "envoy", ENVOY)
        clients.issue(self.folder / "expired", ENVOY, days=-1)
        clients.issue(self.folder / "server-only", ENVOY, server=True)
        for name in ("other", "web", "both"):
            clients.issue(self.folder / name, [x509.UniformResourceIdentifier(f"spiffe://shop.example/{name}")])
        foreign.issue(self.folder / "foreign", ENVOY)
        self.daemon.authority.issue(self.folder / "of-the-servers", ENVOY)
        for client in (None, "expired", "server-only", "foreign", "of-the-servers", "envoy", "other"):
            accepted = self.handshake(self.context(client)) is not None
            print(f"client certificate {client or 'none'}: {'accepted' if accepted else 'refused'}")
            self.expect(f"client certificate {client}", accepted, client in ("envoy", "other"))

    def credentials(self) -> None:
        """With `client = "optional"`, on HTTP/1.1: what the certificate, or none, is good for."""
        for client, token, expected in (
            ("web", None, 200),
            ("other", None, 403),
            (None, None, 403),
            (None, "envoy", 200),
            ("both", None, 403),
            (None, "both", 403),
            ("both", "both", 200),
            ("foreign", "envoy", 0),
            ("expired", "envoy", 0),
        ):
            status = self.status(client, self.daemon.secrets[token] if token else None)
            what = f"forward-auth with the certificate {client or 'none'} and the token {token or 'none'}"
            print(f"{what}: {status or 'refused'}")
            self.expect(what, status, expected)

    def status(self, client: str | None, secret: str | None) -> int:
        context = self.context(client)
        context.set_alpn_protocols(["http/1.1"])
        head = (
            "GET /v1/tenants/acme/forward-auth/envoy/public/1 HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\n"
        )
        head += f"Guardhouse-Credential: {secret}\r\n" if secret else ""
        with contextlib.suppress(ssl.SSLError, ConnectionError):
            with socket.create_connection(("127.0.0.1", self.daemon.secure), timeout=10) as plain:
                with context.wrap_socket(plain, server_hostname="guardhouse.example") as connection:
                    connection.sendall(head.encode() + b"\r\n")
                    return int(connection.recv(4096)[9:12] or 0)
        return NO_ANSWER.status

    def certificate(self) -> str | None:
        found = self.handshake(self.context("envoy"))
        return found and found[3]

    def rotation(self, log: Path) -> None:
        """A new certificate serves new connections, a broken one does not, and connections that are open stay."""
        context = self.context("envoy")
        plain = socket.create_connection(("127.0.0.1", self.daemon.places.ext_authz), timeout=10)
        with context.wrap_socket(plain, server_hostname="guardhouse.example") as old:
            old.sendall(http2.PREFACE + http2.settings())
            before = self.certificate()
            path = self.daemon.folder / "tls/server"
            new = hashlib.sha256(
                self.daemon.authority.issue(path, [x509.DNSName("guardhouse.example")], server=True)
            ).hexdigest()
            assert new != before
            wait_until(lambda: self.certificate() == new, "a new connection sees the new certificate", 15)
            print("a new connection sees the new certificate")
            said = log.stat().st_size
            path.with_suffix(".pem").write_text("nonsense")
            wait_until(lambda: log.stat().st_size > said, "a word in the log about the broken certificate", 15)
            print(f"broken certificate: {log.read_text()[said:].strip()}")
            self.expect("the certificate while the file is broken", self.certificate(), new)
            old.sendall(http2.frame(http2.PING, 0, 0, b"still it"))
            while b"still it" not in (data := old.recv(4096)):
                assert data, "the old connection ended"
            print("the old connection goes on")


def prove(daemon: Daemon, _: Proxies, upstream: Upstream) -> None:
    folder = daemon.folder / "checker"
    folder.mkdir()
    program = daemon.start()
    with running([program]):
        checker = Checker(daemon, folder)
        checker.clients()
        checker.versions()
        checker.ciphers()
        checker.credentials()
        checker.rotation(program.log)
        stop(program)
        if checker.wrong:
            raise Failed("\n".join(checker.wrong))
