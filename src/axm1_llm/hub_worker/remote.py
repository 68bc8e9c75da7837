"""The hub, through `huggingface_hub`: what a repository holds, and the bytes of its files.

Used by the worker only: importing that library takes a second and 25 MB.

Of the library's downloads only `http_get` goes on where an earlier process left off; `hf_hub_download` throws
a part of a file away when it fails (2.4). Xet is not used: its downloads cannot be resumed by a new process.
"""

from __future__ import annotations

import errno
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, BinaryIO
from urllib.parse import urlsplit

from huggingface_hub import HfApi, constants, get_hf_file_metadata, hf_hub_url
from huggingface_hub.errors import (
    GatedRepoError,
    HfHubHTTPError,
    RemoteEntryNotFoundError,
    RepositoryNotFoundError,
    RevisionNotFoundError,
)
from huggingface_hub.file_download import http_get
from huggingface_hub.utils._headers import build_hf_headers
from huggingface_hub.utils.tqdm import tqdm

from axm1_llm.errors import NoSpaceError, NotOnHubError, PullError
from axm1_llm.hub.remote_file import RemoteFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from axm1_llm.hub.wanted import Wanted

# Of a piece that breaks off in the middle nothing is kept, and nothing is told before it is whole: the
# library's own 10 MB are half a minute on a slow line.
constants.DOWNLOAD_CHUNK_SIZE = 256 * 1024

_HTTP_LIBRARIES = ("httpx", "httpx2", "httpcore", "httpcore2")
_KEPT = "pull again to go on: what has come is kept"
_UNAUTHORIZED, _FORBIDDEN, _TOO_MANY = 401, 403, 429


class Repository:
    """One repository, at one commit.

    Args:
        wanted: which one.

    Attributes:
        commit: the one that its revision means now.
        files: all that it holds then.

    Raises:
        NotOnHubError: there is no such repository or revision.
        PullError: the hub does not answer, or not to us.
    """

    def __init__(self, wanted: Wanted) -> None:
        self._api = HfApi()
        self._repo = wanted.repo
        self._wanted = wanted
        with self._explained():
            found = self._api.model_info(wanted.repo, revision=wanted.revision, files_metadata=True)
        if found.sha is None or found.siblings is None:
            raise PullError(f"{self._api.endpoint} does not say what '{wanted.repo}' holds; is it a hub?")
        self.commit = found.sha
        self.files = tuple(self._file(each) for each in found.siblings)

    def fetch(self, file: RemoteFile, into: BinaryIO, came: Callable[[int], None]) -> None:
        """Append what is still missing of a file.

        Args:
            file: one of `files`.
            into: open for reading and writing, positioned behind what it has already.
            came: called with the number of bytes of each piece; a negative one takes bytes back, when the
                hub starts over from the beginning.

        Raises:
            PullError: the file does not come, or not all of it.
        """
        url = hf_hub_url(self._repo, file.path, revision=self.commit, endpoint=self._api.endpoint)
        headers = {**build_hf_headers(), "Accept-Encoding": "identity"}
        with self._explained():
            place = get_hf_file_metadata(url).location
            if urlsplit(place).netloc != urlsplit(url).netloc:
                headers.pop("authorization", None)  # a foreign host must not see the token
            http_get(
                place,
                into,
                resume_size=into.tell(),
                headers=headers,
                expected_size=file.size,
                displayed_filename=file.name,
                tqdm_class=_counting(came),
            )

    def _file(self, found: Any) -> RemoteFile:  # noqa: ANN401 - the library's `RepoSibling`
        digest = f"sha256:{found.lfs.sha256}" if found.lfs else f"sha1:{found.blob_id}"
        file = RemoteFile(found.rfilename, found.size or 0, digest)
        if not file.is_safe or not all(character in "sha:0123456789abcdef" for character in digest):
            raise PullError(f"'{self._repo}' has a file that must not be written here: {file.path!r}")
        return file

    @contextmanager
    def _explained(self) -> Iterator[None]:
        try:
            yield
        except PullError:
            raise
        except Exception as error:
            raise self._explain(error) from error

    def _explain(self, error: Exception) -> PullError:
        hub, repo = self._api.endpoint, self._repo
        if isinstance(error, HfHubHTTPError):
            return self._refusal(error)
        what = str(error) or type(error).__name__
        if type(error).__module__.split(".")[0] in _HTTP_LIBRARIES:
            return PullError(f"the connection to {hub} failed ({what}); look at the network; {_KEPT}")
        if not isinstance(error, OSError):
            return PullError(f"{hub} gave an answer that cannot be used ({type(error).__name__}: {what})")
        if error.errno == errno.ENOSPC:
            return NoSpaceError(f"the disk became full while '{repo}' came; free some, then {_KEPT}")
        return PullError(f"'{repo}' did not come completely ({what}); {_KEPT}")

    def _refusal(self, error: HfHubHTTPError) -> PullError:
        hub, repo = self._api.endpoint, self._repo
        match error:
            case GatedRepoError():
                return PullError(f"'{repo}' is for those who were let in: ask at {hub}/{repo}, set HF_TOKEN")
            case RepositoryNotFoundError():
                return NotOnHubError(f"model '{repo}' not found at {hub}; a private one needs HF_TOKEN")
            case RevisionNotFoundError():
                return NotOnHubError(f"'{repo}' has no revision '{self._wanted.revision}' at {hub}")
            case RemoteEntryNotFoundError():
                return NotOnHubError(f"'{repo}' at {hub} has lost a file meanwhile; pull again")
            case _:
                return self._refused(error.response.status_code)

    def _refused(self, status: int) -> PullError:
        hub, repo = self._api.endpoint, self._repo
        told = {
            _UNAUTHORIZED: f"{hub} does not take the key in HF_TOKEN",
            _FORBIDDEN: f"{hub} does not let the key in HF_TOKEN read '{repo}'",
            _TOO_MANY: f"{hub} was asked too often; wait some minutes, then {_KEPT}",
        }
        return PullError(told.get(status, f"{hub} answered {status} for '{repo}'; {_KEPT}"))


def _counting(came: Callable[[int], None]) -> type[Any]:
    class Counting(tqdm):
        """A progress bar that draws nothing."""

        def __init__(self, *_: object, **__: object) -> None:
            super().__init__(disable=True)  # type: ignore[no-untyped-call] # tqdm has no types

        def update(self, n: float | None = 1) -> bool | None:
            came(int(n or 0))
            return None

    return Counting
