from __future__ import annotations

import io
import zipfile

import pytest

from airflow_mlops_provider.exceptions import IntegrityError
from airflow_mlops_provider.stores.code.archive import archive_of, code_digest, files_in
from airflow_mlops_provider.stores.code.sources import LARGEST_CODE

FILES = {"b/c.py": b"x = 1\n", "a.py": b"import b.c\n"}


def test_the_same_code_gives_the_same_bytes_in_whatever_order_it_was_found():
    backwards = dict(reversed(FILES.items()))
    assert archive_of(FILES) == archive_of(backwards)
    assert code_digest(FILES) == "sha256:00b257e50cda8dd6d230161d38f6f77d4278b5c788c888374e4149d0ec625dd0"


def test_what_was_packed_comes_out():
    assert files_in(archive_of(FILES), where="it") == FILES


@pytest.mark.parametrize("name", ["../out.py", "/etc/out.py", "a/../../out.py", "a\\b.py", "./a.py"])
def test_a_name_that_leads_out_of_the_folder_is_refused(name):
    with pytest.raises(IntegrityError, match="code it holds a file named"):
        files_in(archive_of({name: b""}), where="it")


def test_what_is_no_archive_is_refused():
    with pytest.raises(IntegrityError, match="code it is no archive of code"):
        files_in(b"not a ZIP", where="it")


def test_an_archive_that_swells_is_refused():
    swelling = io.BytesIO()
    with zipfile.ZipFile(swelling, "w", zipfile.ZIP_DEFLATED) as archive:
        archive.writestr("zeros.bin", bytes(LARGEST_CODE + 1))
    with pytest.raises(IntegrityError, match="code it has more than"):
        files_in(swelling.getvalue(), where="it")
