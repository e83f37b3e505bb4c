"""Images on servers: fetched within limits of size and time, and from public addresses only.

A name is resolved once, and the connection goes to an address that was checked, so that a second answer of the name
server changes nothing. Every redirect is checked likewise. Proxies are not used: they would resolve names themselves.
"""

from __future__ import annotations

import ipaddress
import socket
import time
from functools import cache
from typing import TYPE_CHECKING, Any

from ..errors import ImageError, require

if TYPE_CHECKING:
    import ssl

    import httpx

_MOST_REDIRECTS = 5
_HEADERS = {"Accept": "image/*", "Accept-Encoding": "identity", "User-Agent": "swaprank"}
# IPv4 addresses in IPv6 ones, as translators between both write them.
_NAT64 = ipaddress.ip_network("64:ff9b::/96")


def client() -> httpx.Client:
    """A client for `fetched`; it may be used by several threads.

    Raises:
        MissingDependencyError: httpx is not installed.
    """
    library: Any = _library()
    found: httpx.Client = library.Client(verify=_certificates(), trust_env=False, follow_redirects=False)
    return found


def fetched(client: httpx.Client, url: str, name: str, *, most_bytes: int, seconds: float) -> bytes:
    """The bytes of an image on a server.

    Args:
        client: From `client`.
        url: An http or https URL.
        name: What messages call the image.
        most_bytes: More are not read.
        seconds: Most seconds in all.

    Raises:
        ImageError: The server is at no public address, does not answer with the image, or not within the limits.
    """
    library = _library()
    until = time.monotonic() + seconds
    try:
        for _ in range(_MOST_REDIRECTS + 1):
            found = _answer(client, library.URL(url), name, most_bytes, until)
            if isinstance(found, bytes):
                return found
            url = found
    except library.TimeoutException as error:
        raise ImageError(f"{name} took more than {seconds:g} seconds.", hint="Raise image_limits.seconds.") from error
    except (library.HTTPError, library.InvalidURL, OSError, ValueError) as error:
        if isinstance(error, ImageError):
            raise
        raise ImageError(f"{name} cannot be fetched: {type(error).__name__}.") from error
    raise ImageError(f"{name} is redirected more than {_MOST_REDIRECTS} times.")


def is_public(address: str) -> bool:
    """Whether an IP address belongs to the internet, not to this machine, its network, or a special use."""
    found = ipaddress.ip_address(address.partition("%")[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is None and found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not found.is_multicast


def _answer(client: httpx.Client, url: httpx.URL, name: str, most_bytes: int, until: float) -> bytes | str:
    """The bytes, or the URL that the server points to."""
    import httpx

    if url.scheme not in ("http", "https") or not url.host:
        raise ImageError(f"{name} leads to a URL of {url.scheme or 'no'} scheme.", hint="http and https are fetched.")
    host, port = url.raw_host.decode(), url.port or (443 if url.scheme == "https" else 80)
    addresses = _public_addresses(host.strip("[]"), port, name)
    # Name and password of the URL are left out, as browsers do for images.
    headers = {**_HEADERS, "Host": url.netloc.decode()}
    for place, address in enumerate(addresses):
        target = url.copy_with(host=address, username=None, password=None)
        timeout = httpx.Timeout(_left(until))
        try:
            with client.stream(
                "GET", target, headers=headers, extensions={"sni_hostname": host}, timeout=timeout
            ) as response:
                if response.has_redirect_location:
                    return str(url.join(response.headers["location"]))
                return _body(response, name, most_bytes, until)
        except httpx.ConnectError:
            if place == len(addresses) - 1:
                raise
    raise AssertionError("There is at least one address.")


def _body(response: httpx.Response, name: str, most_bytes: int, until: float) -> bytes:
    if response.status_code != 200:
        raise ImageError(f"{name} cannot be fetched: its server answered {response.status_code}.")
    if response.headers.get("content-encoding", "identity") != "identity":
        raise ImageError(f"{name} is sent compressed, although its server was asked not to.")
    data = bytearray()
    for part in response.iter_raw():
        data += part
        if len(data) > most_bytes:
            raise ImageError(f"{name} has more than {most_bytes} bytes.", hint="Raise image_limits.bytes.")
        _left(until)
    return bytes(data)


def _public_addresses(host: str, port: int, name: str) -> list[str]:
    found = dict.fromkeys(str(one[4][0]) for one in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM))
    public = [address for address in found if is_public(address)]
    if not public:
        raise ImageError(
            f"{name} is on a server of a private network or of this machine.", hint="Fetch it and give its bytes."
        )
    return public


def _left(until: float) -> float:
    """Seconds that are left.

    Raises:
        httpx.ReadTimeout: None are.
    """
    import httpx

    left = until - time.monotonic()
    if left <= 0:
        raise httpx.ReadTimeout("The time is used up.")
    return left


@cache
def _certificates() -> ssl.SSLContext:
    # Reading them takes longer than many a fetch.
    context: ssl.SSLContext = _library().create_ssl_context(trust_env=False)
    return context


def _library() -> Any:
    return require("httpx", extra="http", purpose="Fetching images")
