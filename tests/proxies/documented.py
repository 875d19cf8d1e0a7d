"""The configurations of `docs/proxies/`, with the ports and folders of a run."""

import re
from dataclasses import dataclass, field
from pathlib import Path

from processes import Failed, free_port

DOCS = Path(__file__).resolve().parents[2] / "docs/proxies"
PAGES = ("envoy.md", "nginx.md", "caddy.md")
# The ports of the documentation.
SHOP, FORWARD_AUTH, EXT_AUTHZ, OPERATOR = 9000, 8182, 8183, 8181


def blocks(page: str, language: str) -> list[str]:
    """The fenced blocks of a page in one language, in order."""
    text = (DOCS / page).read_text()
    found = re.findall(rf"^```{language}\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    if not found:
        raise Failed(f"docs/proxies/{page} has no block in {language}")
    return found


@dataclass
class Places:
    """What stands for the ports and folders of the documentation."""

    folder: Path
    ports: dict[int, int] = field(
        default_factory=lambda: {port: free_port() for port in (SHOP, FORWARD_AUTH, EXT_AUTHZ, OPERATOR)}
    )

    def put_into(self, text: str, listen: int = 0) -> str:
        """Replaces the ports and folders; `listen` is the port of the proxy, 8080 in the documentation."""
        for documented, port in {**self.ports, 8080: listen}.items():
            text = re.sub(rf"\b{documented}\b", str(port), text)
        return text.replace("/etc/", f"{self.folder}/etc/")

    @property
    def forward_auth(self) -> int:
        return self.ports[FORWARD_AUTH]

    @property
    def ext_authz(self) -> int:
        return self.ports[EXT_AUTHZ]

    @property
    def operator(self) -> int:
        return self.ports[OPERATOR]

    @property
    def shop(self) -> int:
        return self.ports[SHOP]
